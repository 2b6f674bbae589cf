//! What is known of a connection; no secret.

use serde::Serialize;
use unlapse::{Info, Source};
use unlapse_core::{LoginReason, State};

use crate::connection_id::ConnectionId;

/// A connection as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Whose, at whom.
    #[serde(flatten)]
    pub id: ConnectionId,
    /// Whether it can be used without its user.
    #[serde(flatten)]
    pub state: ConnectionState,
    /// Which token it has: grows with each.
    pub generation: u64,
    /// When that ends, in seconds since 1970; `None` when it has no end.
    pub expires_at: Option<u64>,
    /// Whether there is a refresh token.
    pub has_refresh_token: bool,
}

/// Whether a connection can be used without its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "because", rename_all = "snake_case")]
pub enum ConnectionState {
    /// It can.
    Active,
    /// Its user has to connect again, for this reason. A token that is still valid is served until then.
    Reconnect(LoginReason),
}

impl Connection {
    /// What `info` says; `None` where there is no such connection.
    pub(crate) fn of(id: &ConnectionId, info: &Info) -> Option<Self> {
        if info.source == Source::Nothing {
            return None;
        }
        Some(Self {
            id: id.clone(),
            state: match info.state {
                State::Active => ConnectionState::Active,
                State::NeedsLogin(reason) => ConnectionState::Reconnect(reason),
            },
            generation: info.generation,
            expires_at: info.expires_at.map(unlapse_core::UnixTime::as_secs),
            has_refresh_token: info.has_refresh_token,
        })
    }
}
