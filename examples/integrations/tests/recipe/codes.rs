//! The codes that a product builds on, over HTTP (I5).

use serde_json::Value;

use crate::service::{Service, path};
use crate::three_providers::{CLIENT_SECRET, NOTES_TOKEN};

#[track_caller]
fn assert_problem((status, problem): (u16, Value), expected: (u16, &str, &str)) {
    let text = |member: &str| problem[member].as_str().unwrap_or("-");
    assert_eq!((status, text("code"), text("why")), expected, "{problem}");
    assert!(problem["next"].is_string(), "{problem}");
}

#[test]
fn i5_each_failure_has_its_code() {
    let service = Service::start();
    let missing = (404, "ACCOUNT_NOT_FOUND", "-");
    assert_problem(service.connection("nobody", "mail"), missing);
    assert_problem(service.profile("nobody", "mail"), missing);
    assert_problem(service.refresh("nobody", "files"), missing);
    assert_problem(service.profile("ada", "no-provider"), missing);
    assert_eq!(service.providers.files.tally().client_grants, 0, "nobody is let in unasked");

    service.connect("ada", "notes");
    assert_problem(service.refresh("ada", "notes"), (409, "NO_REFRESH_TOKEN", "-"));
    assert_eq!(service.profile("ada", "notes").0, 200, "a token without an end is left alone");
    assert_eq!(service.connection("ada", "notes").1["state"], "active");

    service.connect("ada", "mail");
    assert_eq!(service.profile("ada", "mail").0, 200);
    service.providers.mail.end_sessions();
    let over = (409, "TOKEN_REFRESH_ERROR", "USER_REVOKED");
    assert_problem(service.refresh("ada", "mail"), over);
    assert_problem(service.profile("ada", "mail"), (409, "TOKEN_EXPIRED", "USER_REVOKED"));
    let (status, connection) = service.connection("ada", "mail");
    assert_eq!((status, connection["state"].as_str()), (200, Some("reconnect")), "{connection}");
    assert_eq!(connection["because"], "refresh_rejected", "i4: nothing but its state has changed");
    service.connect("ada", "mail");
    let (status, connection) = service.refresh("ada", "mail");
    assert_eq!((status, connection["state"].as_str()), (200, Some("active")), "{connection}");

    service.connect("ada", "mail-misconfigured");
    let ours = (502, "TOKEN_REFRESH_ERROR", "APP_CONFIG");
    assert_problem(service.refresh("ada", "mail-misconfigured"), ours);
    let (_, connection) = service.connection("ada", "mail-misconfigured");
    assert_eq!(connection["state"], "active", "i4: our mistake ends no login of a user's");
    assert_eq!(service.providers.mail.tally().reuses, 0);
}

#[test]
fn i5_no_secret_is_in_a_reply_or_a_log() {
    let service = Service::start();
    let reply = service.providers.reply("ada", "mail");
    let refresh_token = reply["refresh_token"].as_str().expect("a token");
    let mut replies = Vec::new();
    replies.push(service.ask("PUT", &path("ada", "mail", ""), &reply.to_string()).1);
    service.connect("ada", "notes");
    for provider in ["mail", "notes"] {
        replies.push(service.profile("ada", provider).1);
        replies.push(service.refresh("ada", provider).1);
        replies.push(service.connection("ada", provider).1);
    }
    service.providers.mail.end_sessions();
    replies.push(service.refresh("ada", "mail").1);
    let said = format!("{replies:?} {}", service.log());
    assert!(said.contains("refresh begins"), "{said}");
    for secret in [refresh_token, CLIENT_SECRET, NOTES_TOKEN, "eyJ"] {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
}

#[test]
fn what_a_stranger_sends_is_refused_with_a_code() {
    let service = Service::start();
    let put = |path: &str, body: &str| service.ask("PUT", path, body);
    let mail = path("ada", "mail", "");
    for body in ["", "{", "[]", "<html>", r#"{"error": "invalid_grant"}"#, r#"{"access_token": 7}"#]
    {
        assert_eq!(put(&mail, body).1["code"], "NO_GRANT", "{body}");
    }
    assert_eq!(put(&mail, r#"{"access_token": "a b"}"#).1["code"], "TOKEN_REFUSED");
    assert_eq!(put(&mail, &"x".repeat(40_000)).0, 413);
    assert_eq!(put("/connections/ada/nobody/ada", "{}").1["code"], "NO_PROVIDER");
    assert_eq!(put("/connections/a%20b/mail/ada", "{}").1["code"], "BAD_NAME");
    assert_eq!(put("/connections/ada/mail/a%2Fb", "{}").1["code"], "BAD_NAME");
    assert_eq!(put("/connections/%FF/mail/ada", "{}").0, 400);
    assert_eq!(service.connection("ada", "mail").0, 404, "nothing of it was kept");
}
