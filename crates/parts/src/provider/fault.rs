//! How a request can fail.

use std::time::Duration;

/// What becomes of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 503.
    Unavailable,
    /// 429 with this `Retry-After`, in whole seconds.
    Limited(Duration),
    /// A firewall's web page, with 200.
    Page,
    /// Nothing is done and nothing said, and the connection is closed after so long.
    Hang(Duration),
    /// What was asked is done, and the connection is closed without a word.
    LostReply,
    /// `invalid_grant`, although the refresh token is good.
    InvalidGrant,
    /// `invalid_client`: the app is wrong, and no login (RFC 6749 §5.2).
    InvalidClient,
    /// It is done, later.
    Slow(Duration),
}

impl Fault {
    /// Whether the request is carried out all the same.
    pub(super) fn is_carried_out(self) -> bool {
        matches!(self, Self::LostReply | Self::Slow(_))
    }
}
