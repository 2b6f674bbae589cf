//! What went wrong with a connection, in codes that do not change (I5).

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use unlapse::Error;
use unlapse_core::{Cause, LoginReason, RuleBroken, StoreError, UnixTime};

use crate::connection_id::ConnectionId;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    /// There is no such connection.
    AccountNotFound,
    /// A refresh was asked for, and there is nothing to refresh with.
    NoRefreshToken,
    /// The refresh failed. [`ConnectionError::needs_reconnect`] tells whether for good.
    TokenRefreshError,
    /// The token has ended and will not be renewed: the user has to connect again.
    TokenExpired,
    /// The provider gave no access token.
    NoAccessToken,
    /// The token could not be read.
    GetTokenError,
}

/// Why, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Finer {
    /// The provider takes the refresh token no more: the user, or the provider, has ended the login.
    UserRevoked,
    /// The refresh token was not used for too long.
    RtExpiredIdle,
    /// The reply to a refresh was lost, and the provider takes its predecessor no more.
    RotationLost,
    /// The provider rejects us, not the user.
    AppConfig,
    /// The provider gives no answer, or none that can be used.
    ProviderDown,
    /// The provider wants to be asked less.
    RateLimited,
    /// Somebody else is refreshing it.
    RefreshInProgress,
}

/// What was asked of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To refresh it.
    Refresh,
    /// For its access token.
    AccessToken,
}

/// Why a connection could not do what it was asked. It is still there, whatever went wrong (I4).
#[derive(Clone, Debug)]
pub struct ConnectionError {
    /// What went wrong.
    pub code: Code,
    /// Why.
    pub finer: Option<Finer>,
    /// With which connection.
    pub account: ConnectionId,
    /// Tries that were made.
    pub attempts: u32,
    /// How long they took, waits included.
    pub duration: Duration,
    /// Asking before then is useless.
    pub retry_at: Option<UnixTime>,
    /// What it comes from. Boxed: it is large, and most calls go well.
    pub source: Option<Box<Error>>,
}

impl ConnectionError {
    /// Whether only the user can help, by connecting again.
    pub fn needs_reconnect(&self) -> bool {
        self.code == Code::NoRefreshToken
            || self.source.as_ref().is_some_and(|error| error.needs_login())
                && self.code != Code::AccountNotFound
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        self.source.as_ref().is_some_and(|error| error.is_retryable())
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(error) => error.fmt(f),
            None => write!(f, "there is no connection {}", self.account),
        }
    }
}

impl std::error::Error for ConnectionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| &**error as _)
    }
}

/// The code of `error`.
pub(crate) fn code(asked: Asked, error: &Error) -> Code {
    match (asked, error) {
        (_, Error::NeedsLogin { reason: LoginReason::NeverLoggedIn, .. }) => Code::AccountNotFound,
        (Asked::Refresh, Error::NeedsLogin { reason: LoginReason::NoRefreshToken, .. }) => {
            Code::NoRefreshToken
        }
        (Asked::AccessToken, Error::NeedsLogin { .. }) => Code::TokenExpired,
        (_, Error::RuleBroken { rule: RuleBroken::NoAccessToken, .. }) => Code::NoAccessToken,
        (Asked::AccessToken, Error::Store(_)) => Code::GetTokenError,
        _ => Code::TokenRefreshError,
    }
}

/// Why, where that is known.
pub(crate) fn finer(error: &Error) -> Option<Finer> {
    Some(match error {
        Error::NeedsLogin { reason, .. } => match reason {
            LoginReason::RefreshRejected | LoginReason::CredentialsRejected => Finer::UserRevoked,
            // What a provider names is how long a refresh token may lie unused.
            LoginReason::RefreshExpired => Finer::RtExpiredIdle,
            LoginReason::RotationLost => Finer::RotationLost,
            _ => return None,
        },
        Error::Temporary { cause: Cause::Status(429), .. } => Finer::RateLimited,
        Error::Temporary { .. } | Error::BreakerOpen { .. } | Error::OutcomeUnknown { .. } => {
            Finer::ProviderDown
        }
        Error::ClientRejected { .. } | Error::SenderKey { .. } | Error::RuleBroken { .. } => {
            Finer::AppConfig
        }
        Error::Deadline { .. } | Error::Store(StoreError::Busy { .. }) => Finer::RefreshInProgress,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse::Key;
    use unlapse_core::Rejection;

    #[test]
    fn i5_a_row_for_each_error() {
        use Code::*;
        use LoginReason as R;
        let key = || Key::new("mail");
        let over = |reason| Error::NeedsLogin { key: key(), reason };
        let later = |cause| Error::Temporary { key: key(), cause, attempts: 1, retry_at: None };
        let broken = |rule| Error::RuleBroken { key: key(), rule };
        let rejected = Error::ClientRejected { key: key(), rejection: Rejection::InvalidClient };
        let open = Error::BreakerOpen { endpoint: "e".to_owned(), until: UnixTime::default() };
        let busy = StoreError::Busy { key: key(), holder: None };
        let late = Error::Deadline { key: key(), waited: Duration::ZERO };
        let lost = Error::OutcomeUnknown { key: key(), cause: Cause::Timeout };
        let rows = [
            (over(R::NeverLoggedIn), AccountNotFound, AccountNotFound, None),
            (over(R::NoRefreshToken), NoRefreshToken, TokenExpired, None),
            (over(R::RefreshRejected), TokenRefreshError, TokenExpired, Some(Finer::UserRevoked)),
            (
                over(R::CredentialsRejected),
                TokenRefreshError,
                TokenExpired,
                Some(Finer::UserRevoked),
            ),
            (over(R::RefreshExpired), TokenRefreshError, TokenExpired, Some(Finer::RtExpiredIdle)),
            (over(R::RotationLost), TokenRefreshError, TokenExpired, Some(Finer::RotationLost)),
            (
                later(Cause::Connect),
                TokenRefreshError,
                TokenRefreshError,
                Some(Finer::ProviderDown),
            ),
            (
                later(Cause::Status(429)),
                TokenRefreshError,
                TokenRefreshError,
                Some(Finer::RateLimited),
            ),
            (open, TokenRefreshError, TokenRefreshError, Some(Finer::ProviderDown)),
            (lost, TokenRefreshError, TokenRefreshError, Some(Finer::ProviderDown)),
            (rejected, TokenRefreshError, TokenRefreshError, Some(Finer::AppConfig)),
            (
                broken(RuleBroken::NoAccessToken),
                NoAccessToken,
                NoAccessToken,
                Some(Finer::AppConfig),
            ),
            (
                broken(RuleBroken::Lifetime),
                TokenRefreshError,
                TokenRefreshError,
                Some(Finer::AppConfig),
            ),
            (late, TokenRefreshError, TokenRefreshError, Some(Finer::RefreshInProgress)),
            (busy.into(), TokenRefreshError, GetTokenError, Some(Finer::RefreshInProgress)),
            (StoreError::TooLarge.into(), TokenRefreshError, GetTokenError, None),
        ];
        for (error, refresh, access_token, why) in rows {
            assert_eq!(code(Asked::Refresh, &error), refresh, "{error}");
            assert_eq!(code(Asked::AccessToken, &error), access_token, "{error}");
            assert_eq!(finer(&error), why, "{error}");
        }
    }
}
