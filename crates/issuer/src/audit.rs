//! What happened, for whoever keeps an audit log. Never a secret.

use std::sync::Arc;

use unlapse_core::UnixTime;

use crate::denied::Code;
use crate::session::{RevokedBecause, SessionId};

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A user logged in with a password. [`Event::SessionOpened`] follows.
    LoggedIn,
    /// A session began.
    SessionOpened,
    /// A client was granted a token for itself.
    ClientGranted,
    /// A refresh token was succeeded by the next.
    Rotated,
    /// A refresh token was answered, within its grace, with the successor it already had.
    Replayed,
    /// A session was ended before its time.
    Revoked(RevokedBecause),
    /// One access token that belongs to no session was revoked.
    AccessTokenRevoked,
    /// A request was refused.
    Refused(Code),
}

/// An entry of the audit log.
///
/// A name that a login failed with is not in it: people type their password there, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audit<'a> {
    /// When.
    pub at: UnixTime,
    /// What.
    pub event: Event,
    /// In which session, where there is one.
    pub session: Option<SessionId>,
    /// About whom, where it is known.
    pub subject: Option<&'a str>,
    /// By which client, where it has proved itself.
    pub client: Option<&'a str>,
}

/// Is told everything that happens, while it happens: it must return at once.
pub type AuditHook = Arc<dyn Fn(&Audit<'_>) + Send + Sync>;
