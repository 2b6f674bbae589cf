//! What comes back, in every shape that servers have been seen to send (R8).

use core::fmt::Write as _;
use core::time::Duration;

use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use unlapse_core::{Body, ErrorCode, Grant, Rejection, Secret, UnixTime};
use unlapse_oauth::{MAX_REPLY, ReplyFields, parse, parse_login};

const NOW: UnixTime = UnixTime::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT

fn headers(content_type: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if !content_type.is_empty() {
        headers.insert("content-type", content_type.parse().expect("a value"));
    }
    headers
}

fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a status")
}

fn body(content_type: &str, body: &[u8]) -> Body {
    parse(status(200), &headers(content_type), body, NOW).body
}

fn grant(json: &str) -> Grant {
    match body("", json.as_bytes()) {
        Body::Grant(grant) => *grant,
        other => panic!("{json}: {other:?}"),
    }
}

fn bearer(token: &str) -> Body {
    Body::Grant(Box::new(Grant::bearer(Secret::new(token))))
}

const TEMPORARY: Body = Body::Error(ErrorCode::Temporary);

const fn rejected(rejection: Rejection) -> Body {
    Body::Error(ErrorCode::Rejection(rejection))
}

#[test]
fn a_whole_grant() {
    let granted = grant(
        r#"{"access_token":"at","refresh_token":"rt","expires_in":3600,"token_type":"bearer",
            "refresh_token_expires_in":86400,"scope":"a b","id_token":"x.y.z","unknown":[{"a":1}]}"#,
    );
    let expected = Grant {
        access_token: Secret::new("at"),
        refresh_token: Some(Secret::new("rt")),
        expires_in: Some(Duration::from_secs(3600)),
        refresh_expires_in: Some(Duration::from_secs(86_400)),
        token_type: Some("bearer".to_owned()),
        scope: Some("a b".to_owned()),
        id_token: Some(Secret::new("x.y.z")),
        sender_key: None,
    };
    assert_eq!(granted, expected);
    let form = b"access_token=at&refresh_token=rt&expires_in=3600&token_type=bearer&\
        refresh_token_expires_in=86400&scope=a%20b&id_token=x.y.z&unknown=1";
    assert_eq!(body("", form), Body::Grant(Box::new(expected)));
}

