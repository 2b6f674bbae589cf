//! What went wrong, as a stable code (I5).

use core::fmt;

/// The stable code of a problem. docs/troubleshooting.md has a heading for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Code {
    /// There is no such connection.
    AccountNotFound,
    /// The access token is about to end, and there is nothing to renew it with.
    NoRefreshToken,
    /// A renewal has failed for now.
    TokenRefreshError,
    /// The access token has ended, and could not be renewed yet.
    TokenExpired,
    /// The connection has no access token.
    NoAccessToken,
    /// No token could be had, for a reason that has no code of its own.
    GetTokenError,
    /// The user, or the provider for them, has ended the login.
    UserRevoked,
    /// The refresh token has ended because it was not used for too long.
    RtExpiredIdle,
    /// The refresh token has come to the end that it had from the beginning.
    RtExpiredAbsolute,
    /// A reply of the provider was lost, and it no longer takes the refresh token before it.
    RotationLost,
    /// The provider refuses the app itself: id, secret, or what it may do.
    AppConfig,
    /// The app, or the connection, names a host that none may name who is not the operator.
    HostRefused,
    /// The provider cannot be reached, or answers with errors of its own.
    ProviderDown,
    /// The provider has had too many requests.
    RateLimited,
    /// The provider renews no token that is this young.
    TooEarly,
    /// Somebody else is renewing it, and there is no valid token meanwhile.
    RefreshInProgress,
    /// The request says something that cannot be.
    BadRequest,
    /// The caller has not proven who it is.
    Unauthorized,
    /// The caller may not do this.
    Forbidden,
    /// What a user brought back is not of the provider that they were sent to (RFC 9700 §4.4).
    MixUp,
    /// There is nothing of that name.
    NotFound,
    /// Something of that name is there already, or has changed meanwhile.
    Conflict,
    /// The request is larger than it may be.
    TooLarge,
    /// The broker has more to do than it can: come back.
    Overloaded,
    /// The broker's database cannot be asked now.
    DatabaseAway,
    /// The keys that secrets are sealed with are not to be had.
    KeysAway,
    /// A record cannot be read: it is damaged, or sealed with a key that is not there.
    RecordDamaged,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 27] = [
        Self::AccountNotFound,
        Self::NoRefreshToken,
        Self::TokenRefreshError,
        Self::TokenExpired,
        Self::NoAccessToken,
        Self::GetTokenError,
        Self::UserRevoked,
        Self::RtExpiredIdle,
        Self::RtExpiredAbsolute,
        Self::RotationLost,
        Self::AppConfig,
        Self::HostRefused,
        Self::ProviderDown,
        Self::RateLimited,
        Self::TooEarly,
        Self::RefreshInProgress,
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::MixUp,
        Self::NotFound,
        Self::Conflict,
        Self::TooLarge,
        Self::Overloaded,
        Self::DatabaseAway,
        Self::KeysAway,
        Self::RecordDamaged,
    ];

    /// As it stands in replies, logs, metrics and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountNotFound => "ACCOUNT_NOT_FOUND",
            Self::NoRefreshToken => "NO_REFRESH_TOKEN",
            Self::TokenRefreshError => "TOKEN_REFRESH_ERROR",
            Self::TokenExpired => "TOKEN_EXPIRED",
            Self::NoAccessToken => "NO_ACCESS_TOKEN",
            Self::GetTokenError => "GET_TOKEN_ERROR",
            Self::UserRevoked => "USER_REVOKED",
            Self::RtExpiredIdle => "RT_EXPIRED_IDLE",
            Self::RtExpiredAbsolute => "RT_EXPIRED_ABSOLUTE",
            Self::RotationLost => "ROTATION_LOST",
            Self::AppConfig => "APP_CONFIG",
            Self::HostRefused => "HOST_REFUSED",
            Self::ProviderDown => "PROVIDER_DOWN",
            Self::RateLimited => "RATE_LIMITED",
            Self::TooEarly => "TOO_EARLY",
            Self::RefreshInProgress => "REFRESH_IN_PROGRESS",
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::Forbidden => "FORBIDDEN",
            Self::MixUp => "MIX_UP",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::TooLarge => "TOO_LARGE",
            Self::Overloaded => "OVERLOADED",
            Self::DatabaseAway => "DATABASE_AWAY",
            Self::KeysAway => "KEYS_AWAY",
            Self::RecordDamaged => "RECORD_DAMAGED",
        }
    }

    /// The code of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }

    /// The HTTP status of a problem of this code (RFC 9110 §15).
    pub fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden | Self::MixUp => 403,
            Self::AccountNotFound | Self::NotFound => 404,
            // The connection is there, and what is asked cannot be had from it as it is.
            Self::Conflict
            | Self::NoRefreshToken
            | Self::NoAccessToken
            | Self::UserRevoked
            | Self::RtExpiredIdle
            | Self::RtExpiredAbsolute
            | Self::RotationLost
            | Self::TooEarly => 409,
            Self::TooLarge => 413,
            Self::RateLimited => 429,
            Self::RecordDamaged => 500,
            Self::TokenRefreshError | Self::AppConfig | Self::HostRefused | Self::GetTokenError => {
                502
            }
            Self::TokenExpired
            | Self::ProviderDown
            | Self::RefreshInProgress
            | Self::Overloaded
            | Self::DatabaseAway
            | Self::KeysAway => 503,
        }
    }

    /// What it means, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::AccountNotFound => "There is no such connection",
            Self::NoRefreshToken => "There is no refresh token to renew it with",
            Self::TokenRefreshError => "The renewal has failed for now",
            Self::TokenExpired => "The token has ended, and could not be renewed yet",
            Self::NoAccessToken => "The connection has no access token",
            Self::GetTokenError => "No token could be had",
            Self::UserRevoked => "The user has ended the login",
            Self::RtExpiredIdle => "The refresh token was not used for too long",
            Self::RtExpiredAbsolute => "The refresh token has come to its end",
            Self::RotationLost => "A reply of the provider was lost, and the login with it",
            Self::AppConfig => "The provider refuses the app",
            Self::HostRefused => "The broker asks nothing of that host",
            Self::ProviderDown => "The provider cannot be reached",
            Self::RateLimited => "The provider has had too many requests",
            Self::TooEarly => "The provider renews no token that is this young",
            Self::RefreshInProgress => "It is being renewed",
            Self::BadRequest => "The request cannot be",
            Self::Unauthorized => "The caller has not proven who it is",
            Self::Forbidden => "The caller may not do this",
            Self::MixUp => "The answer is not of the provider that was asked",
            Self::NotFound => "There is nothing of that name",
            Self::Conflict => "It is there already, or has changed meanwhile",
            Self::TooLarge => "The request is too large",
            Self::Overloaded => "The broker has too much to do",
            Self::DatabaseAway => "The broker's database cannot be asked",
            Self::KeysAway => "The sealing keys are not to be had",
            Self::RecordDamaged => "The record cannot be read",
        }
    }

    /// What to do next.
    pub fn next(self) -> &'static str {
        match self {
            Self::AccountNotFound => {
                "Connect the account, or look for a typing error in its names."
            }
            Self::NoRefreshToken
            | Self::UserRevoked
            | Self::RtExpiredIdle
            | Self::RtExpiredAbsolute
            | Self::RotationLost => "Have the user connect the account again.",
            Self::NoAccessToken => "Connect the account, or bring its tokens.",
            Self::TokenRefreshError
            | Self::TokenExpired
            | Self::ProviderDown
            | Self::RateLimited
            | Self::RefreshInProgress
            | Self::Overloaded
            | Self::DatabaseAway => "Nothing is lost: ask again at `retry_at`.",
            Self::TooEarly => "Use the token that there is; ask again at `retry_at`.",
            Self::AppConfig => "Mend the app's id, secret or settings; its connections are kept.",
            Self::HostRefused => {
                "Name a public host; one inside is for the operator to allow (`private_hosts`)."
            }
            Self::GetTokenError => "Look up the connection's history.",
            Self::BadRequest => "Mend what `detail` names.",
            Self::Unauthorized => "Bring an API key or a token that is valid.",
            Self::Forbidden => "Use a key that has the verb and the tenant.",
            Self::MixUp => "Have the user begin again; the log names both apps.",
            Self::NotFound => "Look for a typing error in the name.",
            Self::Conflict => "Read it again, and decide anew.",
            Self::TooLarge => "Send less at a time.",
            Self::KeysAway => "Make the master key available to the broker.",
            Self::RecordDamaged => "Bring back the sealing key that is missing, or a backup.",
        }
    }

    /// The address of what docs/troubleshooting.md says about it.
    pub(crate) fn docs(self) -> String {
        const PAGE: &str =
            concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/troubleshooting.md");
        format!("{PAGE}#{}", self.as_str().to_ascii_lowercase())
    }

    /// Whether only a person can help: their consent is needed anew.
    pub fn needs_user(self) -> bool {
        matches!(
            self,
            Self::NoRefreshToken
                | Self::UserRevoked
                | Self::RtExpiredIdle
                | Self::RtExpiredAbsolute
                | Self::RotationLost
        )
    }

    /// Whether asking again may help by itself.
    pub fn is_retryable(self) -> bool {
        matches!(self.status(), 429 | 502 | 503)
            && !matches!(self, Self::AppConfig | Self::HostRefused)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i5_every_code_is_found_by_its_name() {
        for code in Code::ALL {
            assert_eq!(Code::named(code.as_str()), Some(code));
        }
        assert_eq!(Code::named("account_not_found"), None);
    }

    #[test]
    fn i2_what_needs_a_person_is_not_asked_again() {
        for code in Code::ALL {
            assert!(!(code.needs_user() && code.is_retryable()), "{code}");
        }
    }
}
