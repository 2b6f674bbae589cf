//! What is known of a credential, without its secrets (A1).

use std::time::Duration;

use unlapse_core::{Failure, Now, Policy, State, UnixTime};

use crate::current::{Credential, Current};

/// A credential as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// Where the token came from.
    pub source: Source,
    /// Which token it is; zero when there is none.
    pub generation: u64,
    /// When the request that bought it was sent.
    pub obtained_at: Option<UnixTime>,
    /// When it ends; `None` when there is none or it has no end.
    pub expires_at: Option<UnixTime>,
    /// What is left of its life.
    pub expires_in: Option<Duration>,
    /// Whether there is a token that may not be used any more.
    pub is_expired: bool,
    /// How much longer it is served at most although it has ended, since its server cannot be
    /// reached (K12); `None` when it is not.
    pub stale_for: Option<Duration>,
    /// Whether it can be renewed without a person.
    pub has_refresh_token: bool,
    /// Whether the login is alive.
    pub state: State,
    /// Whether the newest token still has to be saved (R5).
    pub is_unsaved: bool,
    /// The last failed renewal since the token changed.
    pub last_failure: Option<Failure>,
    /// Outcomes that were not known when they happened (R7).
    pub doubts: u32,
    /// The server's clock less ours, in milliseconds.
    pub clock_offset: Option<i64>,
}

/// Where a credential came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// There is none.
    Nothing,
    /// A token of the server's.
    Token,
    /// The API key (R14).
    ApiKey,
}

impl Info {
    /// Whether the token has ended and is served all the same (K12).
    pub fn is_stale(&self) -> bool {
        self.stale_for.is_some()
    }

    pub(crate) fn of(current: Option<&Current>, now: &Now, policy: &Policy) -> Self {
        let mut info = Self {
            source: Source::Nothing,
            generation: 0,
            obtained_at: None,
            expires_at: None,
            expires_in: None,
            is_expired: false,
            stale_for: None,
            has_refresh_token: false,
            state: State::Active,
            is_unsaved: false,
            last_failure: None,
            doubts: 0,
            clock_offset: None,
        };
        let Some(current) = current else { return info };
        if matches!(current.credential, Credential::ApiKey { .. }) {
            info.source = Source::ApiKey;
        }
        let Some(record) = current.record() else { return info };
        info.generation = record.generation;
        info.state = record.state;
        info.is_unsaved = current.is_unsaved();
        info.stale_for = record.stale_left(now, policy).filter(|_| current.is_stale());
        info.last_failure = record.failure;
        info.doubts = record.doubts;
        info.clock_offset = record.clock_offset;
        info.has_refresh_token = record.refresh_token(now).is_some();
        if let Some(token) = &record.token {
            info.source = Source::Token;
            info.obtained_at = Some(token.obtained.wall);
            info.expires_at = token.expires_at();
            info.expires_in = token.left(now);
            info.is_expired = token.is_expired(now);
        }
        info
    }
}
