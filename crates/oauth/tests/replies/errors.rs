//! Answers without a token: why there is none, and when to ask again (RFC 6749 §5.2).

use core::time::Duration;

use http::HeaderMap;
use unlapse_core::{Body, Rejection, UnixTime};
use unlapse_oauth::parse;

use crate::{NOW, TEMPORARY, bearer, headers, rejected, status};

#[test]
fn r8_a_row_for_each_error() {
    use Rejection::{
        AccessDenied, InvalidClient, InvalidDpopProof, InvalidGrant, InvalidRequest, InvalidScope,
        Other, UnauthorizedClient, UnsupportedGrantType, UseDpopNonce,
    };
    let rows = [
        ("invalid_grant", rejected(InvalidGrant)),
        ("INVALID_GRANT", rejected(InvalidGrant)),
        ("expired_token", rejected(InvalidGrant)),
        ("token_expired", rejected(InvalidGrant)),
        ("invalid_token", rejected(InvalidGrant)),
        ("invalid_client", rejected(InvalidClient)),
        ("unauthorized_client", rejected(UnauthorizedClient)),
        ("invalid_request", rejected(InvalidRequest)),
        ("unsupported_grant_type", rejected(UnsupportedGrantType)),
        ("invalid_scope", rejected(InvalidScope)),
        ("access_denied", rejected(AccessDenied)),
        // RFC 9449 §5, §8
        ("invalid_dpop_proof", rejected(InvalidDpopProof)),
        ("use_dpop_nonce", rejected(UseDpopNonce)),
        ("temporarily_unavailable", TEMPORARY),
        ("server_error", TEMPORARY),
        ("slow_down", TEMPORARY),
        ("rate_limited", TEMPORARY),
        ("too_many_requests", TEMPORARY),
        ("bad_refresh_token", rejected(Other)),
        ("invalid_auth", rejected(Other)),
        ("E-4711", rejected(Other)),
    ];
    for (code, expected) in rows {
        let json = format!(r#"{{"error":"{code}","error_description":"canary"}}"#);
        for at in [200, 400, 401, 503] {
            let reply = parse(status(at), &HeaderMap::new(), json.as_bytes(), NOW);
            assert_eq!((reply.status, reply.body), (at, expected.clone()), "{code}");
        }
    }
}

#[test]
fn k3_reuse_is_told_by_the_code_beside_the_error() {
    let rows = [
        // The issuer of this project, as it writes it; and others.
        (
            r#"{"error":"invalid_grant","code":"refresh_token_reused","error_description":"x"}"#,
            Rejection::RefreshTokenReused,
        ),
        (
            r#"{"error":"invalid_grant","error_code":"refresh_token_already_used"}"#,
            Rejection::RefreshTokenReused,
        ),
        (r#"{"error":"invalid_grant","code":"session_revoked"}"#, Rejection::InvalidGrant),
        (r#"{"error":"invalid_grant","code":400}"#, Rejection::InvalidGrant),
        (r#"{"error":"invalid_grant","code":null}"#, Rejection::InvalidGrant),
        // About another thing: the code makes nothing worse of it.
        (r#"{"error":"invalid_client","code":"refresh_token_reused"}"#, Rejection::InvalidClient),
    ];
    for (json, rejection) in rows {
        let found = parse(status(400), &headers(""), json.as_bytes(), NOW).body;
        assert_eq!(found, rejected(rejection), "{json}");
    }
    let temporary = br#"{"error":"temporarily_unavailable","code":"refresh_token_reused"}"#;
    assert_eq!(parse(status(400), &headers(""), temporary, NOW).body, TEMPORARY);
    // A code alone is no verdict.
    let alone = br#"{"code":"refresh_token_reused"}"#;
    assert_eq!(parse(status(400), &headers(""), alone, NOW).body, Body::Json);
}

#[test]
fn r8_the_words_of_a_web_framework_are_no_oauth_error() {
    for (at, error) in [
        (404, "Not Found"),
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (500, "Internal Server Error"),
        (400, "The token is not good"),
        (400, ""),
    ] {
        let json = format!(r#"{{"status":{at},"error":"{error}"}}"#);
        let reply = parse(status(at), &HeaderMap::new(), json.as_bytes(), NOW);
        assert_eq!(reply.body, Body::Json, "{error}");
    }
}

#[test]
fn r8_the_status_decides_between_a_token_and_an_error() {
    let both = br#"{"access_token":"at","error":"invalid_grant"}"#;
    let at = |code| parse(status(code), &HeaderMap::new(), both, NOW).body;
    assert_eq!(at(200), bearer("at"));
    assert_eq!(at(201), bearer("at"));
    assert_eq!(at(400), rejected(Rejection::InvalidGrant));
}

#[test]
fn r11_r15_retry_after_and_the_servers_clock() {
    let mut headers = HeaderMap::new();
    let reply = |headers: &HeaderMap| parse(status(503), headers, b"", NOW);
    assert_eq!((reply(&headers).retry_after, reply(&headers).date), (None, None));

    headers.insert("retry-after", "7".parse().expect("a value"));
    assert_eq!(reply(&headers).retry_after, Some(Duration::from_secs(7)));

    headers.insert("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT".parse().expect("a value"));
    assert_eq!(reply(&headers).retry_after, Some(Duration::from_secs(10)));

    // A server an hour ahead means its own clock.
    headers.insert("date", "Sun, 06 Nov 1994 09:49:37 GMT".parse().expect("a value"));
    headers.insert("retry-after", "Sun, 06 Nov 1994 09:49:40 GMT".parse().expect("a value"));
    assert_eq!(reply(&headers).retry_after, Some(Duration::from_secs(3)));
    assert_eq!(reply(&headers).date, Some(UnixTime::from_secs(784_115_377)));

    headers.insert("date", "yesterday".parse().expect("a value"));
    headers.insert("retry-after", http::HeaderValue::from_bytes(b"\xff").expect("a value"));
    assert_eq!((reply(&headers).retry_after, reply(&headers).date), (None, None));
}
