//! The `error` of an error reply (RFC 6749 §5.2), and what people put in its place.

use http::StatusCode;
use unlapse_core::{ErrorCode, Rejection};

/// The code that `text` is; `None` when it is no code but prose.
pub(super) fn code(text: &str, status: StatusCode) -> Option<ErrorCode> {
    if is_prose(text, status) {
        return None;
    }
    Some(known(text).unwrap_or(ErrorCode::Rejection(Rejection::Other)))
}

/// `code`, told more exactly by a code beside it, as servers that detect reuse have one: that the
/// refresh token was used before (RFC 9700 §4.14.2).
pub(super) fn refined(code: ErrorCode, beside: &str) -> ErrorCode {
    const REUSED: [&str; 2] = ["refresh_token_reused", "refresh_token_already_used"];
    match code {
        ErrorCode::Rejection(Rejection::InvalidGrant)
            if REUSED.iter().any(|reused| beside.eq_ignore_ascii_case(reused)) =>
        {
            ErrorCode::Rejection(Rejection::RefreshTokenReused)
        }
        code => code,
    }
}

/// The same at a login endpoint, where each framework has codes of its own.
pub(super) fn login_code(text: &str, status: StatusCode) -> Option<ErrorCode> {
    const WRONG_PASSWORD: [&str; 6] = [
        "invalid_credentials",
        "bad_credentials",
        "invalid_login",
        "invalid_password",
        "wrong_password",
        "invalid_username_or_password",
    ];
    if WRONG_PASSWORD.iter().any(|code| text.eq_ignore_ascii_case(code)) {
        return Some(ErrorCode::Rejection(Rejection::InvalidGrant));
    }
    match code(text, status)? {
        // Whatever it calls it: with a 401, the credentials were not good.
        ErrorCode::Rejection(Rejection::Other) if status == StatusCode::UNAUTHORIZED => None,
        code => Some(code),
    }
}

fn known(text: &str) -> Option<ErrorCode> {
    let rejection = match text.to_ascii_lowercase().as_str() {
        // RFC 8628 §3.5 has `expired_token` for a device code, RFC 6750 §3.1 `invalid_token` for an
        // access token at a resource. At a token endpoint the only token presented is the one being
        // spent, and it is not good any more: what RFC 6749 calls `invalid_grant`.
        "invalid_grant" | "expired_token" | "token_expired" | "invalid_token" => {
            Rejection::InvalidGrant
        }
        "invalid_client" => Rejection::InvalidClient,
        "unauthorized_client" => Rejection::UnauthorizedClient,
        "invalid_request" => Rejection::InvalidRequest,
        "unsupported_grant_type" => Rejection::UnsupportedGrantType,
        "invalid_scope" => Rejection::InvalidScope,
        "access_denied" => Rejection::AccessDenied,
        "invalid_dpop_proof" => Rejection::InvalidDpopProof,
        "use_dpop_nonce" => Rejection::UseDpopNonce,
        "temporarily_unavailable"
        | "server_error"
        | "slow_down"
        | "rate_limited"
        | "too_many_requests" => return Some(ErrorCode::Temporary),
        _ => return None,
    };
    Some(ErrorCode::Rejection(rejection))
}

/// Web frameworks answer `{"status":404,"error":"Not Found"}` of their own accord, before any
/// authorization server was reached: a sentence or the status in words is no code, although
/// RFC 6749 would let a code have spaces.
fn is_prose(text: &str, status: StatusCode) -> bool {
    text.is_empty()
        || !text.bytes().all(|byte| byte.is_ascii_graphic())
        || status.canonical_reason().is_some_and(|reason| text.eq_ignore_ascii_case(reason))
}
