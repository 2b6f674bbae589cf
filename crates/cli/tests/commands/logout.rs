//! `logout`: revoked at the server first, then forgotten.

use crate::harness::{AuthServer, Class, Fault, Project, config};

fn logged_in() -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "timeout = \"1s\"");
    project.log_in(&server);
    (server, project)
}

/// No token and nothing that buys one; that there was a login may be remembered.
fn nothing_is_kept(project: &Project) -> bool {
    let record = project.stored().map(|stored| stored.record);
    record.is_none_or(|record| record.token.is_none() && record.credentials.is_none())
}

#[test]
fn k9_logout_ends_the_login_at_the_server_and_here() {
    let (server, project) = logged_in();
    let token = project.run(&["token"]).ok();
    let run = project.run(&["logout", "acme"]).ok();
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("revoked at the server and forgotten"), "{run}");
    assert_eq!(server.counts().revocations, 1);
    assert!(!server.accepts(token.line()), "the server has ended it");
    assert!(nothing_is_kept(&project));
    project.run(&["token", "acme"]).failed(10, "login_needed");
}

#[test]
fn a_second_logout_claims_nothing() {
    let (_server, project) = logged_in();
    project.run(&["logout"]).ok();
    let again = project.run(&["logout"]).ok();
    assert!(again.stderr.contains("nobody was logged in"), "{again}");
    assert_eq!(project.run(&["logout", "--json"]).ok().json()["revoked_at_server"], false);
}

#[test]
fn k9_a_server_that_is_away_clears_nothing() {
    let (mut server, project) = logged_in();
    let token = project.run(&["token"]).ok();
    server.stop();
    let away = project.run(&["logout", "acme"]).failed(11, "temporary_failure");
    assert!(away.stderr.contains("unlapse logout acme --local"), "{away}");
    assert_eq!(project.run(&["token"]).ok().stdout, token.stdout);
    server.start_again();
    project.run(&["logout"]).ok();
    assert_eq!(server.counts().revocations, 1);
}

#[test]
fn local_forgets_without_a_word_to_the_server() {
    let (mut server, project) = logged_in();
    server.stop();
    let run = project.run(&["logout", "--local"]).ok();
    assert!(run.stderr.contains("the server was not told"), "{run}");
    assert!(nothing_is_kept(&project));
    server.start_again();
    assert_eq!(server.counts().revocations, 0);
}

#[test]
fn a_server_without_revocation_is_said_so() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::empty();
    let origin = server.origin();
    project.configure(
        &format!("[profile.acme]\ntoken_endpoint = \"{origin}/token\"\nclient_id = \"cid\""),
        "",
    );
    project.log_in(&server);
    let run = project.run(&["logout"]).ok();
    assert!(run.stderr.contains("has no revocation endpoint"), "{run}");
    project.log_in(&server);
    assert_eq!(project.run(&["logout", "--json"]).ok().json()["revoked_at_server"], false);
}

#[test]
fn a_client_that_cannot_prove_itself_is_told_what_is_missing() {
    let server = AuthServer::start(Class::Strict);
    server.require_secret("s3cret");
    let profile = "grant = \"client_credentials\"\nclient_secret_env = \"ACME_SECRET\"";
    let mut project = Project::new(&server, profile, "");
    project.env.push(("ACME_SECRET".to_owned(), "s3cret".to_owned()));
    project.run(&["token"]).ok();
    project.env.clear();
    let run = project.run(&["logout"]).failed(13, "client_rejected");
    assert!(run.stderr.contains("secret"), "{run}");
    assert!(project.stored().is_some(), "nothing is forgotten");
}

#[test]
fn c4_what_cannot_be_read_can_still_be_forgotten() {
    let (server, project) = logged_in();
    server.fault(Fault::unavailable());
    std::fs::write(project.record_path(), "torn").expect("written");
    project.run(&["logout"]).failed(14, "store_damaged");
    project.run(&["logout", "--local"]).ok();
}

#[test]
fn k3_k9_logout_all_ends_every_login_that_can_be_ended() {
    let (one, mut two) = (AuthServer::start(Class::Strict), AuthServer::start(Class::Strict));
    let second = config(&two, "", "timeout = \"1s\"").replace("profile.acme", "profile.other");
    let key = "[profile.key]\ngrant = \"api_key\"\napi_key_env = \"A_KEY\"\n";
    let project = Project::empty();
    project.configure(&format!("{}{second}{key}", config(&one, "", "")), "");
    let log_in = |profile: &str, server: &AuthServer| {
        let arguments = ["login", profile, "--refresh-token-stdin"];
        project.run_with(&arguments, &server.issue()).ok();
    };
    log_in("acme", &one);
    log_in("other", &two);
    two.stop();
    let run = project.run(&["logout", "--all"]);
    assert_eq!(run.code, Some(11), "{run}");
    assert!(run.stderr.contains("acme: revoked at the server"), "{run}");
    assert!(run.stderr.contains("unlapse logout other --local"), "{run}");
    assert_eq!(one.counts().revocations, 1);
    project.run(&["token", "acme"]).failed(10, "login_needed");
    project.run(&["token", "other"]).ok();

    two.start_again();
    log_in("acme", &one);
    let run = project.run(&["logout", "--all", "--json"]).ok();
    let expected = serde_json::json!({ "profiles": [
        { "profile": "acme", "revoked_at_server": true, "problem": null },
        { "profile": "other", "revoked_at_server": true, "problem": null },
    ] });
    assert_eq!(run.json(), expected);
    for profile in ["acme", "other"] {
        project.run(&["token", profile]).failed(10, "login_needed");
    }
    // With a server that is away, it can be forgotten here all the same.
    log_in("other", &two);
    two.stop();
    let away = project.run(&["logout", "--all", "--json"]);
    assert_eq!(
        (away.code, &away.json()["profiles"][1]["problem"]),
        (Some(11), &"unlapse::temporary_failure".into())
    );
    project.run(&["logout", "--all", "--local"]).ok();
    project.run(&["token", "other"]).failed(10, "login_needed");
    project.run(&["logout", "acme", "--all"]).failed(2, "usage");
}
