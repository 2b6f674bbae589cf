//! `status` and `list`: how each login is doing.

use std::time::Duration;

use unlapse_core::Record;

use crate::harness::{AuthServer, Class, Fault, Project, Running, config, eventually};

#[test]
fn each_state_of_a_login_has_its_words() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "attempts = 1");
    let text = || project.run(&["status", "acme"]).ok().stdout;
    let word = || project.status()["token"].clone();

    assert!(text().contains("not logged in") && text().contains("next: run: unlapse login acme"));
    assert_eq!(word(), "none");

    project.log_in(&server);
    assert!(
        text().contains("valid") && text().contains("█ 59m 59s left") || text().contains(" left")
    );
    let status = project.status();
    assert_eq!((&status["token"], &status["storage"]), (&"valid".into(), &"saved".into()));
    assert_eq!(status["refresh_token"], true);
    assert_eq!(status["next"], serde_json::Value::Null);

    project.make_due();
    assert!(text().contains("renewal is due"));
    assert_eq!(word(), "due");

    project.expire();
    assert!(text().contains("expired"));
    assert_eq!((word(), project.status()["expires_in"].clone()), ("expired".into(), 0.into()));

    server.fault(Fault::unavailable());
    project.run(&["token", "acme"]).failed(11, "temporary_failure");
    assert!(text().contains("last failure") && text().contains("answered 503"));
    let status = project.status();
    assert_eq!(status["last_failure"]["count"], 1);
    assert_eq!(status["in_doubt"], false, "R7: a 503 is an answer");

    project.edit(|record: Record| record.ended(unlapse_core::LoginReason::RefreshRejected));
    assert!(text().contains("login needed"));
    assert_eq!(project.status()["needs_login"], "refresh_rejected");
}

#[test]
fn r7_answers_that_decide_nothing_leave_no_doubt_whoever_ends_the_renewal() {
    let server = AuthServer::start(Class::Strict);
    let policy = "base_delay = \"1ms\"\nbreaker_failures = 2\nattempts = 5";
    let project = Project::new(&server, "reuse = \"strict\"", policy);
    project.log_in(&server);
    project.expire();
    server.always(Some(Fault::unavailable()));
    // The breaker opens in the middle of the renewal.
    project.run(&["token", "acme"]).failed(11, "breaker_open");
    let status = project.status();
    assert_eq!((&status["in_doubt"], &status["doubts"]), (&false.into(), &0.into()), "{status:#}");
    assert_eq!(status["last_failure"]["count"], 2);
    assert!(status["breaker_open_until"].is_string());
    let run = project.run(&["status", "acme"]).ok();
    assert!(run.stdout.contains("doctor --reset-breaker"), "{run}");
}

#[test]
fn check_ends_as_token_would_and_prints_nothing() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    let check = |more: &[&str]| {
        let run = project.run(&[&["status", "acme", "--check"], more].concat());
        assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""), "{run}");
        run.code
    };
    assert_eq!(check(&[]), Some(10));
    project.log_in(&server);
    assert_eq!(check(&[]), Some(0));
    assert_eq!(check(&["--min-ttl", "30m"]), Some(0));
    assert_eq!(check(&["--min-ttl", "2h"]), Some(11));
    project.expire();
    assert_eq!(check(&[]), Some(11));
    std::fs::write(project.record_path(), "torn").expect("written");
    assert_eq!(check(&[]), Some(14));
    assert_eq!(check(&[]), Some(10), "C4: set aside, and a new login helps");
    assert_eq!(server.counts().requests, 1, "nobody is asked");
}

#[test]
fn r14_check_knows_of_the_last_rung() {
    let server = AuthServer::start(Class::Strict);
    let mut project = Project::new(&server, "api_key_env = \"ACME_KEY\"", "");
    assert_eq!(project.run(&["status", "--check"]).code, Some(10));
    project.env.push(("ACME_KEY".to_owned(), "key-1".to_owned()));
    assert_eq!(project.run(&["status", "--check"]).code, Some(0));
    assert_eq!(project.run(&["token"]).ok().line(), "key-1");
    assert_eq!(project.status()["api_key"], true);
    assert!(project.run(&["status"]).ok().stdout.contains("the API key stands in"));
}

