//! Where sessions rest: the contract of every session store.

use unlapse_core::{BoxFuture, UnixTime};

use crate::pepper::Kid;
use crate::policy::Policy;
use crate::session::{RevokedBecause, Session, SessionId};
use crate::store::Unavailable;
use crate::succession::{Presented, Succession};

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

/// Keeps sessions.
pub trait Sessions: Send + Sync {
    /// Keeps a new session. Never replaces one. A store with a clock of its own, shared by its
    /// nodes, moves its times by as much as `rotated_at`, which is now, differs from that.
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

    /// The sessions of `subject` that are live at `now`, the newest first: [`MOST_SESSIONS`] at
    /// most.
    fn of_subject<'a>(
        &'a self,
        subject: &'a str,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<Session>, Unavailable>>;

    /// Ends every live session of `subject` but `keep`; returns which this call ended.
    fn revoke_subject<'a>(
        &'a self,
        subject: &'a str,
        keep: Option<SessionId>,
        because: RevokedBecause,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<SessionId>, Unavailable>>;
}

/// So many sessions of one subject are listed at most.
pub const MOST_SESSIONS: usize = 1000;
