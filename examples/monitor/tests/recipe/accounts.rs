//! Several accounts, and their end.

use super::metrics_host::OTHER;
use super::{log_in, logged_in, metrics_host, sees};

#[test]
fn k10_accounts_are_switched_without_logging_in_again() {
    let stage = metrics_host().start();
    let mut desk = logged_in(&stage);
    let (bob, password) = OTHER;
    sees(&desk, &["metrics"], "ada");
    desk.run_with(&["login", bob], password).ok();
    assert_eq!(desk.run(&["accounts"]).ok().stdout, "ada\nbob\n");
    desk.run(&["metrics"]).failed(2, "--account: one of ada, bob");
    for _ in 0..3 {
        sees(&desk, &["--account", "ada", "metrics"], "ada");
        sees(&desk, &["--account", "bob", "metrics"], "bob");
    }
    desk.set("MONITOR_ACCOUNT", "bob");
    sees(&desk, &["metrics"], "bob");
    sees(&desk, &["--account", "ada", "metrics"], "ada");
    desk.run(&["--account", "eve", "metrics"]).failed(10, "[login_needed]");
    assert_eq!(stage.tally().logins, 4, "two accounts, two scopes each");
}

#[test]
fn k9_revoking_ends_the_sessions_at_the_server_and_every_process_notices() {
    let mut stage = metrics_host().start();
    let desk = logged_in(&stage);
    let (bob, password) = OTHER;
    desk.run_with(&["login", bob], password).ok();
    // Without the server nothing is removed: there is something to try again with.
    stage.down();
    desk.run(&["--account", "ada", "revoke"]).failed(11, "hint: nothing was removed");
    stage.up();
    sees(&desk, &["--account", "ada", "metrics"], "ada");

    let mut watching = desk.start(&["--account", "ada", "watch", "20"]);
    watching.line("ada 1");
    assert_eq!(desk.run(&["--account", "ada", "revoke"]).ok().stdout, "revoked\n");
    assert_eq!(stage.tally().ended, 2, "of both scopes");
    super::eventually("the one that watches notices", || {
        watching.stderr().contains("[login_needed]")
    });
    let run = watching.interrupt();
    assert_eq!(stage.tally().logins, 4, "and makes no new login: {run}");
    desk.run(&["--account", "ada", "metrics"]).failed(10, "[login_needed]");
    sees(&desk, &["--account", "bob", "metrics"], "bob");
}

#[test]
fn k3_a_security_event_clears_every_account() {
    let stage = metrics_host().start();
    let desk = logged_in(&stage);
    let (bob, password) = OTHER;
    desk.run_with(&["login", bob], password).ok();
    assert_eq!(desk.run(&["clear"]).ok().stdout, "cleared\n");
    for account in ["ada", "bob"] {
        desk.run(&["--account", account, "metrics"]).failed(10, "[login_needed]");
    }
    assert_eq!(stage.tally().logins, 4);
    log_in(&desk).ok();
    sees(&desk, &["--account", "ada", "metrics"], "ada");
}

#[test]
fn k3_what_is_kept_opens_on_this_machine_alone() {
    let stage = metrics_host().start();
    let mut desk = logged_in(&stage);
    let other = desk.root().join("another-machine");
    std::fs::write(&other, "fedcba9876543210fedcba9876543210\n").expect("written");
    let this = desk.root().join("machine-id");
    desk.set("MONITOR_MACHINE_ID", &other);
    desk.run(&["metrics"]).failed(13, "[custody_key_wrong]");
    desk.set("MONITOR_MACHINE_ID", &this);
    sees(&desk, &["metrics"], "ada");
    assert_eq!(stage.tally().logins, 2, "what does not open is left as it was");
}
