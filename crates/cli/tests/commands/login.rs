//! `login`: what is verified, what is kept, and what a refusal must not touch.

use crate::harness::{AuthServer, Class, Fault, Project, config};

const FROM_STDIN: [&str; 3] = ["login", "acme", "--refresh-token-stdin"];

#[test]
fn a_refresh_token_is_verified_and_spent_at_once() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    let run = project.run_with(&FROM_STDIN, &server.issue()).ok();
    assert_eq!(run.stdout, "", "stdout is for data");
    assert!(run.stderr.starts_with("logged in to acme: valid until "), "{run}");
    assert_eq!(server.counts().refreshes, 1);
    let token = project.run(&["token", "acme"]).ok();
    assert!(server.accepts(token.line()));
    assert_eq!(server.counts().requests, 1, "the login's own token is used");
}

#[test]
fn line_ends_around_a_secret_are_not_part_of_it() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.run_with(&FROM_STDIN, &format!("{}\r\n", server.issue())).ok();
    assert_eq!(server.counts().refused, 0);
}

#[test]
fn r9_a_refused_login_leaves_the_one_that_was_there() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    let refused = project.run_with(&FROM_STDIN, "rt.nobody.0.x").failed(10, "login_needed");
    assert!(refused.stderr.contains("the login to acme is refused"), "{refused}");
    assert_eq!(project.status()["token"], "none");

    project.log_in(&server);
    let before = project.run(&["token", "acme"]).ok();
    project.run_with(&FROM_STDIN, "rt.nobody.0.x").failed(10, "login_needed");
    assert_eq!(project.run(&["token", "acme"]).ok().stdout, before.stdout);
    project.run(&["refresh", "acme"]).ok();
    assert_eq!(server.counts().families_revoked, 0);
}

#[test]
fn r14_a_server_that_is_away_keeps_what_was_brought_with_a_warning() {
    let mut server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "attempts = 1");
    let refresh_token = server.issue();
    server.stop();
    let run = project.run_with(&FROM_STDIN, &refresh_token).ok();
    assert!(run.stderr.contains("warning: acme is kept, but the server"), "{run}");
    assert!(!run.stderr.contains("logged in"), "nobody knows yet: {run}");
    server.start_again();
    project.run(&["token", "acme"]).ok();
    assert_eq!(server.counts().refreshes, 1);
}

#[test]
fn x2_a_server_that_is_away_costs_no_login_that_is_alive() {
    let mut server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "reuse = \"strict\"", "attempts = 1\ntimeout = \"1s\"");
    project.log_in(&server);
    let before = project.run(&["token", "acme"]).ok();
    let refresh_token = server.issue();
    server.stop();
    let run = project.run_with(&FROM_STDIN, &refresh_token).failed(11, "temporary_failure");
    assert!(run.stderr.contains("nothing that was there is changed"), "{run}");
    assert_eq!(project.run(&["token", "acme"]).ok().stdout, before.stdout);
    server.start_again();
    // The reply to the new one is lost on the way: the old one is as good as it was.
    server.fault(Fault::LoseReply);
    project.run_with(&FROM_STDIN, &refresh_token).failed(15, "outcome_unknown");
    assert_eq!(project.status()["in_doubt"], false);
    assert_eq!(project.run(&["token", "acme"]).ok().stdout, before.stdout);
    project.run(&["refresh", "acme"]).ok();
    project.log_in(&server);
}

#[test]
fn no_verify_asks_nobody() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in_unverified(&server);
    assert_eq!(server.counts().requests, 0);
    project.run(&["token", "acme"]).ok();
    assert_eq!(server.counts().refreshes, 1);
}

#[test]
fn c8_a_login_whose_token_breaks_a_rule_keeps_the_refresh_tokens_successor() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "algorithms = [\"RS256\"]");
    let run = project.run_with(&FROM_STDIN, &server.issue()).failed(13, "token_rule_broken");
    assert!(run.stderr.contains("`algorithms`"), "{run}");
    // The rule is mended, and the login that was bought is alive: nothing is used twice.
    project.configure(&config(&server, "", ""), "");
    project.run(&["refresh", "acme"]).ok();
    let counts = server.counts();
    assert_eq!((counts.refreshes, counts.reuses), (2, 0));
}

#[test]
fn a_password_is_kept_and_logs_in_again() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "grant = \"password\"\nusername = \"u\"", "");
    project.run_with(&["login", "acme", "--password-stdin"], "wrong").failed(10, "login_needed");
    project.run_with(&["login", "acme", "--password-stdin"], "p\n").ok();
    project.run(&["token", "acme"]).ok();
    assert_eq!(server.counts().logins, 1);
}

