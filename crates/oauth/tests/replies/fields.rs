//! What stands beside a token: how long it lives, what it may do, what it is.

use core::time::Duration;

use crate::grant;

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
