//! `Retry-After`, and the breaker that every process shares.

use std::time::{Duration, Instant, SystemTime};

use crate::harness::{self, Fault};
use crate::{QUICK, SERVED_WITHIN, logged_in};

#[test]
fn c10_r15_retry_after_in_seconds_is_obeyed() {
    let (server, project) = logged_in("", "");
    project.expire();
    server.fault(Fault::too_many("2"));
    let run = project.run(&["token", "acme"]).ok();
    assert!(run.took >= Duration::from_secs(2), "{run}");
    assert!(run.took < Duration::from_secs(10), "{run}");
    assert_eq!(server.counts().requests, 3);
}

#[test]
fn c10_r15_retry_after_as_a_date_is_obeyed() {
    let (server, project) = logged_in("", "");
    project.expire();
    let wanted = SystemTime::now() + Duration::from_secs(4);
    server.fault(Fault::too_many(&httpdate::fmt_http_date(wanted)));
    let run = project.run(&["token", "acme"]).ok();
    // A date has whole seconds.
    assert!(SystemTime::now() + Duration::from_secs(1) >= wanted, "{run}");
    assert!(run.took < Duration::from_secs(12), "{run}");
    assert_eq!(server.counts().requests, 3);
}

#[test]
fn r15_a_wait_that_is_longer_than_the_caller_has_is_told_at_once_and_to_all() {
    let (server, project) = logged_in("", "caller_timeout = \"2s\"\nlease_wait = \"1s\"");
    project.expire();
    let asked = Instant::now();
    server.fault(Fault::too_many("6"));
    let run = project.run(&["token", "acme"]).failed(11, "rate_limited");
    assert!(run.took < Duration::from_secs(2), "fails fast: {run}");
    assert!(run.stderr.contains("not before"), "says when: {run}");
    let told = project.run(&["token", "acme", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&told.stderr).expect("one object");
    assert!(error["error"]["retry_at"].is_string(), "{told}");
    for run in project.storm(5, &["token", "acme"]) {
        run.failed(11, "rate_limited");
    }
    assert_eq!(server.counts().requests, 2, "nobody asks before");
    while asked.elapsed() < Duration::from_secs(7) {
        std::thread::sleep(Duration::from_millis(100));
    }
    project.run(&["token", "acme"]).ok();
    assert_eq!(server.counts().requests, 3);
}

#[test]
fn r15_c10_a_huge_retry_after_is_capped() {
    let (server, project) =
        logged_in("", "max_delay = \"1s\"\nbase_delay = \"10ms\"\ncaller_timeout = \"30s\"");
    project.expire();
    server.fault(Fault::too_many("99999999999999999999"));
    let run = project.run(&["token", "acme"]).ok();
    assert!(run.took >= Duration::from_secs(1) && run.took < SERVED_WITHIN, "{run}");
}

#[test]
fn r16_c11_five_failures_open_the_breaker_for_every_process() {
    let (server, project) = logged_in("", QUICK);
    project.expire();
    server.always(Some(Fault::unavailable()));
    project.run(&["token", "acme"]).failed(11, "temporary_failure");
    assert_eq!(server.counts().requests, 4, "the login's, and C10: 3 attempts");
    assert!(project.status()["breaker_open_until"].is_null(), "3 failures are not enough");
    project.run(&["token", "acme"]).failed(11, "breaker_open");
    assert_eq!(server.counts().requests, 6, "the fifth failure in a row opened it");

    let status = project.status();
    assert!(status["breaker_open_until"].is_string(), "visible: {status:#}");
    assert!(status["next"].as_str().expect("advice").contains("--reset-breaker"));
    server.always(None);
    for run in project.storm(10, &["token", "acme"]) {
        let run = run.failed(11, "breaker_open");
        assert!(run.took < SERVED_WITHIN, "refuses at once: {run}");
    }
    assert_eq!(server.counts().requests, 6, "open: no request is made");
    assert_eq!(project.status()["needs_login"], serde_json::Value::Null);

    let doctor = project.run(&["doctor", "--reset-breaker"]);
    assert!(doctor.code.is_some(), "{doctor}");
    assert!(project.status()["breaker_open_until"].is_null());
    project.run(&["token", "acme"]).ok();
    assert_eq!((server.counts().requests, server.counts().reuses), (7, 0));
}

#[test]
fn r16_after_its_time_one_trial_closes_the_breaker() {
    let (server, project) = logged_in("", &format!("{QUICK}breaker_open_for = \"1s\""));
    project.expire();
    server.always(Some(Fault::unavailable()));
    project.run(&["token", "acme"]).failed(11, "temporary_failure");
    server.always(None);
    server.faults([Fault::unavailable(), Fault::unavailable()]);
    // Opened by the second of these; by its own clock the caller may wait for the trial.
    let run = project.run(&["token", "acme"]).ok();
    assert!(run.took >= Duration::from_millis(900), "not before its time: {run}");
    assert_eq!(server.counts().requests, 7);
    assert!(project.status()["breaker_open_until"].is_null());
}

#[test]
fn r10_r16_an_open_breaker_withholds_no_valid_token() {
    let (server, project) = logged_in("", &format!("{QUICK}round = \"100ms\"\nattempts = 5"));
    let valid = project.run(&["token", "acme"]).ok().stdout;
    project.make_due();
    server.always(Some(Fault::firewall(403)));
    harness::eventually("the breaker opens", || {
        assert_eq!(project.run(&["token", "acme"]).ok().stdout, valid);
        project.status()["breaker_open_until"].is_string()
    });
    let requests = server.counts().requests;
    for run in project.storm(5, &["token", "acme"]) {
        assert_eq!(run.ok().stdout, valid);
    }
    assert_eq!(server.counts().requests, requests);
}