#[test]
fn r14_a_profile_that_needs_no_person_is_not_called_logged_out() {
    let server = AuthServer::start(Class::Strict);
    server.require_secret("s3cret");
    let profile = "grant = \"client_credentials\"\nclient_secret_env = \"ACME_SECRET\"";
    let mut project = Project::new(&server, profile, "");
    let list = |project: &Project| {
        project.run(&["list", "--json"]).ok().json()["profiles"][0]["login"].clone()
    };
    // Without its secret nothing is obtained.
    assert!(project.run(&["status"]).ok().stdout.contains("not logged in"));
    assert_eq!(project.run(&["status", "--check"]).code, Some(10));
    assert_eq!(
        (list(&project), project.status()["logs_in_by_itself"].clone()),
        ("not_logged_in".into(), false.into())
    );

    project.env.push(("ACME_SECRET".to_owned(), "s3cret".to_owned()));
    let text = project.run(&["status"]).ok().stdout;
    assert!(text.contains("no token yet") && text.contains("obtains one by itself"), "{text}");
    assert!(!text.contains("log in") && !text.contains("unlapse login"), "{text}");
    let status = project.status();
    assert_eq!((&status["token"], &status["logs_in_by_itself"]), (&"none".into(), &true.into()));
    assert_eq!(status["next"], serde_json::Value::Null);
    assert_eq!(list(&project), "no_token_yet");
    assert_eq!(project.run(&["list"]).ok().stdout, "acme  client_credentials  no token yet\n");
    assert_eq!(project.run(&["status", "--check"]).code, Some(11), "as with one to be renewed");
    assert!(project.run(&["doctor"]).ok().stdout.contains("obtains one by itself"));
    assert_eq!(server.counts().requests, 0, "nobody is asked");

    project.run(&["token"]).ok();
    assert_eq!(project.run(&["status", "--check"]).code, Some(0));
    assert_eq!(list(&project), "logged_in");
    project.run(&["logout", "--local"]).ok();
    assert_eq!(list(&project), "no_token_yet", "and it would log in again");
    project.run(&["token"]).ok();
}

#[test]
fn r14_stored_credentials_are_told_before_their_first_use() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "grant = \"password\"\nusername = \"u\"", "");
    assert!(project.run(&["status"]).ok().stdout.contains("not logged in"));
    project.run_with(&["login", "acme", "--password-stdin", "--no-verify"], "p").ok();
    assert!(project.run(&["status"]).ok().stdout.contains("no token yet"));
    project.run(&["token"]).ok();
    // Refused since: only a person helps.
    server.set_password("changed");
    server.revoke_all();
    project.expire();
    project.run(&["token"]).failed(10, "login_needed");
    let text = project.run(&["status"]).ok().stdout;
    assert!(text.contains("login needed") && text.contains("next: run: unlapse login"), "{text}");
    assert_eq!(project.run(&["status", "--check"]).code, Some(10));
}

#[test]
fn c6_whoever_holds_the_lease_is_named() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "lease_wait = \"300ms\"");
    project.log_in(&server);
    project.expire();
    server.fault(Fault::Slow(Duration::from_millis(1500)));
    let renewing = project.spawn(&["token", "acme"]);
    server.until_requests(2);
    let status = project.status();
    assert_eq!(status["lease_holder"]["pid"], renewing.pid(), "{status:#}");
    let busy = project.run(&["token", "acme"]).failed(12, "lease_busy");
    assert!(busy.stderr.contains(&format!("process {}", renewing.pid())), "{busy}");
    let run = renewing.wait().ok();
    assert!(server.accepts(run.line()));
    eventually("the lease is given up", || project.status()["lease_holder"].is_null());
}

#[test]
fn list_names_every_profile_and_whether_it_has_a_login() {
    let server = AuthServer::start(Class::Strict);
    let mut project = Project::empty();
    let more = "[profile.key]\ngrant = \"api_key\"\napi_key_env = \"KEY\"\n\
                [profile.other]\ntoken_endpoint = \"http://127.0.0.1:1/token\"";
    project.configure(&format!("{}\n{more}", config(&server, "account = \"ann\"", "")), "");
    project.run_with(&["login", "acme", "--refresh-token-stdin"], &server.issue()).ok();
    let list = project.run(&["list"]).ok();
    assert_eq!(
        list.stdout,
        "acme   refresh_token       logged in\n\
         key    api_key             api key not set\n\
         other  refresh_token       not logged in\n"
    );
    project.env.push(("KEY".to_owned(), "k".to_owned()));
    let json = project.run(&["list", "--json"]).ok().json();
    let words: Vec<_> = (0..3).map(|row| json["profiles"][row]["login"].clone()).collect();
    assert_eq!(words, ["logged_in", "api_key", "not_logged_in"]);
    assert_eq!(json["profiles"][0]["account"], "ann");
}

#[test]
fn nothing_configured_is_said_beside_the_data() {
    let project = Project::empty();
    project.configure("", "");
    for command in ["list", "status"] {
        let run = project.run(&[command]).ok();
        assert_eq!(run.stdout, "");
        assert!(run.stderr.contains("no profiles"), "{run}");
        assert_eq!(project.run(&[command, "--quiet"]).ok().stderr, "");
        assert_eq!(
            project.run(&[command, "--json"]).ok().json()["profiles"],
            serde_json::json!([])
        );
    }
}

#[test]
fn a_terminal_is_needed_for_colour() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let run = Running::start(project.command(&["status"]).env("TERM", "xterm"), b"").wait().ok();
    assert!(!run.stdout.contains('\u{1b}'), "{run}");
}
