//! Servers that say no, and servers that say where else to ask.

use crate::harness::{AuthServer, Class, Fault, Project};
use crate::{QUICK, logged_in};

#[test]
fn r9_invalid_grant_ends_the_login_and_says_so() {
    let (server, project) = logged_in("", QUICK);
    project.expire();
    server.always(Some(Fault::error(400, "invalid_grant")));
    let run = project.run(&["token", "acme"]).failed(10, "login_needed");
    assert!(run.stderr.contains("unlapse login acme"), "{run}");
    assert_eq!(server.counts().requests, 2, "R15: a rejection is not repeated");
    let status = project.status();
    assert_eq!(status["needs_login"], "refresh_rejected", "{status:#}");
    assert_eq!(project.run(&["status", "acme", "--check"]).code, Some(10));
    let text = project.run(&["status", "acme"]).ok();
    assert!(text.stdout.contains("login needed"), "{text}");

    // It stays so, and the server is not bothered with it again.
    server.always(None);
    project.run(&["token", "acme"]).failed(10, "login_needed");
    assert_eq!(server.counts().requests, 2);
    project.log_in(&server);
    project.run(&["token", "acme"]).ok();
    assert_eq!(project.status()["needs_login"], serde_json::Value::Null);
}

#[test]
fn r9_r10_a_login_that_has_ended_serves_its_token_until_it_expires() {
    let (server, project) = logged_in("", QUICK);
    let valid = project.run(&["token", "acme"]).ok().stdout;
    project.make_due();
    server.always(Some(Fault::error(400, "invalid_grant")));
    assert_eq!(project.run(&["token", "acme"]).ok().stdout, valid);
    assert_eq!(project.status()["needs_login"], "refresh_rejected");
    assert_eq!(project.run(&["token", "acme"]).ok().stdout, valid);
    assert_eq!(server.counts().requests, 2);
    project.expire();
    project.run(&["token", "acme"]).failed(10, "login_needed");
}

#[test]
fn r9_invalid_client_is_configuration_and_the_login_stays() {
    for code in ["invalid_client", "unauthorized_client"] {
        let (server, project) = logged_in("", QUICK);
        project.expire();
        server.always(Some(Fault::error(401, code)));
        let run = project.run(&["token", "acme"]).failed(13, "client_rejected");
        assert!(run.stderr.contains("client_id"), "{run}");
        assert_eq!(server.counts().requests, 2, "not repeated");
        assert_eq!(project.status()["needs_login"], serde_json::Value::Null);
        server.always(None);
        project.run(&["token", "acme"]).ok();
        assert_eq!(server.counts().reuses, 0);
    }
}

#[test]
fn r9_c11_rejected_clients_count_for_the_breaker() {
    let (server, project) = logged_in("", QUICK);
    project.expire();
    server.always(Some(Fault::error(401, "invalid_client")));
    for _ in 0..5 {
        project.run(&["token", "acme"]).failed(13, "client_rejected");
    }
    project.run(&["token", "acme"]).failed(11, "breaker_open");
    assert_eq!(server.counts().requests, 6);
}

#[test]
fn r8_x2_a_success_that_cannot_be_used_is_not_asked_for_again() {
    for members in [
        serde_json::json!({ "access_token": "two words" }),
        serde_json::json!({ "access_token": "line\r\nbreak" }),
        serde_json::json!({ "access_token": null }),
        serde_json::json!({ "access_token": { "value": "at" } }),
    ] {
        let server = AuthServer::start(Class::Strict);
        let project = Project::new(&server, "", QUICK);
        project.log_in(&server);
        project.expire();
        server.set_extra(members.clone());
        let run = project.run(&["token", "acme"]).failed(13, "token_rule_broken");
        assert!(!run.stderr.contains("two words"), "R18: {run}");
        let counts = server.counts();
        assert_eq!((counts.requests, counts.reuses), (2, 0), "{members}: asked again: {run}");
        // The successor of the token that was spent is what is sent next.
        server.set_extra(serde_json::json!({}));
        project.run(&["token", "acme"]).ok();
        let counts = server.counts();
        assert_eq!((counts.reuses, counts.families_revoked), (0, 0), "{members}");
    }
}

#[test]
fn r11_a_server_with_another_clock_is_reported_not_obeyed() {
    for skew in [-7200, 7200] {
        let (server, project) = logged_in("", QUICK);
        project.expire();
        server.set_skew(skew);
        let run = project.run(&["token", "acme"]).ok();
        assert!(run.stderr.contains("clocks"), "reported: {run}");
        let status = project.status();
        assert_eq!(status["token"], "valid", "not obeyed: {status:#}");
        let left = status["expires_in"].as_u64().expect("seconds");
        assert!((3500..=3600).contains(&left), "{left}");
    }
}

#[test]
fn r8_r18_a_redirect_is_not_followed() {
    let elsewhere = AuthServer::start(Class::Stable);
    let to = format!("{}/token", elsewhere.origin());
    // The last two ask for the same request again, refresh token and all.
    for status in [301, 302, 303, 307, 308] {
        let (server, project) = logged_in("", QUICK);
        project.expire();
        server.always(Some(Fault::reply(status, &[("location", &to)], "")));
        project.run(&["token", "acme"]).failed(11, "temporary_failure");
        assert_eq!(elsewhere.counts().requests, 0, "{status}: the refresh token goes nowhere else");
        server.always(None);
        project.run(&["token", "acme"]).ok();
    }
}
