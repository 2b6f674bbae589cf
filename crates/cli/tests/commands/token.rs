//! `token`: the token on stdout and nothing else.

use crate::harness::{AuthServer, Class, Project};

fn logged_in() -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    (server, project)
}

#[test]
fn every_format_says_the_same_token() {
    let (_server, project) = logged_in();
    let token = project.run(&["token", "acme"]).ok();
    assert_eq!(token.stderr, "");
    let token = token.line();
    let raw = project.run(&["token", "acme", "--format", "raw"]).ok();
    assert_eq!(raw.stdout, format!("{token}\n"));
    let header = project.run(&["token", "acme", "--format", "header"]).ok();
    assert_eq!(header.stdout, format!("Authorization: Bearer {token}\n"));
    let env = project.run(&["token", "acme", "--format", "env"]).ok();
    assert_eq!(env.stdout, format!("UNLAPSE_TOKEN='{token}'\n"));
    for arguments in
        [["token", "acme", "--json"].as_slice(), &["token", "acme", "--format", "json"]]
    {
        let run = project.run(arguments).ok();
        assert_eq!(run.stdout.lines().count(), 1);
        let json = run.json();
        assert_eq!(json["access_token"], token);
        assert_eq!(json["source"], "token");
        assert_eq!(json["storage"], "saved");
        assert!(json["expires_in"].as_u64().is_some_and(|left| (3590..=3600).contains(&left)));
    }
}

#[test]
fn the_environment_format_is_safe_in_a_shell() {
    let server = AuthServer::start(Class::Strict);
    let hostile = "a';echo:pwned;'$(pwned)`pwned`\\\"!*&b";
    server.set_extra(serde_json::json!({ "access_token": hostile }));
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let line = project.run(&["token", "acme", "--format", "env"]).ok().stdout;
    let script = format!("{line}printf %s \"$UNLAPSE_TOKEN\"");
    let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
    assert_eq!(String::from_utf8_lossy(&output.stdout), hostile);
}

#[test]
fn min_ttl_renews_what_would_end_too_soon_and_never_withholds() {
    let (mut server, project) = logged_in();
    let first = project.run(&["token", "acme", "--min-ttl", "30m"]).ok();
    assert_eq!(server.counts().refreshes, 1, "the login's: it lives for an hour");
    let longer = project.run(&["token", "acme", "--min-ttl", "2h"]).ok();
    assert!(longer.stderr.contains("less than --min-ttl"), "more than there is: {longer}");
    project.make_due();
    let renewed = project.run(&["token", "acme", "--min-ttl", "5m"]).ok();
    assert_ne!(renewed.stdout, first.stdout);

    // R10: a valid token is served though it cannot be renewed.
    project.make_due();
    server.stop();
    let served = project.run(&["token", "acme", "--min-ttl", "5m"]).ok();
    assert_eq!(served.stdout, renewed.stdout);
    assert!(served.stderr.contains("warning: "), "{served}");
    let quiet = project.run(&["token", "acme", "--min-ttl", "5m", "--quiet"]).ok();
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (renewed.stdout, ""));
}

#[test]
fn r14_no_input_and_no_terminal_ask_nobody() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    for arguments in [["token", "acme"].as_slice(), &["token", "acme", "--no-input"]] {
        let run = project.run(arguments).failed(10, "login_needed");
        assert!(run.stderr.contains("`unlapse login acme`"), "{run}");
    }
    assert_eq!(server.counts().requests, 0);
}

#[test]
fn a_profile_is_guessed_only_where_there_is_one() {
    let (server, project) = logged_in();
    project.run(&["token"]).ok();
    let two = format!(
        "{}\n[profile.beta]\ntoken_endpoint = \"{}/token\"",
        crate::harness::config(&server, "", ""),
        server.origin()
    );
    project.configure(&two, "");
    let which = project.run(&["token"]).failed(2, "config_no_profile");
    assert!(which.stderr.contains("acme, beta"), "{which}");
    let typo = project.run(&["token", "acne"]).failed(2, "config_unknown_profile");
    assert!(typo.stderr.contains("did you mean `acme`?"), "{typo}");
}

#[test]
fn r18_a_token_is_not_printed_into_an_error() {
    let (_server, project) = logged_in();
    let token = project.run(&["token", "acme"]).ok();
    let run = project.run(&["token", "acme", token.line()]).failed(2, "usage");
    assert!(!run.stderr.contains(token.line()), "{run}");
}
