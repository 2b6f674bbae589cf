//! Why a request was not granted: RFC 6749's errors, each with a stable code of ours.

use core::time::Duration;

/// The stable name of an error; a client may act on it, and the documentation has a heading of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// Not a refresh token of this issuer.
    RefreshTokenMalformed,
    /// One of this issuer's, whose session or pepper is not known any more.
    RefreshTokenUnknown,
    /// The session was not refreshed for its idle lifetime.
    RefreshTokenExpired,
    /// Used after its successor was in use: the session was revoked by this request.
    RefreshTokenReused,
    /// The absolute lifetime of the session has passed.
    SessionExpired,
    /// The session was ended before.
    SessionRevoked,
    /// The token was given to another client.
    ClientMismatch,
    /// Too often; there is a `Retry-After`.
    RateLimited,
    /// A store is away, or there is no room now; there is a `Retry-After`.
    TemporarilyUnavailable,
    /// No user of that name and password.
    LoginFailed,
    /// No client of that id and proof.
    ClientAuthenticationFailed,
    /// The client may not use this grant.
    GrantNotAllowed,
    /// This issuer has no such grant.
    GrantUnsupported,
    /// A scope that is malformed, not the client's, or not the session's.
    ScopeNotAllowed,
    /// A parameter is missing, repeated or malformed, or the body does not read.
    RequestMalformed,
    /// The body is not of the type that this endpoint takes.
    ContentTypeUnsupported,
    /// The body is larger than 16 KiB.
    RequestTooLarge,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::RefreshTokenMalformed,
        Self::RefreshTokenUnknown,
        Self::RefreshTokenExpired,
        Self::RefreshTokenReused,
        Self::SessionExpired,
        Self::SessionRevoked,
        Self::ClientMismatch,
        Self::RateLimited,
        Self::TemporarilyUnavailable,
        Self::LoginFailed,
        Self::ClientAuthenticationFailed,
        Self::GrantNotAllowed,
        Self::GrantUnsupported,
        Self::ScopeNotAllowed,
        Self::RequestMalformed,
        Self::ContentTypeUnsupported,
        Self::RequestTooLarge,
    ];

    /// The code as it is sent.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RefreshTokenMalformed => "refresh_token_malformed",
            Self::RefreshTokenUnknown => "refresh_token_unknown",
            Self::RefreshTokenExpired => "refresh_token_expired",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::SessionExpired => "session_expired",
            Self::SessionRevoked => "session_revoked",
            Self::ClientMismatch => "client_mismatch",
            Self::RateLimited => "rate_limited",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginFailed => "login_failed",
            Self::ClientAuthenticationFailed => "client_authentication_failed",
            Self::GrantNotAllowed => "grant_not_allowed",
            Self::GrantUnsupported => "grant_unsupported",
            Self::ScopeNotAllowed => "scope_not_allowed",
            Self::RequestMalformed => "request_malformed",
            Self::ContentTypeUnsupported => "content_type_unsupported",
            Self::RequestTooLarge => "request_too_large",
        }
    }

    /// The `error` of RFC 6749 §5.2; for the two that are no verdict, that of §4.1.2.1.
    pub fn error(self) -> &'static str {
        match self {
            Self::RefreshTokenMalformed
            | Self::RefreshTokenUnknown
            | Self::RefreshTokenExpired
            | Self::RefreshTokenReused
            | Self::SessionExpired
            | Self::SessionRevoked
            | Self::ClientMismatch
            | Self::LoginFailed => "invalid_grant",
            Self::RateLimited | Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ClientAuthenticationFailed => "invalid_client",
            Self::GrantNotAllowed => "unauthorized_client",
            Self::GrantUnsupported => "unsupported_grant_type",
            Self::ScopeNotAllowed => "invalid_scope",
            Self::RequestMalformed | Self::ContentTypeUnsupported | Self::RequestTooLarge => {
                "invalid_request"
            }
        }
    }

    /// What to do about it, for a person.
    pub fn description(self) -> &'static str {
        match self {
            Self::RefreshTokenMalformed => "this is no refresh token of this issuer",
            Self::RefreshTokenUnknown => "the session is not known here; log in again",
            Self::RefreshTokenExpired => "the session was not used for too long; log in again",
            Self::RefreshTokenReused => {
                "the refresh token was used again after its successor; the session has ended, \
                 log in again"
            }
            Self::SessionExpired => "the session has reached its longest life; log in again",
            Self::SessionRevoked => "the session has been ended; log in again",
            Self::ClientMismatch => "the token was given to another client",
            Self::RateLimited => "too many attempts; wait as long as Retry-After says",
            Self::TemporarilyUnavailable => {
                "this is no verdict on the login; try again after Retry-After"
            }
            Self::LoginFailed => "no user has that name and password",
            Self::ClientAuthenticationFailed => "no client has that id and secret",
            Self::GrantNotAllowed => "the client may not use this grant_type",
            Self::GrantUnsupported => "this issuer does not have that grant_type",
            Self::ScopeNotAllowed => "the scope is malformed or more than was granted",
            Self::RequestMalformed => "a parameter is missing, repeated or malformed",
            Self::ContentTypeUnsupported => "the body is not of the type that is taken here",
            Self::RequestTooLarge => "the body is larger than 16 KiB",
        }
    }
}

/// A request that was not granted. It has been counted and audited when a caller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", code.as_str(), code.description())]
pub struct Denied {
    /// Why.
    pub code: Code,
    /// Asking again earlier is useless. Always set for the two codes that are no verdict.
    pub retry_after: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j2_codes_are_distinct_and_only_two_are_no_verdict() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
        let no_verdict = |code: &&Code| code.error() == "temporarily_unavailable";
        assert_eq!(Code::ALL.iter().filter(no_verdict).count(), 2);
    }
}
