//! `unlapse curl --queue` and `unlapse queue`.

use serde_json::json;

use crate::harness::WAIT;
use crate::server::{Fault, Reserved};
use crate::side::Side;

#[test]
fn k12_what_is_asked_for_offline_goes_out_in_order_when_the_network_is_back() {
    let side = Side::open();
    let away = Reserved::new();
    let url = format!("{}/orders?q=1", away.origin);
    for body in ["1", "2", "3"] {
        side.put(&url, body);
    }
    let left = side.left();
    assert_eq!(left.len(), 3);
    assert_eq!(left[0]["url"], json!(url));
    assert_eq!(left[0]["profile"], "acme");
    assert_eq!((&left[0]["state"], &left[0]["method"]), (&json!("waiting"), &json!("POST")));
    // The first was tried each time; those behind it never.
    assert!(left[0]["attempts"].as_u64().unwrap() >= 1 && left[2]["attempts"] == 0, "{left:?}");
    assert!(left[0]["setback"].as_str().unwrap().contains("no connection"), "{left:?}");
    let text = side.project.run(&["queue", "list"]).ok();
    assert!(text.stdout.contains(&url) && text.stdout.contains("acme  waiting"), "{text}");

    let run = side.flush(&[]);
    assert_eq!(run.code, Some(11), "something is left: {run}");
    let back = away.open();
    let run = side.flush(&["acme"]).ok();
    assert_eq!(run.stderr, "3 sent, 0 left, 0 stand apart\n");
    assert_eq!(back.done(), ["1", "2", "3"]);
    let keys: std::collections::BTreeSet<_> = back.seen().into_iter().map(|it| it.key).collect();
    assert_eq!(keys.len(), 3, "a key each");
    assert!(side.left().is_empty());
    let run = side.flush(&["--json"]).ok();
    assert_eq!(run.json()["sent"], 0);
}

#[test]
fn k12_it_is_sent_at_once_where_it_can_be_after_those_before_it() {
    let side = Side::open();
    side.api.fault(Fault::Answer(503, ""));
    side.put(&side.orders(), "ahead");
    let run = side.curl(&["-d", "now", "--queue"]).ok();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("done 2", "HTTP 201 Created\n"));
    assert_eq!(side.api.done(), ["ahead", "now"]);
    let run = side.curl(&["-d", "json", "--queue", "--json"]).ok().json();
    assert_eq!(
        (&run["sent"], &run["status"], &run["body"]),
        (&json!(true), &json!(201), &json!("done 3"))
    );
    assert_eq!(run["idempotency_key"].as_str().unwrap(), side.api.seen().last().unwrap().key);
    let mine = ["-d", "mine", "--queue", "-H", "Idempotency-Key: order-7"];
    side.curl(&mine).ok();
    side.curl(&mine).ok();
    assert_eq!(side.api.done().len(), 4, "one key, one deed");
    assert!(side.left().is_empty());
}

#[test]
fn k11_a_token_that_goes_out_on_a_request_is_written_down() {
    let side = Side::open();
    let served = || {
        let log = side.project.run(&["log", "--json"]).ok();
        log.stdout.matches("\"served\"").count()
    };
    let before = served();
    side.curl(&["-d", "1"]).ok();
    assert_eq!(served() - before, 1);
    side.api.fault(Fault::Answer(503, ""));
    side.put(&side.orders(), "2");
    side.flush(&[]).ok();
    side.curl(&["-d", "3", "--queue"]).ok();
    assert_eq!(served() - before, 3);
}

#[test]
fn k12_what_the_server_refuses_is_shown_now_or_stands_apart() {
    let side = Side::open();
    side.api.fault(Fault::Answer(422, ""));
    let run = side.curl(&["-d", "shown", "--queue", "--fail"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(13), "{}"), "{run}");
    assert!(side.left().is_empty(), "a person has seen it");

    side.api.fault(Fault::Answer(503, ""));
    side.put(&side.orders(), "apart");
    side.api.fault(Fault::Answer(422, ""));
    let run = side.flush(&[]);
    assert_eq!(run.code, Some(13), "{run}");
    assert!(run.stderr.contains("1 stand apart") && run.stderr.contains("--failed"), "{run}");
    assert_eq!(side.left()[0]["state"], "failed");
    side.curl(&["-d", "next", "--queue"]).ok();
    assert_eq!(side.api.done(), ["next"], "it holds up nobody");
    side.flush(&["--failed"]).ok();
    assert_eq!(side.api.done(), ["next", "apart"]);
}

