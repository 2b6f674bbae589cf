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
    /// The session is bound to a key that the request was not proved with (RFC 9449 §5).
    DpopMismatch,
    /// The `DPoP` header holds no proof for this request (RFC 9449 §4.3).
    DpopProofInvalid,
    /// A proof with the nonce of the reply is wanted (RFC 9449 §8).
    DpopNonceRequired,
    /// The client has to prove every request with a key (RFC 9449 §5.2).
    DpopRequired,
    /// The authorization code is unknown, or has expired.
    CodeUnknown,
    /// The authorization code was used before: the session it opened has ended.
    CodeReused,
    /// The `redirect_uri` is not that of the authorization request.
    RedirectMismatch,
    /// The `code_verifier` does not fit the `code_challenge` (RFC 7636 §4.6).
    PkceFailed,
    /// The device code is unknown or was used.
    DeviceCodeUnknown,
    /// The device code has expired (RFC 8628 §3.5).
    DeviceCodeExpired,
    /// The user has not decided yet (RFC 8628 §3.5).
    AuthorizationPending,
    /// The device asks too often (RFC 8628 §3.5).
    SlowDown,
    /// The user said no.
    AccessDenied,
    /// The assertion is not genuine, not for this issuer, or was used (RFC 7523 §3).
    AssertionInvalid,
    /// The token to be exchanged cannot be (RFC 8693 §2.2.2).
    SubjectTokenInvalid,
    /// Tokens for that audience or resource are not issued (RFC 8693 §2.2.2).
    TargetUnknown,
    /// The access token on the request is missing, or not valid.
    TokenInvalid,
    /// The access token on the request lacks a scope.
    ScopeInsufficient,
    /// There is no such session of this user.
    SessionUnknown,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 36] = [
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
        Self::DpopMismatch,
        Self::DpopProofInvalid,
        Self::DpopNonceRequired,
        Self::DpopRequired,
        Self::CodeUnknown,
        Self::CodeReused,
        Self::RedirectMismatch,
        Self::PkceFailed,
        Self::DeviceCodeUnknown,
        Self::DeviceCodeExpired,
        Self::AuthorizationPending,
        Self::SlowDown,
        Self::AccessDenied,
        Self::AssertionInvalid,
        Self::SubjectTokenInvalid,
        Self::TargetUnknown,
        Self::TokenInvalid,
        Self::ScopeInsufficient,
        Self::SessionUnknown,
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
            Self::DpopMismatch => "dpop_mismatch",
            Self::DpopProofInvalid => "dpop_proof_invalid",
            Self::DpopNonceRequired => "dpop_nonce_required",
            Self::DpopRequired => "dpop_required",
            Self::CodeUnknown => "code_unknown",
            Self::CodeReused => "code_reused",
            Self::RedirectMismatch => "redirect_mismatch",
            Self::PkceFailed => "pkce_failed",
            Self::DeviceCodeUnknown => "device_code_unknown",
            Self::DeviceCodeExpired => "device_code_expired",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::AccessDenied => "access_denied",
            Self::AssertionInvalid => "assertion_invalid",
            Self::SubjectTokenInvalid => "subject_token_invalid",
            Self::TargetUnknown => "target_unknown",
            Self::TokenInvalid => "token_invalid",
            Self::ScopeInsufficient => "scope_insufficient",
            Self::SessionUnknown => "session_unknown",
        }
    }

    /// The `error` of RFC 6749 §5.2 and of its extensions (RFC 6750 §3.1, RFC 8628 §3.5, RFC 8693
    /// §2.2.2, RFC 9449 §12.2); for the two that are no verdict, that of §4.1.2.1.
    pub fn error(self) -> &'static str {
        match self {
            Self::RefreshTokenMalformed
            | Self::RefreshTokenUnknown
            | Self::RefreshTokenExpired
            | Self::RefreshTokenReused
            | Self::SessionExpired
            | Self::SessionRevoked
            | Self::ClientMismatch
            | Self::LoginFailed
            | Self::DpopMismatch
            | Self::CodeUnknown
            | Self::CodeReused
            | Self::RedirectMismatch
            | Self::PkceFailed
            | Self::DeviceCodeUnknown
            | Self::AssertionInvalid => "invalid_grant",
            Self::RateLimited | Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::ClientAuthenticationFailed => "invalid_client",
            Self::GrantNotAllowed => "unauthorized_client",
            Self::GrantUnsupported => "unsupported_grant_type",
            Self::ScopeNotAllowed => "invalid_scope",
            Self::RequestMalformed
            | Self::ContentTypeUnsupported
            | Self::RequestTooLarge
            | Self::SubjectTokenInvalid
            | Self::SessionUnknown => "invalid_request",
            Self::DpopProofInvalid | Self::DpopRequired => "invalid_dpop_proof",
            Self::DpopNonceRequired => "use_dpop_nonce",
            Self::DeviceCodeExpired => "expired_token",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::AccessDenied => "access_denied",
            Self::TargetUnknown => "invalid_target",
            Self::TokenInvalid => "invalid_token",
            Self::ScopeInsufficient => "insufficient_scope",
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
            Self::DpopMismatch => "the session is bound to another DPoP key",
            Self::DpopProofInvalid => "the DPoP header is no valid proof for this request",
            Self::DpopNonceRequired => "prove the request again with the nonce in DPoP-Nonce",
            Self::DpopRequired => "this client has to prove its requests (DPoP)",
            Self::CodeUnknown => "the authorization code is unknown or has expired; log in again",
            Self::CodeReused => {
                "the authorization code was used twice; its session has ended, log in again"
            }
            Self::RedirectMismatch => "the redirect_uri is not that of the authorization request",
            Self::PkceFailed => "the code_verifier does not fit the code_challenge",
            Self::DeviceCodeUnknown => "the device code is unknown or was used; begin again",
            Self::DeviceCodeExpired => "the device code has expired; begin again",
            Self::AuthorizationPending => {
                "the user has not decided yet; ask again after the interval"
            }
            Self::SlowDown => "asked too often; the interval is 5 s longer from now on",
            Self::AccessDenied => "the user said no",
            Self::AssertionInvalid => "the assertion is not valid here",
            Self::SubjectTokenInvalid => {
                "the subject_token or actor_token cannot be exchanged here"
            }
            Self::TargetUnknown => "tokens for that audience or resource are not issued here",
            Self::TokenInvalid => "a valid access token of this issuer is needed",
            Self::ScopeInsufficient => "the access token lacks the scope that is needed",
            Self::SessionUnknown => "there is no such session of this user",
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

    #[test]
    fn c17_the_page_of_codes_has_every_code_as_it_is() {
        let page = include_str!("../../../docs/codes.md");
        for code in Code::ALL {
            let row = format!("| `{}` | `{}` | ", code.as_str(), code.error());
            let row = page.lines().find(|line| line.starts_with(&row));
            let row = row.unwrap_or_else(|| panic!("no row for {}", code.as_str()));
            assert!(row.ends_with(&format!(" | {} |", code.description())), "{row}");
        }
    }
}
