//! `demo`: real processes, one login, faults, and nobody logged out.
#![allow(clippy::disallowed_methods, reason = "tests touch files and wait, as a neighbour does")]

mod harness;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use harness::{Project, Run, eventually, processes_of};

/// Where the demo of this project puts its directory.
fn temporary(project: &Project) -> PathBuf {
    project.root().join("tmp")
}

#[track_caller]
fn assert_nothing_is_left(project: &Project) {
    let dir = temporary(project);
    let left: Vec<_> = std::fs::read_dir(&dir).expect("read").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(processes_of(&dir), [0; 0]);
}

#[track_caller]
fn assert_verdict(run: &Run) -> Value {
    assert_eq!(run.code, Some(0), "{run}");
    let last = run.stdout.lines().last().expect("a line");
    let verdict: Value =
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {run}"));
    let count = |path: &str| {
        let found = verdict.pointer(path).and_then(Value::as_u64);
        found.unwrap_or_else(|| panic!("no {path} in {verdict}"))
    };
    assert!(count("/requests") > 100 && count("/renewals") > 0, "{verdict}");
    assert_eq!((count("/unauthorized"), count("/families_revoked")), (0, 0), "{verdict}");
    assert!(count("/faults/kill_9") > 0 && count("/faults/cancelled_callers") > 0, "{verdict}");
    for path in ["/faults/unavailable_503", "/faults/firewall_html", "/faults/lost_replies"] {
        count(path);
    }
    verdict
}

#[test]
fn x2_nobody_is_logged_out_and_the_verdict_is_one_object_on_the_last_line() {
    let project = Project::empty();
    let run = project.run(&["demo", "--seconds", "5", "--workers", "4", "--json"]);
    assert_verdict(&run);
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (1, ""), "{run}");
    assert!((5..15).contains(&run.took.as_secs()), "{run}");
    assert_nothing_is_left(&project);
}

#[test]
fn x2_no_seed_logs_anybody_out() {
    // Seeds that throw many faults early, and, in the full suites, the demo as it is by default.
    let rows: &[(&str, &str, &str)] = if harness::is_full() {
        &[("30", "16", "2"), ("15", "8", "3")]
    } else {
        &[("6", "16", "4")]
    };
    for (seconds, workers, seed) in rows {
        let project = Project::empty();
        let arguments =
            ["demo", "--seconds", seconds, "--workers", workers, "--seed", seed, "--json"];
        assert_verdict(&project.run(&arguments));
    }
}

#[test]
fn without_a_terminal_there_are_plain_lines() {
    let project = Project::empty();
    let run = project.run(&["demo", "--seconds", "3", "--workers", "2"]).ok();
    assert!(!run.stdout.contains('\u{1b}'), "{run}");
    assert!(run.stdout.contains("\n  1 s  ") || run.stdout.starts_with("  0 s  "), "{run}");
    assert!(run.stdout.contains("nobody was logged out\n"), "{run}");
    for line in ["  401s              0", "  families revoked  0"] {
        assert!(run.stdout.lines().any(|found| found == line), "{run}");
    }
    let quiet = project.run(&["demo", "--seconds", "3", "--workers", "1", "--quiet"]).ok();
    assert!(quiet.stdout.starts_with("nobody was logged out\n"), "{quiet}");
}

#[test]
fn r6_signals_end_it_with_a_verdict_and_nothing_left_behind() {
    for signal in [Signal::INT, Signal::TERM] {
        let project = Project::empty();
        let started = Instant::now();
        let demo = project.spawn(&["demo", "--seconds", "60", "--workers", "3", "--json"]);
        eventually("workers run", || processes_of(&temporary(&project)).len() == 3);
        std::thread::sleep(Duration::from_millis(500));
        demo.signal(signal);
        let run = demo.wait().ok();
        assert!(started.elapsed() < Duration::from_secs(30), "{run}");
        assert_eq!(run.json()["families_revoked"], 0);
        assert_nothing_is_left(&project);
    }
}

#[test]
fn r20_workers_whose_parent_is_killed_end_by_themselves() {
    let project = Project::empty();
    let demo = project.spawn(&["demo", "--seconds", "60", "--workers", "3", "--json"]);
    eventually("workers run", || processes_of(&temporary(&project)).len() == 3);
    demo.signal(Signal::KILL);
    let run = demo.wait();
    assert_eq!(run.signal, Some(9), "{run}");
    eventually("workers end", || processes_of(&temporary(&project)).is_empty());
}

#[test]
fn a_demo_that_cannot_be_set_up_says_so() {
    let mut project = Project::empty();
    project.env.push(("TMPDIR".to_owned(), "/nonexistent".to_owned()));
    project.run(&["demo", "--seconds", "3"]).failed(11, "demo_failed");
    for arguments in [["demo", "--seconds", "1"], ["demo", "--workers", "0"]] {
        project.run(&arguments).failed(2, "usage");
    }
}
