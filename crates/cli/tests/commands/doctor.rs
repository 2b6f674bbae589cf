//! `doctor`: each finding with its repair.

use std::time::Duration;

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::harness::{AuthServer, Class, Fault, Project, config};

fn logged_in() -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "breaker_failures = 1\nattempts = 1");
    project.log_in(&server);
    (server, project)
}

/// The finding of that name.
#[track_caller]
fn finding(report: &Value, what: &str) -> Value {
    let findings = report["findings"].as_array().expect("a list");
    let found = findings.iter().find(|finding| finding["what"] == what);
    found.unwrap_or_else(|| panic!("no {what} in {report:#}")).clone()
}

#[track_caller]
fn graded(project: &Project, what: &str, grade: &str) -> Value {
    let found = finding(&project.run(&["doctor", "--json"]).json(), what);
    assert_eq!(found["grade"], grade, "{found:#}");
    assert_eq!(found["repair"].is_null(), grade == "ok", "{found:#}");
    found
}

#[test]
fn all_is_well() {
    let (_server, project) = logged_in();
    let run = project.run(&["doctor"]).ok();
    assert_eq!(run.stderr, "");
    assert!(run.stdout.lines().all(|line| line.starts_with("ok  ")), "{run}");
    let whats =
        ["permissions", "disk", "locks", "custody", "acme: record", "acme: breaker", "acme: clock"];
    let report = project.run(&["doctor", "--json"]).ok().json();
    for what in whats {
        assert_eq!(finding(&report, what)["grade"], "ok", "{report:#}");
    }
}

#[test]
fn r11_a_clock_that_is_off_is_reported_and_not_obeyed() {
    let (server, project) = logged_in();
    for (skew, off) in [(20, false), (-20, false), (120, true), (-120, true)] {
        server.set_skew(skew);
        let found = graded(&project, "acme: clock", if off { "bad" } else { "ok" });
        assert_eq!(project.run(&["doctor"]).code, Some(if off { 11 } else { 0 }), "{found}");
    }
    // A token is bought and served all the same, with a warning.
    let run = project.run(&["refresh"]).ok();
    assert!(run.stderr.contains("warning: the clocks of this machine"), "{run}");
    assert_eq!(project.status()["token"], "valid");
}

#[test]
fn a_server_that_is_away_is_a_note() {
    let (mut server, project) = logged_in();
    server.stop();
    graded(&project, "acme: clock", "note");
    project.run(&["doctor"]).ok();
}

#[test]
fn c3_open_permissions_and_a_readable_key_are_found() {
    let (_server, project) = logged_in();
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
    };
    open(&project.store_dir(), 0o755);
    graded(&project, "permissions", "note");
    let key = project.state_dir().join("unlapse.key");
    open(&key, 0o644);
    let found = graded(&project, "custody", "bad");
    assert!(found["repair"].as_str().is_some_and(|repair| repair.contains("chmod 600")));
    assert_eq!(project.run(&["doctor"]).code, Some(11));
    open(&key, 0o600);
    graded(&project, "custody", "ok");
}

#[test]
fn c4_what_was_set_aside_is_listed() {
    let (_server, project) = logged_in();
    std::fs::write(project.record_path(), "").expect("written");
    project.run(&["token"]).failed(14, "store_damaged");
    let found = graded(&project, "quarantine", "note");
    assert!(found["found"].as_str().is_some_and(|found| found.contains("-empty")), "{found}");
    project.run(&["doctor"]).ok();
}

#[test]
fn r16_breakers_are_shown_and_reset() {
    let (server, project) = logged_in();
    project.expire();
    server.fault(Fault::unavailable());
    project.run(&["token"]).failed(11, "temporary_failure");
    let open = project.run(&["token"]).failed(11, "breaker_open");
    assert!(open.stderr.contains("doctor --reset-breaker"), "{open}");
    graded(&project, "acme: breaker", "note");
    let reset = project.run(&["doctor", "--reset-breaker", "--json"]).ok().json();
    let closed = finding(&reset, "breakers");
    assert!(
        closed["found"].as_str().is_some_and(|found| found.contains(server.origin())),
        "{closed}"
    );
    assert_eq!(finding(&reset, "acme: breaker")["grade"], "ok");
    project.run(&["token"]).ok();
}

#[test]
fn a_login_that_has_ended_and_a_key_that_is_not_set_are_bad() {
    let (server, mut project) = logged_in();
    server.revoke_all();
    project.run(&["refresh"]).failed(10, "login_needed");
    let found = graded(&project, "acme: record", "bad");
    assert_eq!(found["repair"], "run: unlapse login acme");
    let key = "grant = \"api_key\"\napi_key_env = \"ACME_KEY\"";
    project.configure(&config(&server, key, ""), "");
    graded(&project, "acme: api key", "bad");
    project.env.push(("ACME_KEY".to_owned(), "k".to_owned()));
    graded(&project, "acme: api key", "ok");
}

#[test]
fn c16_a_disk_that_takes_nothing_is_found() {
    if rustix::process::geteuid().is_root() {
        // Permissions bind nobody with root's rights: the file system has to refuse by itself.
        let server = AuthServer::start(Class::Strict);
        let project = Project::empty();
        project.configure(&config(&server, "", ""), "");
        let text = std::fs::read_to_string(project.config_path()).expect("read");
        let path = project.store_dir().display().to_string();
        std::fs::write(project.config_path(), text.replace(&path, "/proc/unlapse-store"))
            .expect("written");
        graded(&project, "disk", "bad");
        return;
    }
    let (_server, project) = logged_in();
    let shut = std::fs::Permissions::from_mode(0o500);
    std::fs::set_permissions(project.store_dir(), shut).expect("set");
    graded(&project, "disk", "bad");
    let open = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(project.store_dir(), open).expect("set");
}

#[test]
fn a4_records_of_no_use_are_named_and_removed_on_request() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let month = Duration::from_secs(31 * 86_400);
    project.edit(|record| {
        let record = record.ended(unlapse_core::LoginReason::RefreshRejected);
        record.next(|record| {
            let token = record.token.as_mut().expect("a token");
            token.obtained.wall = token.obtained.wall.minus(month);
            token.obtained.boot.boot = !token.obtained.boot.boot;
            record.stored_at = token.obtained.wall;
        })
    });
    let doctor = project.run(&["doctor"]);
    assert!(doctor.stdout.contains("1 of logins that ended more than a month ago"), "{doctor}");
    assert!(doctor.stdout.contains("unlapse doctor --repair"), "{doctor}");
    assert_eq!(project.status()["needs_login"], "refresh_rejected", "it is there yet");
    let repaired = project.run(&["doctor", "--repair"]).ok();
    assert!(repaired.stdout.contains("removed"), "{repaired}");
    assert_eq!(project.stored(), None);

    // What is alive, or has ended lately, stays.
    project.log_in(&server);
    project.expire();
    let repaired = project.run(&["doctor", "--repair"]).ok();
    assert!(!repaired.stdout.contains("removed"), "{repaired}");
    assert!(server.accepts(project.run(&["token"]).ok().line()));
}
