//! What comes back, in every shape that servers have been seen to send (R8).

mod errors;
mod fields;
mod logins;

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
