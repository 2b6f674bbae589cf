//! Logins on devices without a browser (RFC 8628).

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use unlapse_core::{Cause, Rejection, Secret, UnixTime};
use unlapse_oauth::provider::{Caller, Catalogue, DeviceAnswer, Metadata};

#[test]
fn rfc8628_3_1_and_3_4_the_requests_of_a_device() {
    let catalogue = Catalogue::built_in();
    let (params, metadata, secret) = (BTreeMap::new(), Metadata::new(), Secret::new("sec"));
    let caller = Caller {
        client_id: "cid",
        client_secret: None,
        signer: None,
        params: &params,
        metadata: &metadata,
        scope: Some("a b"),
    };
    let github = catalogue.provider("github").unwrap();
    let begun = github.device(&caller).unwrap();
    assert_eq!(begun.uri(), "https://github.com/login/device/code");
    assert_eq!(&begun.body()[..], b"scope=a+b&client_id=cid");
    let asked = github.device_token(&caller, &Secret::new("dc")).unwrap();
    assert_eq!(asked.uri(), "https://github.com/login/oauth/access_token");
    assert_eq!(
        &asked.body()[..],
        b"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=dc&client_id=cid"
    );
    // What a table says of the code's exchange is not about a device's question.
    let microsoft = catalogue.provider("microsoft").unwrap();
    let caller = Caller { client_secret: Some(&secret), ..caller };
    let asked = microsoft.device_token(&caller, &Secret::new("dc")).unwrap();
    assert!(!String::from_utf8_lossy(asked.body()).contains("scope"));
    let twitch = catalogue.provider("twitch").unwrap();
    let begun = twitch.device(&caller).unwrap();
    assert_eq!(&begun.body()[..], b"client_id=cid&client_secret=sec&scopes=a+b");
}

#[test]
fn rfc8628_3_2_what_the_user_is_shown() {
    let catalogue = Catalogue::built_in();
    let google = catalogue.provider("google").unwrap();
    let read = |status: u16, body: &str| {
        let status = StatusCode::from_u16(status).unwrap();
        google.device_authorization(status, &HeaderMap::new(), body.as_bytes())
    };
    let good = read(200, r#"{"device_code":"dc","user_code":"GQVQ-JKEC","verification_url":"https://www.google.com/device","expires_in":1800,"interval":5}"#).unwrap();
    assert_eq!((good.device_code.expose(), good.user_code.as_str()), ("dc", "GQVQ-JKEC"));
    assert_eq!(good.verification_uri.url().as_str(), "https://www.google.com/device");
    assert_eq!((good.expires_in.as_secs(), good.interval.as_secs()), (1800, 5));
    assert!(!format!("{good:?}").contains("\"dc\""));
    for (interval, seconds) in [("0", 1), ("1e9", 60), ("null", 5), ("\"7\"", 7)] {
        let body = format!(
            r#"{{"device_code":"dc","user_code":"A","verification_uri":"https://a.example","interval":{interval}}}"#
        );
        let found = read(200, &body).unwrap();
        assert_eq!(found.interval, Duration::from_secs(seconds), "{interval}");
        assert_eq!(found.expires_in, Duration::from_secs(900));
    }
    for (status, bad) in [
        (400, r#"{"device_code":"dc","user_code":"A","verification_uri":"https://a.example"}"#),
        (200, r#"{"device_code":"dc","user_code":"A"}"#),
        (200, r#"{"device_code":"dc","user_code":"A","verification_uri":"http://a.example"}"#),
        (200, r#"{"device_code":"dc","user_code":"A","verification_uri":"javascript:alert(1)"}"#),
        (
            200,
            r#"{"device_code":"dc","user_code":"A\u001b[2J","verification_uri":"https://a.example"}"#,
        ),
        (200, r#"{"user_code":"A","verification_uri":"https://a.example"}"#),
        (200, "<html>"),
        (200, ""),
    ] {
        assert_eq!(read(status, bad), None, "{bad}");
    }
}

#[test]
fn rfc8628_3_5_a_row_for_each_answer() {
    let catalogue = Catalogue::built_in();
    let rows = [
        ("github", 200, r#"{"error":"authorization_pending"}"#, DeviceAnswer::Pending),
        ("google", 428, r#"{"error":"authorization_pending"}"#, DeviceAnswer::Pending),
        ("google", 403, r#"{"error":"slow_down"}"#, DeviceAnswer::SlowDown),
        (
            "google",
            403,
            r#"{"error":"access_denied"}"#,
            DeviceAnswer::Rejected(Rejection::AccessDenied),
        ),
        ("google", 400, r#"{"error":"expired_token"}"#, DeviceAnswer::Expired),
        (
            "google",
            401,
            r#"{"error":"invalid_client"}"#,
            DeviceAnswer::Rejected(Rejection::InvalidClient),
        ),
        (
            "google",
            503,
            r#"{"error":"authorization_pending"}"#,
            DeviceAnswer::Retry { cause: Cause::Status(503), after: None },
        ),
        (
            "twitch",
            400,
            r#"{"status":400,"message":"authorization_pending"}"#,
            DeviceAnswer::Pending,
        ),
        (
            "github",
            200,
            r#"{"error":"incorrect_device_code"}"#,
            DeviceAnswer::Rejected(Rejection::InvalidGrant),
        ),
    ];
    for (id, status, body, expected) in rows {
        let provider = catalogue.provider(id).unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let now = UnixTime::from_secs(1000);
        let answer = provider.device_answer(status, &HeaderMap::new(), body.as_bytes(), now);
        assert_eq!(answer, expected, "{id} {body}");
    }
    let github = catalogue.provider("github").unwrap();
    let body = br#"{"access_token":"at","token_type":"bearer"}"#;
    let answer =
        github.device_answer(StatusCode::OK, &HeaderMap::new(), body, UnixTime::from_secs(1));
    assert!(
        matches!(answer, DeviceAnswer::Granted(grant, _) if grant.access_token.expose() == "at")
    );
}
