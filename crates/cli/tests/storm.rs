//! Many processes at once: one renewal, one token for all (X1, R1, R2, C14).
#![allow(clippy::disallowed_methods, reason = "tests touch files as a person does")]

mod harness;

use std::time::Duration;

use harness::{AuthServer, Class, Fault, Project, Run, Running, is_full};

/// As many as the requirements name.
const PROCESSES: usize = 30;

fn rounds() -> u64 {
    if is_full() { 100 } else { 10 }
}

/// The one token that all of them printed.
#[track_caller]
fn same_token(runs: &[Run]) -> String {
    for run in runs {
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(run.stdout, runs[0].stdout, "one token for all");
    }
    runs[0].line().to_owned()
}

#[test]
fn x1_r1_c14_thirty_processes_with_an_expired_token_make_one_request() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "reuse = \"strict\"", "");
    project.log_in(&server);
    let mut before = project.run(&["token", "acme"]).ok().line().to_owned();
    for round in 1..=rounds() {
        project.expire();
        let token = same_token(&project.storm(PROCESSES, &["token", "acme"]));
        assert_ne!(token, before, "round {round}: it had expired");
        assert!(server.accepts(&token));
        let counts = server.counts();
        assert_eq!(counts.requests, 1 + round, "round {round}: one request each, and the login's");
        assert_eq!((counts.refreshes, counts.reuses), (1 + round, 0));
        before = token;
    }
}

#[test]
fn x1_c1_processes_in_different_directories_of_one_project_share_one_lease() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::empty();
    // Neither UNLAPSE_CONFIG nor UNLAPSE_HOME: found upward from the working directory.
    let root = project.root().join("work");
    let dirs: Vec<_> = ["", "src", "src/deep/er", "docs", ".unlapse"]
        .into_iter()
        .map(|dir| root.join(dir))
        .collect();
    for dir in &dirs {
        std::fs::create_dir_all(dir).expect("created");
    }
    let config = harness::config(&server, "reuse = \"strict\"", "");
    std::fs::write(root.join(".unlapse/config.toml"), config).expect("written");
    let command = |dir: usize, arguments: &[&str]| {
        let mut command = project.command(arguments);
        command.env_remove("UNLAPSE_CONFIG").env_remove("UNLAPSE_HOME");
        command.current_dir(&dirs[dir % dirs.len()]);
        command
    };
    let login = ["login", "acme", "--refresh-token-stdin", "--no-verify"];
    Running::start(&mut command(2, &login), server.issue().as_bytes()).wait().ok();

    let running: Vec<_> = (0..PROCESSES)
        .map(|number| Running::start(&mut command(number, &["token", "acme"]), b""))
        .collect();
    let runs: Vec<_> = running.into_iter().map(Running::wait).collect();
    same_token(&runs);
    assert_eq!((server.counts().requests, server.counts().reuses), (1, 0));
    let names = std::fs::read_dir(root.join(".unlapse")).expect("the project's store");
    let records = names.filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().ends_with(".token")
    });
    assert_eq!(records.count(), 1, "C1: it lies in the project");
    let stray = project.state_dir().join("unlapse.key");
    assert!(!stray.exists(), "UNLAPSE_HOME was not set: {stray:?}");
}

#[test]
fn x1_thirty_processes_without_a_token_log_in_once() {
    let server = AuthServer::start(Class::Strict);
    server.require_secret("s3cret");
    let mut project = Project::new(&server, "grant = \"client_credentials\"", "");
    project.env.push(("UNLAPSE_CLIENT_SECRET".to_owned(), "s3cret".to_owned()));
    let token = same_token(&project.storm(PROCESSES, &["token", "acme"]));
    assert!(server.accepts(&token));
    assert_eq!((server.counts().requests, server.counts().logins), (1, 1));

    // The same again when it has expired: there is no refresh token, so that it is a login again.
    project.expire();
    assert_ne!(same_token(&project.storm(PROCESSES, &["token", "acme"])), token);
    assert_eq!((server.counts().requests, server.counts().logins), (2, 2));
}

#[test]
fn x1_a_slow_server_is_asked_once_and_all_wait_for_its_answer() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "reuse = \"strict\"", "");
    project.log_in(&server);
    project.expire();
    server.always(Some(Fault::Slow(Duration::from_secs(2))));
    let runs = project.storm(PROCESSES, &["token", "acme"]);
    assert!(server.accepts(&same_token(&runs)));
    assert_eq!((server.counts().requests, server.counts().reuses), (2, 0));
    for run in &runs {
        assert!(run.took < Duration::from_secs(15), "woken by the answer, not by a timeout: {run}");
    }
}

#[test]
fn c6_r10_while_one_process_renews_others_serve_a_valid_token_or_name_the_holder() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "reuse = \"strict\"", "lease_wait = \"200ms\"");
    project.log_in(&server);
    let due = project.run(&["token", "acme"]).ok();
    project.make_due();
    server.fault(Fault::Hold);
    let renewing = project.spawn(&["token", "acme"]);
    server.until_requests(2);
    for run in project.storm(5, &["token", "acme"]) {
        assert_eq!(run.ok().stdout, due.stdout, "R10: the valid token");
    }
    server.release();
    renewing.wait().ok();
    assert_ne!(project.run(&["token", "acme"]).ok().stdout, due.stdout);

    project.expire();
    server.fault(Fault::Hold);
    let renewing = project.spawn(&["token", "acme"]);
    server.until_requests(3);
    for run in project.storm(5, &["token", "acme"]) {
        let run = run.failed(12, "lease_busy");
        assert!(run.stderr.contains(&renewing.pid().to_string()), "C6: no holder named: {run}");
    }
    server.release();
    renewing.wait().ok();
    assert_eq!((server.counts().requests, server.counts().reuses), (3, 0));
}