#[test]
fn r8_a_row_for_each_shape_whatever_the_content_type() {
    let rows: [(&[u8], Body); 30] = [
        (br#"{"access_token":"at"}"#, bearer("at")),
        (b"\xef\xbb\xbf{\"access_token\":\"at\"}", bearer("at")),
        (b"\xef\xbb\xbf \r\n{\"access_token\":\"at\"}\n", bearer("at")),
        (br#"{"access_token":"a\/t\u0031"}"#, bearer("a/t1")),
        (br#"{"access_token":"first","access_token":"last"}"#, bearer("last")),
        (b"{\"access_token\":\"at\",\"note\":\"caf\xe9\"}", bearer("at")),
        (br#"{"access_token":"at","error":""}"#, bearer("at")),
        (br#"{"access_token":"at","error":null}"#, bearer("at")),
        (br#"{"access_token":"at","error":"invalid_grant"}"#, bearer("at")),
        (br#"{"access_token":"at","refresh_token":""}"#, bearer("at")),
        (br#"{"access_token":"at","refresh_token":null}"#, bearer("at")),
        (b"access_token=at", bearer("at")),
        (b"access_token=a%2Bt&", bearer("a+t")),
        (br#"{"error":"invalid_grant"}"#, rejected(Rejection::InvalidGrant)),
        (
            b"error=invalid_grant&error_description=the+token&error_uri=",
            rejected(Rejection::InvalidGrant),
        ),
        (b"error=slow_down", TEMPORARY),
        (b"<!DOCTYPE html><html><body>access_token=x</body>", Body::Html),
        (b" \n<HTML lang=en>", Body::Html),
        (b"<!-- proxy -->\n<html>", Body::Html),
        (b"<?xml version=\"1.0\"?><!DOCTYPE html PUBLIC><html>", Body::Html),
        (b"", Body::Empty),
        (b" \r\n\t", Body::Empty),
        (b"\xef\xbb\xbf", Body::Empty),
        (b"null", Body::Json),
        (b"[]", Body::Json),
        (b"\"access_token=at\"", Body::Json),
        (b"{}", Body::Json),
        (br#"{"message":"no"}"#, Body::Json),
        (br#"{"error":{"code":"invalid_grant","message":"no"}}"#, Body::Json),
        (br#"{"error":true}"#, Body::Json),
    ];
    for (text, expected) in rows {
        let types = ["", "application/json", "application/x-www-form-urlencoded", "text/html", "x"];
        for content_type in types {
            let shown = String::from_utf8_lossy(text);
            assert_eq!(body(content_type, text), expected, "{content_type} {shown}");
        }
    }
}

#[test]
fn r8_garbage_is_a_web_page_when_it_says_so() {
    let rows: [&[u8]; 9] = [
        b"upstream connect error",
        b"{\"access_token\":\"at\"",
        b"{\"access_token\":\"at\"}{}",
        b"the error=invalid_grant came\nfrom afar",
        b"error",
        b"access_token=",
        b"error=Bad+Request",
        b"<Error><Code>x</Code></Error>",
        b"\x00\xff\xfe",
    ];
    for text in rows {
        let shown = String::from_utf8_lossy(text);
        assert_eq!(body("", text), Body::Garbage, "{shown}");
        assert_eq!(body("text/plain", text), Body::Garbage, "{shown}");
        assert_eq!(body("Text/HTML; charset=utf-8", text), Body::Html, "{shown}");
    }
}

/// A captive portal's page of one line has no end of parameters in its links.
#[test]
fn r8_a_link_in_a_page_or_in_prose_is_no_verdict() {
    for text in [
        r#"<a href="/login?x=1&error=invalid_grant&next=/">Log in</a>"#,
        r#"<p><a href="/login?x=1&access_token=at&next=/">Log in</a></p>"#,
        "Log in at https://portal.example/?x=1&error=invalid_grant&next=/",
        "Log in at https://portal.example/?x=1&access_token=at",
    ] {
        assert_eq!(body("text/plain", text.as_bytes()), Body::Garbage, "{text}");
        assert_eq!(body("text/html", text.as_bytes()), Body::Html, "{text}");
    }
    // Sloppy, and a form all the same.
    for text in
        ["error=invalid_grant&error_description=it's <gone> away", "a[]=1&error=invalid_grant&"]
    {
        assert_eq!(body("", text.as_bytes()), rejected(Rejection::InvalidGrant), "{text}");
    }
}

#[test]
fn r8_what_is_no_access_token_is_no_grant() {
    for bad in [r#""""#, "null", "7", "true", "[\"at\"]", "{}"] {
        for rest in ["", r#","refresh_token":"""#, r#","refresh_token":null"#, r#","scope":"a""#] {
            let text = format!("{{\"access_token\":{bad}{rest}}}");
            assert_eq!(body("", text.as_bytes()), Body::Json, "{bad}{rest}");
        }
    }
}

#[test]
fn r8_a_success_that_cannot_be_used_loses_no_refresh_token() {
    let kept = |access: &str| {
        let mut grant = Grant::bearer(Secret::new(access));
        grant.refresh_token = Some(Secret::new("rt"));
        Body::Grant(Box::new(grant))
    };
    let unusable = [
        (r#""""#, ""),
        ("null", ""),
        ("7", ""),
        ("[\"at\"]", ""),
        (r#""a b""#, "a b"),
        (r#""a\r\nb""#, "a\r\nb"),
        ("\"ü\"", "ü"),
    ];
    for (written, access) in unusable {
        let text = format!("{{\"access_token\":{written},\"refresh_token\":\"rt\"}}");
        assert_eq!(body("", text.as_bytes()), kept(access), "{written}");
        // Without success it is whatever it was.
        for code in [400, 401, 503] {
            let reply = parse(status(code), &HeaderMap::new(), text.as_bytes(), NOW);
            assert_eq!(reply.body, Body::Json, "{code} {written}");
        }
        // A structured error says why there is no token.
        let text = format!("{{\"error\":\"invalid_grant\",{}", &text[1..]);
        assert_eq!(body("", text.as_bytes()), rejected(Rejection::InvalidGrant), "{written}");
    }
    assert_eq!(body("", br#"{"refresh_token":"rt"}"#), kept(""));
    // The server has answered: its refresh token stays as it is (RFC 6749 §6).
    assert_eq!(body("", br#"{"access_token":"a b"}"#), bearer("a b"));
    assert_eq!(body("", b"access_token=a+b"), bearer("a b"));
    // A name that is usable goes before one that is not.
    let login = br#"{"access_token":"a b","token":"at"}"#;
    let fields = ReplyFields::default();
    let reply = parse_login(status(200), &HeaderMap::new(), login, NOW, &fields);
    assert_eq!(reply.body, bearer("at"));
}

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
fn r8_a_row_for_each_expires_in() {
    let century = 100 * 365 * 86_400_000;
    for (written, millis) in [
        ("3600", Some(3_600_000)),
        ("\"3600\"", Some(3_600_000)),
        ("3600.25", Some(3_600_250)),
        ("\"3600.25\"", Some(3_600_250)),
        ("3.6e3", Some(3_600_000)),
        ("0", Some(0)),
        ("-1", Some(0)),
        ("\"-1\"", Some(0)),
        ("1e400", Some(century)),
        ("-1e400", Some(0)),
        ("18446744073709551616", Some(century)),
        ("null", None),
        ("true", None),
        ("\"\"", None),
        ("\"never\"", None),
        ("[3600]", None),
        ("{}", None),
    ] {
        let found = grant(&format!(r#"{{"access_token":"at","expires_in":{written}}}"#));
        let lifetime = found.expires_in.map(|lifetime| lifetime.as_millis());
        assert_eq!(lifetime, millis, "{written}");
    }
}

#[test]
fn r8_a_row_for_each_life_of_a_refresh_token() {
    for (field, secs) in [
        (r#""refresh_token_expires_in":60"#, Some(60)),
        (r#""refresh_expires_in":"60""#, Some(60)),
        (r#""x_refresh_token_expires_in":60"#, Some(60)),
        // Keycloak's offline tokens: no end, rather than ended.
        (r#""refresh_expires_in":0"#, None),
        (r#""refresh_expires_in":-1"#, None),
        (r#""refresh_expires_in":null"#, None),
    ] {
        let found = grant(&format!(r#"{{"access_token":"at",{field}}}"#));
        assert_eq!(found.refresh_expires_in, secs.map(Duration::from_secs), "{field}");
    }
}

#[test]
fn scopes_may_be_a_list() {
    let found = grant(r#"{"access_token":"at","scope":["channel:read","chat:edit",null]}"#);
    assert_eq!(found.scope.as_deref(), Some("channel:read chat:edit"));
    assert_eq!(grant(r#"{"access_token":"at","scope":[]}"#).scope, None);
    assert_eq!(grant(r#"{"access_token":"at","scope":""}"#).scope, None);
}

#[test]
fn r8_a_bad_token_type_spoils_no_token() {
    for (written, read) in [
        ("\"Bearer\"", Some("Bearer")),
        ("\"bearer \"", Some("bearer")),
        ("\"\"", None),
        ("\"a b\"", None),
        ("\"a\\r\\nb\"", None),
        ("7", None),
        ("null", None),
    ] {
        let found = grant(&format!(r#"{{"access_token":"at","token_type":{written}}}"#));
        assert_eq!(found.token_type.as_deref(), read, "{written}");
    }
}

#[test]
fn r8_a_mebibyte_of_fields_hides_no_token() {
    let mut text = String::from("{");
    for field in 0_u32.. {
        if text.len() + 100 > MAX_REPLY {
            break;
        }
        write!(text, "\"{field:x}\":0,").expect("memory takes all");
    }
    text.push_str(r#""access_token":"at"}"#);
    assert_eq!(body("", text.as_bytes()), bearer("at"));
    let deep = format!("{}1{}", "[".repeat(MAX_REPLY / 2 - 1), "]".repeat(MAX_REPLY / 2 - 1));
    assert_eq!(body("", deep.as_bytes()), Body::Json);
}

#[test]
fn r8_a_reply_beyond_1_mib_is_garbage() {
    let mut text = br#"{"access_token":"at"}"#.to_vec();
    text.resize(MAX_REPLY, b' ');
    assert_eq!(body("", &text), bearer("at"));
    text.push(b' ');
    assert_eq!(body("", &text), Body::Garbage);
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

fn login(code: u16, json: &str, fields: &ReplyFields) -> Body {
    parse_login(status(code), &HeaderMap::new(), json.as_bytes(), NOW, fields).body
}

#[test]
fn c9_a_row_for_each_login_reply() {
    let fields = ReplyFields::default();
    let minute = Some(Duration::from_secs(60));
    let rows = [
        (r#"{"access_token":"at"}"#, None, None),
        (r#"{"token":"at","expires_in":60}"#, None, minute),
        (r#"{"accessToken":"at","refreshToken":"rt","expiresIn":"60"}"#, Some("rt"), minute),
        (r#"{"jwt":"at","expires_at":784111837}"#, None, minute),
        (r#"{"jwt":"at","expires_at":784111837000}"#, None, minute),
        (r#"{"token":"at","expiresAt":"1994-11-06T08:50:37Z"}"#, None, minute),
        (r#"{"token":"at","expires_in":60,"expires_at":1}"#, None, minute),
        (r#"{"access_token":"","token":7,"jwt":"at","refresh_token":"rt"}"#, Some("rt"), None),
        (r#"{"token":"at","user":{"token":"other"},"error":null}"#, None, None),
    ];
    for (json, refresh_token, expires_in) in rows {
        let mut expected = Grant::bearer(Secret::new("at"));
        expected.refresh_token = refresh_token.map(Secret::new);
        expected.expires_in = expires_in;
        assert_eq!(login(200, json, &fields), Body::Grant(Box::new(expected)), "{json}");
    }
    assert_eq!(login(200, r#"{"data":{"token":"at"}}"#, &fields), Body::Json);
}

#[test]
fn c9_login_fields_may_be_paths() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let fields = ReplyFields {
        access_token: names(&["data.session.key"]),
        refresh_token: names(&["data.renew"]),
        expires_in: names(&["data.session.ttl"]),
        expires_at: Vec::new(),
        refresh_expires_in: names(&["data.renew_ttl"]),
    };
    let json = r#"{"data":{"session":{"key":"at","ttl":60},"renew":"rt","renew_ttl":90}}"#;
    let mut expected = Grant::bearer(Secret::new("at"));
    expected.refresh_token = Some(Secret::new("rt"));
    expected.expires_in = Some(Duration::from_secs(60));
    expected.refresh_expires_in = Some(Duration::from_secs(90));
    assert_eq!(login(200, json, &fields), Body::Grant(Box::new(expected)));
    assert_eq!(login(200, r#"{"token":"at"}"#, &fields), Body::Json);
}

#[test]
fn c9_a_row_for_each_way_to_refuse_a_login() {
    let fields = ReplyFields::default();
    for (code, json, expected) in [
        (401, r#"{"error":"invalid_grant"}"#, rejected(Rejection::InvalidGrant)),
        (400, r#"{"error":"invalid_credentials"}"#, rejected(Rejection::InvalidGrant)),
        (403, r#"{"error":"account_locked"}"#, rejected(Rejection::Other)),
        // Left to the status, which says it at this door.
        (401, r#"{"error":"account_locked"}"#, Body::Json),
        (401, r#"{"error":"Unauthorized"}"#, Body::Json),
        (401, r#"{"error":"Wrong user name or password"}"#, Body::Json),
        (401, r#"{"message":"no"}"#, Body::Json),
        (429, r#"{"error":"too_many_requests"}"#, TEMPORARY),
    ] {
        assert_eq!(login(code, json, &fields), expected, "{code} {json}");
    }
}

proptest! {
    #[test]
    fn r8_no_bytes_cause_a_panic(
        code in 100_u16..1000,
        text in proptest::collection::vec(any::<u8>(), 0..200),
        content_type in "(text/html|[ -~]{0,20})",
        now in any::<u64>(),
    ) {
        let now = UnixTime::from_millis(now);
        let reply = parse(status(code), &headers(&content_type), &text, now);
        prop_assert_eq!(reply.status, code);
        let fields = ReplyFields::default();
        let _ = parse_login(status(code), &headers(&content_type), &text, now, &fields);
    }

    #[test]
    fn r8_nothing_in_a_field_causes_a_panic(
        field in "(expires_in|expires_at|refresh_expires_in|scope|token_type|error|refresh_token)",
        value in "(-?(0|[1-9][0-9]{0,40})([.][0-9]{1,5})?([eE][+-]?[0-9]{1,5})?|\"[ -~&&[^\"\\\\]]{0,30}\"|\\[\\]|\\{\\}|null)",
        now in any::<u64>(),
    ) {
        let json = format!(r#"{{"{field}":{value},"access_token":"at"}}"#);
        let now = UnixTime::from_millis(now);
        let fields = ReplyFields::default();
        for reply in [
            parse(status(200), &HeaderMap::new(), json.as_bytes(), now),
            parse_login(status(200), &HeaderMap::new(), json.as_bytes(), now, &fields),
        ] {
            // Whatever stands beside it, a granted token is not lost.
            prop_assert!(matches!(reply.body, Body::Grant(_)), "{}", json);
        }
    }

    #[test]
    fn r8_json_and_form_say_the_same(token in "[!-~]{1,40}", refresh in "\\PC{1,20}") {
        let json = serde_json::json!({ "access_token": token, "refresh_token": refresh });
        let form = unlapse_oauth::Form::new()
            .pair("access_token", &token)
            .pair("refresh_token", &refresh)
            .into_bytes();
        let json = body("", json.to_string().as_bytes());
        prop_assert!(matches!(json, Body::Grant(_)));
        prop_assert_eq!(json, body("", &form));
    }
}
