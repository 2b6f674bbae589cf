//! Where sessions rest: the contract of every session store.

use core::time::Duration;

use unlapse_core::{BoxFuture, UnixTime};

use crate::pepper::Kid;
use crate::policy::Policy;
use crate::session::{RevokedBecause, Session, SessionId};
use crate::succession::{Presented, Succession};

/// A store that sessions, users or clients are kept in cannot answer now.
///
/// It becomes a 503 with `Retry-After`, never an `invalid_grant`: clients throw logins away on
/// that. The store logs the cause itself; it may hold what callers must not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store cannot answer now")]
pub struct Unavailable {
    /// Asking again earlier is useless.
    pub retry_after: Duration,
}

/// A refresh, as asked of the store.
#[derive(Clone, Copy, Debug)]
pub struct Advance<'a> {
    /// The session that the refresh token names.
    pub session: SessionId,
    /// What was presented.
    pub presented: Presented<'a>,
    /// The pepper that a next generation will be made under.
    pub kid: &'a Kid,
    /// What time it is; a store with a clock of its own, shared by its nodes, goes by that.
    pub now: UnixTime,
    /// The numbers.
    pub policy: &'a Policy,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advanced {
    /// The decision.
    pub succession: Succession,
    /// The session after it.
    pub session: Session,
}

/// Keeps sessions. Every method is atomic and, in a store that outlives the process, durable
/// when it returns. A cancelled call has happened whole or not at all.
pub trait Sessions: Send + Sync {
    /// Keeps a new session. Never replaces one.
    fn create<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), Unavailable>>;

    /// Decides and applies in one step what [`decide`](crate::decide) and
    /// [`apply`](crate::apply) say, so that of simultaneous calls each sees the one before.
    /// `None` when there is no such session.
    fn advance<'a>(
        &'a self,
        advance: Advance<'a>,
    ) -> BoxFuture<'a, Result<Option<Advanced>, Unavailable>>;

    /// Ends a session for good, unless it is revoked already: the first reason stays. Returns
    /// whether this call ended it.
    fn revoke(
        &self,
        session: SessionId,
        because: RevokedBecause,
        now: UnixTime,
    ) -> BoxFuture<'_, Result<bool, Unavailable>>;

    /// The session as it is.
    fn load(&self, session: SessionId) -> BoxFuture<'_, Result<Option<Session>, Unavailable>>;
}
