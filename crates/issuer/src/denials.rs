//! What was revoked, told to every node: the contract of every store.

use core::future::pending;

use unlapse_core::{BoxFuture, UnixTime};

use crate::store::Unavailable;

/// The id of a session, or the `jti` of an access token without one, and when it was denied by the
/// store's clock. No token that was issued before may be used from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// `sid` or `jti`.
    pub id: String,
    /// When.
    pub at: UnixTime,
}

/// Tells every node what was revoked on any.
pub trait Denials: Send + Sync {
    /// Denies an access token that belongs to no session. A session that is revoked is denied by
    /// that alone.
    fn deny<'a>(&'a self, jti: &'a str, now: UnixTime) -> BoxFuture<'a, Result<(), Unavailable>>;

    /// What was denied at `since` or later, by the store's clock. Entries may come twice.
    fn denied(&self, since: UnixTime) -> BoxFuture<'_, Result<Vec<Denial>, Unavailable>>;

    /// Returns when there may be something new since it was called, even if it was not polled at
    /// once: what a store that cannot tell never does. Nodes look now and then in any case.
    fn news(&self) -> BoxFuture<'_, ()> {
        Box::pin(pending())
    }
}