#[test]
fn c9_the_login_endpoint_logs_in_again_by_itself_when_the_refresh_fails_for_good() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::empty();
    let origin = server.origin();
    let profile = format!(
        "[profile.acme]\ngrant = \"login_endpoint\"\n[profile.acme.login_endpoint]\n\
         url = \"{origin}/api/auth/login\"\nrefresh_url = \"{origin}/api/auth/refresh\"\n\
         username = \"u\"\n[profile.acme.policy]\nbase_delay = \"10ms\"\n"
    );
    project.configure(&profile, "");
    project.run_with(&["login", "acme", "--password-stdin"], "p").ok();
    let first = project.run(&["token", "acme"]).ok();
    assert_eq!((server.counts().logins, server.counts().requests), (1, 1));

    // The session ends at the server, and the token by the clock: the caller sees one success.
    server.revoke_all();
    project.expire();
    let second = project.run(&["token", "acme"]).ok();
    assert_eq!(second.stderr, "", "no authentication detail: {second}");
    assert_ne!(first.stdout, second.stdout);
    let counts = server.counts();
    assert_eq!((counts.refused, counts.logins), (1, 2), "one refresh refused, one login");

    // A server that is away is no verdict: no login is tried instead (R14).
    project.expire();
    server.always(Some(Fault::unavailable()));
    project.run(&["token", "acme"]).failed(11, "temporary_failure");
    server.always(None);
    assert_eq!(server.counts().logins, 2);

    // A password that is not good any more is told once, and not tried again (accounts are locked).
    server.set_password("new");
    server.revoke_all();
    let refused = project.run(&["token", "acme"]).failed(10, "login_needed");
    assert!(refused.stderr.contains("--password-stdin"), "{refused}");
    let requests = server.counts().requests;
    project.run(&["token", "acme"]).failed(10, "login_needed");
    assert_eq!(server.counts().requests, requests);
    project.run_with(&["login", "acme", "--password-stdin"], "new").ok();
    project.run(&["token", "acme"]).ok();
}

#[test]
fn client_credentials_with_a_stored_secret_in_both_places() {
    for (auth, in_body) in [("basic", false), ("post", true)] {
        let server = AuthServer::start(Class::Strict);
        server.require_secret("s3cret");
        let profile = format!("grant = \"client_credentials\"\nclient_auth = \"{auth}\"");
        let project = Project::new(&server, &profile, "");
        let login = ["login", "acme", "--client-secret-stdin"];
        project.run_with(&login, "wrong").failed(13, "client_rejected");
        project.run_with(&login, "s3cret\n").ok();
        project.expire();
        let token = project.run(&["token", "acme"]).ok();
        assert!(server.accepts(token.line()));
        assert_eq!(server.counts().logins, 2);
        let bodies = server.bodies();
        let last = bodies.last().expect("a request");
        assert_eq!(last.contains("client_secret=s3cret"), in_body, "{auth}: {last}");
    }
}

#[test]
fn client_credentials_with_a_secret_in_the_environment_need_no_login() {
    let server = AuthServer::start(Class::Strict);
    server.require_secret("s3cret");
    let profile = "grant = \"client_credentials\"\nclient_secret_env = \"ACME_SECRET\"";
    let mut project = Project::new(&server, profile, "");
    let unset = project.run(&["token", "acme"]).failed(10, "login_needed");
    assert!(unset.stderr.contains("set ACME_SECRET"), "{unset}");
    project.env.push(("ACME_SECRET".to_owned(), "s3cret".to_owned()));
    let token = project.run(&["token", "acme"]).ok();
    assert_eq!(project.run(&["token", "acme"]).ok().stdout, token.stdout);
    assert_eq!(server.counts().logins, 1);
}

#[test]
fn an_issuer_is_discovered() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::empty();
    let origin = server.origin();
    project.configure(&format!("[profile.acme]\nissuer = \"{origin}\"\nclient_id = \"cid\""), "");
    project.log_in(&server);
    project.run(&["token", "acme"]).ok();
    project.run(&["logout", "acme"]).ok();
    assert_eq!(server.counts().revocations, 1, "the revocation endpoint is found as well");
}

#[test]
fn what_was_brought_has_to_fit_the_grant() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    let nobody = project.run(&["login", "acme"]).failed(2, "input_needed");
    assert!(nobody.stderr.contains("--refresh-token-stdin"), "{nobody}");
    project.run_with(&FROM_STDIN, "").failed(2, "input_unreadable");
    project.run_with(&FROM_STDIN, &"x".repeat(40_000)).failed(2, "input_unreadable");
    let both = ["login", "acme", "--refresh-token-stdin", "--password-stdin"];
    project.run_with(&both, "x").failed(2, "usage");

    let project = Project::new(&server, "grant = \"password\"\nusername = \"u\"", "");
    project.run_with(&FROM_STDIN, "x").failed(2, "wrong_grant");
    let project = Project::new(&server, "grant = \"api_key\"\napi_key_env = \"K\"", "");
    project.run(&["login", "acme"]).failed(2, "wrong_grant");
    assert_eq!(server.counts().requests, 0);
}