#[test]
fn k12_two_flushes_at_once_send_each_once() {
    let side = Side::open();
    let away = Reserved::new();
    let url = format!("{}/orders", away.origin);
    let expected: Vec<_> = (0..6).map(|number| number.to_string()).collect();
    for body in &expected {
        side.put(&url, body);
    }
    let back = away.open();
    let runs = side.project.storm(4, &["queue", "flush", "--json"]);
    let mut sent = 0;
    for run in runs {
        // One that waited for another for longer than it may says so, and has lost nothing.
        match run.code {
            Some(0) => sent += run.json()["sent"].as_u64().unwrap(),
            Some(12) => assert!(run.stderr.contains("unlapse::queue_busy"), "{run}"),
            _ => panic!("{run}"),
        }
    }
    assert_eq!((sent, back.seen().len()), (6, 6));
    assert_eq!(back.done(), expected);
}

#[test]
fn k12_a_login_that_has_ended_blocks_its_line_and_loses_nothing() {
    let side = Side::open();
    side.log_in("other");
    side.api.fault(Fault::Answer(503, ""));
    side.put(&side.orders(), "1");
    side.api.always(Some(Fault::Answer(401, "")));
    side.auth.end_logins();
    let run = side.flush(&[]);
    assert_eq!(run.code, Some(10), "{run}");
    assert!(run.stderr.contains("a login"), "{run}");
    assert_eq!(side.left().len(), 1);
    side.api.always(None);
    side.auth.take_logins();
    // Another profile's line is not held up by it.
    let other = ["curl", "other", &side.orders(), "-d", "2", "--queue"];
    side.project.run(&other).ok();
    assert_eq!(side.api.done(), ["2"]);
    side.log_in("acme");
    side.flush(&[]).ok();
    assert_eq!(side.api.done(), ["2", "1"]);
}

#[test]
fn k12_what_is_dropped_is_named_and_asked_about() {
    let side = Side::open();
    let away = Reserved::new();
    let url = format!("{}/orders", away.origin);
    for body in ["1", "2", "3"] {
        side.put(&url, body);
    }
    let ids: Vec<_> =
        side.left().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
    let run = side.project.run(&["queue", "drop", &ids[1], "--json"]).ok();
    assert_eq!(run.json(), json!({ "dropped": [ids[1]] }));
    side.project.run(&["queue", "drop", &ids[0], &ids[1]]).failed(2, "queue_no_entry");
    assert_eq!(side.left().len(), 2, "a wrong name among them drops nothing");
    side.project.run(&["queue", "drop", "--all"]).failed(2, "input_needed");
    side.project.run(&["queue", "drop"]).failed(2, "usage");
    side.project.run(&["queue", "drop", "7"]).failed(2, "usage");
    assert_eq!(
        side.project.run(&["queue", "drop", "--failed", "--yes"]).ok().stderr,
        "0 dropped\n"
    );
    assert_eq!(side.project.run(&["queue", "drop", "--all", "--yes"]).ok().stderr, "2 dropped\n");
    assert!(side.left().is_empty());
    assert!(away.open().seen().is_empty());
}

#[test]
fn k12_the_limits_are_those_of_the_configuration() {
    let side = Side::configured("[queue]\nmax_entries = 2\nmax_body = \"1KiB\"");
    let away = Reserved::new();
    let url = format!("{}/orders", away.origin);
    let long = "x".repeat(1025);
    let queue = |body: &str| side.project.run(&["curl", "acme", &url, "-d", body, "--queue"]);
    queue(&long).failed(2, "queue_too_large");
    side.put(&url, "1");
    side.put(&url, "2");
    queue("3").failed(11, "queue_full");
    assert_eq!(side.left().len(), 2);
    for header in ["Cookie: a=b", "TE: trailers"] {
        let line = ["curl", "acme", &url, "-H", header, "--queue"];
        side.project.run(&line).failed(2, "queue_refused");
    }
}

#[test]
fn k12_where_nothing_is_kept_nothing_waits() {
    let side = Side::open();
    side.curl(&["--queue", "--no-store"]).failed(2, "queue_refused");
    let run = side.project.run(&["queue", "list", "--no-store"]).ok();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", "nothing waits\n"));
    side.flush(&["--no-store"]).ok();
}

#[test]
fn r17_whoever_hangs_is_named_and_what_is_asked_for_meanwhile_is_kept() {
    let side = Side::configured("[queue]\ntimeout = \"20s\"");
    side.api.fault(Fault::Answer(503, ""));
    side.put(&side.orders(), "1");
    side.api.fault(Fault::Hang);
    let flushing = side.project.spawn(&["queue", "flush"]);
    crate::harness::eventually("it hangs", || side.api.seen().len() == 2);
    let run = side.curl(&["-d", "2", "--queue"]).ok();
    let named = format!("process {}", flushing.pid());
    assert!(run.stderr.contains("queued as") && run.stderr.contains(&named), "{run}");
    side.project.run(&["queue", "drop", "--all", "--yes"]).failed(12, "queue_busy");
    flushing.signal(rustix::process::Signal::KILL);
    flushing.wait();
    let run = side.flush(&[]).ok();
    assert!(run.took < WAIT, "{run}");
    assert_eq!(side.api.done(), ["1", "2"]);
}
