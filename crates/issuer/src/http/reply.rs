//! Replies: a grant, or an error with its code.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::denied::{Code, Denied};
use crate::issuer::Issued;

/// Which kind of endpoint replies: they differ in how they say no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// RFC 6749 §5.2: a refused grant is a 400.
    OAuth,
    /// The JSON pair: a refused login or refresh is a 401, as its clients expect (C10).
    Json,
}

#[derive(Serialize)]
struct Grant<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_token_type: Option<&'static str>,
}

#[derive(Serialize)]
struct Refused {
    error: &'static str,
    error_description: &'static str,
    code: &'static str,
}

/// The reply to a request that was judged.
pub(super) fn reply(outcome: Result<Issued, Denied>, door: Door) -> Response {
    match outcome {
        Ok(issued) => granted(&issued),
        Err(denied) => refused(denied, door),
    }
}

/// RFC 6749 §5.1.
fn granted(issued: &Issued) -> Response {
    let grant = Grant {
        access_token: issued.access_token.expose(),
        token_type: issued.token_type,
        expires_in: issued.expires_in.as_secs(),
        refresh_token: issued.refresh_token.as_ref().map(unlapse_core::Secret::expose),
        scope: (!issued.scopes.is_empty()).then(|| issued.scopes.to_string()),
        id_token: issued.id_token.as_ref().map(unlapse_core::Secret::expose),
        issued_token_type: issued.issued_token_type,
    };
    let mut response = json(&grant);
    // For the caches of HTTP/1.0 (RFC 6749 §5.1).
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// RFC 6749 §5.2, with our code.
pub(super) fn refused(denied: Denied, door: Door) -> Response {
    let Denied { code, retry_after } = denied;
    let status = status(code, door);
    let body =
        Refused { error: code.error(), error_description: code.description(), code: code.as_str() };
    let mut response = json(&body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(wait) = retry_after {
        // Rounded up: coming back when it says must be late enough.
        let secs = wait.as_millis().div_ceil(1000);
        let secs = u64::try_from(secs).unwrap_or(u64::MAX);
        headers.insert(header::RETRY_AFTER, secs.into());
    }
    if status == StatusCode::UNAUTHORIZED {
        // RFC 9110 §11.6.1 demands one. Not `Basic` at the JSON door: browsers would ask people.
        let challenge = match door {
            Door::OAuth => HeaderValue::from_static("Basic realm=\"token endpoint\""),
            Door::Json => HeaderValue::from_static("Bearer"),
        };
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn status(code: Code, door: Door) -> StatusCode {
    match code {
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::ClientAuthenticationFailed | Code::TokenInvalid => StatusCode::UNAUTHORIZED,
        Code::ScopeInsufficient => StatusCode::FORBIDDEN,
        code if door == Door::Json && code.error() == "invalid_grant" => StatusCode::UNAUTHORIZED,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// A JSON reply.
pub(super) fn json(body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("strings and numbers always make JSON");
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn j2_no_code_is_a_500_and_only_the_two_without_verdict_are_retried() {
        for code in Code::ALL {
            for door in [Door::OAuth, Door::Json] {
                let retry_after = Some(Duration::from_millis(1500));
                let response = refused(Denied { code, retry_after }, door);
                let status = response.status().as_u16();
                assert_eq!(response.headers()[header::RETRY_AFTER], "2");
                let verdict = code.error() != "temporarily_unavailable";
                assert_eq!(verdict, matches!(status, 400 | 401 | 403 | 413), "{code:?} {status}");
                assert!(verdict || matches!(status, 429 | 503), "{code:?} {status}");
            }
        }
    }
}
