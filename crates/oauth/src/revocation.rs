//! Ending a token at its server (RFC 7009).

use core::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use unlapse_core::{Body, Cause, ErrorCode, Rejection, Secret, UnixTime};

use crate::client_auth::Client;
use crate::endpoint::Endpoint;
use crate::form::Form;
use crate::json::Value;
use crate::reply::{self, Shape};
use crate::request;

/// Which token it is (RFC 7009 §2.1). Only a hint: a server looks further when it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenTypeHint {
    /// `access_token`.
    AccessToken,
    /// `refresh_token`. Revoking it ends the access tokens of the same grant too, where the server
    /// can (RFC 7009 §2.1).
    RefreshToken,
}

impl TokenTypeHint {
    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::RefreshToken => "refresh_token",
        }
    }
}

/// What a server made of a revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// The token is not good any more: it was revoked, or the server does not know it
    /// (RFC 7009 §2.2).
    Revoked,
    /// The server cannot revoke tokens of this kind (RFC 7009 §2.2.1). It is good until it expires.
    UnsupportedTokenType,
    /// The server refused the request or the client (RFC 6749 §5.2). The token is still good.
    Rejected(Rejection),
    /// No verdict: the token must be taken for good, and revoking it be tried again
    /// (RFC 7009 §2.2.1).
    Retry {
        /// What happened.
        cause: Cause,
        /// `Retry-After`.
        after: Option<Duration>,
    },
}

/// Asks `endpoint` to revoke `token` (RFC 7009 §2.1).
pub fn request(
    endpoint: &Endpoint,
    client: &Client,
    token: &Secret,
    hint: TokenTypeHint,
) -> Request<Bytes> {
    let form = Form::new().secret("token", token).pair("token_type_hint", hint.as_str());
    request::post_form(endpoint, client, form)
}

/// Judges the reply (RFC 7009 §2.2).
///
/// The status says it all, the RFC has it, and the body is to be ignored. Two bodies are not: an
/// error, which some providers send with a 200, and a web page, which is somebody else's answer (R8)
/// and would pass a live token off as revoked.
pub fn judge(status: StatusCode, headers: &HeaderMap, body: &[u8], now: UnixTime) -> Revocation {
    let reply = reply::parse(status, headers, body, now);
    let code = reply.status;
    let retry = |cause| Revocation::Retry { cause, after: reply.retry_after };
    if matches!(code, 408 | 425 | 429 | 500..) {
        return retry(Cause::Status(code));
    }
    match reply.body {
        Body::Error(ErrorCode::Temporary) => retry(Cause::Status(code)),
        Body::Error(ErrorCode::Rejection(rejection)) => match error(headers, body).as_deref() {
            Some("unsupported_token_type") => Revocation::UnsupportedTokenType,
            // RFC 7009 §2.2 wants a 200 for it, and Google sends a 400: it is gone all the same.
            Some("invalid_token") => Revocation::Revoked,
            _ => Revocation::Rejected(rejection),
        },
        Body::Html => retry(Cause::Html(code)),
        _ if status.is_success() => Revocation::Revoked,
        _ => retry(Cause::Unreadable(code)),
    }
}

fn error(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    Shape::with(headers, body, |shape| {
        let text = shape.value("error").and_then(Value::into_text)?;
        Some(text.expose().to_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k9_a_row_for_each_reply() {
        use Revocation::{Rejected, Revoked, UnsupportedTokenType};
        let after = Some(Duration::from_secs(7));
        let retry = |cause| Revocation::Retry { cause, after };
        let rows = [
            (200, "", Revoked),
            (200, "{}", Revoked),
            (200, r#"{"ok":true}"#, Revoked),
            (200, "OK", Revoked),
            (204, "", Revoked),
            (200, "<html>sign in to the network</html>", retry(Cause::Html(200))),
            (200, r#"{"error":"invalid_client"}"#, Rejected(Rejection::InvalidClient)),
            (400, r#"{"error":"unsupported_token_type"}"#, UnsupportedTokenType),
            (400, r#"{"error":"invalid_token"}"#, Revoked),
            (400, r#"{"error":"invalid_request"}"#, Rejected(Rejection::InvalidRequest)),
            (401, r#"{"error":"invalid_client"}"#, Rejected(Rejection::InvalidClient)),
            (400, r#"{"error":"no_idea"}"#, Rejected(Rejection::Other)),
            (400, "", retry(Cause::Unreadable(400))),
            (404, "Not found", retry(Cause::Unreadable(404))),
            (302, "", retry(Cause::Unreadable(302))),
            (429, "", retry(Cause::Status(429))),
            (503, "", retry(Cause::Status(503))),
            (503, r#"{"error":"invalid_token"}"#, retry(Cause::Status(503))),
            (400, r#"{"error":"temporarily_unavailable"}"#, retry(Cause::Status(400))),
        ];
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", "7".parse().expect("a value"));
        for (status, body, expected) in rows {
            let status = StatusCode::from_u16(status).expect("a status");
            let found = judge(status, &headers, body.as_bytes(), UnixTime::default());
            assert_eq!(found, expected, "{status} {body}");
        }
    }
}
