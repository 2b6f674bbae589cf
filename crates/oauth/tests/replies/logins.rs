//! What login endpoints answer, each in names of its own (C9).

use core::time::Duration;

use http::HeaderMap;
use unlapse_core::{Body, Grant, Rejection, Secret};
use unlapse_oauth::{ReplyFields, parse_login};

use crate::{NOW, TEMPORARY, rejected, status};

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
