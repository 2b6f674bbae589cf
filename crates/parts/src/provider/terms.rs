//! On what terms tokens are issued.

use std::time::Duration;

/// What becomes of a refresh token that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// It stays.
    Stable,
    /// It works until its successor is used.
    UntilUsed,
    /// For so long it brings the same successor again; used later, it ends the login.
    Grace(Duration),
    /// Used again, it ends the login.
    Strict,
}

/// The terms of a [`Provider`](crate::Provider).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What becomes of a refresh token that was used.
    pub rotation: Rotation,
    /// How long an access token lives; said in seconds, as RFC 6749 §5.1 has it.
    pub access_ttl: Duration,
    /// Whether a refresh ends the access token before.
    pub one_access_token: bool,
    /// How long it thinks about each request.
    pub delay: Duration,
}

impl Default for Terms {
    /// Strict, an hour, at once.
    fn default() -> Self {
        Self {
            rotation: Rotation::Strict,
            access_ttl: Duration::from_secs(3600),
            one_access_token: false,
            delay: Duration::ZERO,
        }
    }
}
