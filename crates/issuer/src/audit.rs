//! What happened, for whoever keeps an audit log. Never a secret.

use std::net::IpAddr;
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
    /// A token was given for another one (RFC 8693) or for an assertion (RFC 7523).
    Exchanged,
    /// A user let a device in (RFC 8628).
    DeviceApproved,
    /// A user kept a device out (RFC 8628).
    DeviceRefused,
    /// A refresh token was succeeded by the next.
    Rotated,
    /// A refresh token was answered, within its grace, with the successor it already had.
    Replayed,
    /// A session was ended before its time.
    Revoked(RevokedBecause),
    /// One access token that belongs to no session was revoked.
    AccessTokenRevoked,
    /// Another key signs from now on.
    KeyRotated,
    /// A signing key was given up before its time: nothing that it signed is accepted any more.
    KeyRevoked,
    /// A request was refused.
    Refused(Code),
}

impl Event {
    /// The name of [`Event::Refused`].
    pub(crate) const REFUSED: &str = "refused";

    /// A stable name, for logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoggedIn => "logged_in",
            Self::SessionOpened => "session_opened",
            Self::ClientGranted => "client_granted",
            Self::Exchanged => "exchanged",
            Self::DeviceApproved => "device_approved",
            Self::DeviceRefused => "device_refused",
            Self::Rotated => "rotated",
            Self::Replayed => "replayed",
            Self::Revoked(_) => "revoked",
            Self::AccessTokenRevoked => "access_token_revoked",
            Self::KeyRotated => "key_rotated",
            Self::KeyRevoked => "key_revoked",
            Self::Refused(_) => Self::REFUSED,
        }
    }

    /// Why, where there is a reason: a stable name.
    pub fn code(self) -> Option<&'static str> {
        match self {
            Self::Revoked(because) => Some(because.as_str()),
            Self::Refused(code) => Some(code.as_str()),
            _ => None,
        }
    }
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
    /// From which address, where it is known.
    pub peer: Option<IpAddr>,
}

/// Is told everything that happens, while it happens: it must return at once. An address that has to
/// wait is told of once a minute, however often it asks; [`Counts::limited`](crate::Counts) has each.
pub type AuditHook = Arc<dyn Fn(&Audit<'_>) + Send + Sync>;
