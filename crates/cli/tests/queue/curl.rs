//! `unlapse curl`, at once.

use std::time::Duration;

use crate::harness::WAIT;
use crate::server::{Fault, Reserved};
use crate::side::Side;

#[test]
fn k7_a_request_has_the_token_and_stdout_has_the_body_and_nothing_else() {
    let side = Side::open();
    let run = side.curl(&["-d", "a=b", "-H", "X-Kind: test"]).ok();
    assert_eq!(run.stdout, "done 1");
    assert_eq!(run.stderr, "HTTP 201 Created\n");
    assert_eq!(side.api.done(), ["a=b"]);
    let seen = &side.api.seen()[0];
    assert!(seen.head.starts_with("POST /orders?q=1 HTTP/1.1"), "{}", seen.head);
    assert!(seen.head.contains("authorization: Bearer at-1"), "{}", seen.head);
    assert!(seen.head.contains("x-kind: test"), "{}", seen.head);
    assert_eq!(seen.key, "", "only what is queued has a key");

    let run = side.curl(&["-i"]).ok();
    assert!(run.stderr.contains("content-length: 6\n"), "{run}");
    let run = side.curl(&["-q"]).ok();
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("done 1", ""));
}

#[test]
fn k7_bodies_and_headers_come_from_files_and_stdin_where_nobody_sees_them() {
    let side = Side::open();
    let work = side.project.root().join("work");
    std::fs::write(work.join("body"), b"from a file\n\0\xff").unwrap();
    std::fs::write(work.join("headers"), "X-One: 1\r\n\nX-Two: 2\n").unwrap();
    side.curl(&["-d", "@body", "-H", "@headers"]).ok();
    let arguments = ["curl", "acme", &side.orders(), "-d", "-", "-o", "reply", "-X", "PUT"];
    side.project.run_with(&arguments, "from stdin").ok();
    let seen = side.api.seen();
    assert!(seen[0].head.contains("x-one: 1") && seen[0].head.contains("x-two: 2"));
    assert!(seen[0].head.contains("content-length: 14"), "{}", seen[0].head);
    assert!(seen[1].head.starts_with("PUT ") && seen[1].head.contains("content-length: 10"));
    assert_eq!(std::fs::read_to_string(work.join("reply")).unwrap(), "done 1");
    side.curl(&["-d", "@nothing"]).failed(2, "input_unreadable");
}

#[test]
fn r8_where_the_reply_goes_is_opened_before_anything_is_sent() {
    let side = Side::open();
    for more in [&[][..], &["--queue"]] {
        let arguments = [&["-d", "1", "-o", "no/such/place"], more].concat();
        let run = side.curl(&arguments).failed(11, "output_failed");
        assert!(run.stderr.contains("nothing was sent"), "{run}");
    }
    assert!(side.api.seen().is_empty() && side.left().is_empty());

    assert!(!side.project.root().join("work/no").exists());

    // What is there already stays until there is a reply.
    let reply = side.project.root().join("work/reply");
    std::fs::write(&reply, "a reply that was longer").unwrap();
    let away = Reserved::new();
    let url = format!("{}/orders", away.origin);
    let arguments = ["curl", "acme", &url, "-d", "1", "-o", "reply"];
    side.project.run(&arguments).failed(11, "api_unreachable");
    side.project.run(&["curl", "acme", &url, "-o", "new"]).failed(11, "api_unreachable");
    assert!(!side.project.root().join("work/new").exists(), "no reply, no file");
    assert_eq!(std::fs::read_to_string(&reply).unwrap(), "a reply that was longer");
    side.curl(&["-d", "1", "-o", "reply"]).ok();
    assert_eq!(std::fs::read_to_string(&reply).unwrap(), "done 1");
}

#[test]
fn r8_a_reply_that_cannot_be_kept_is_no_reason_to_send_its_request_again() {
    let side = Side::open();
    for more in [&[][..], &["--queue"]] {
        let arguments = [&["-d", "1", "-o", "/dev/full"], more].concat();
        let run = side.curl(&arguments).failed(15, "reply_lost");
        assert!(run.stderr.contains("201") && !run.stderr.contains("run the command"), "{run}");
    }
    assert!(side.left().is_empty());
    // Asking twice is as good as once.
    side.curl(&["-o", "/dev/full"]).failed(11, "output_failed");
}

#[test]
fn r13_a_401_costs_one_renewal_and_one_repeat() {
    let side = Side::open();
    side.api.fault(Fault::Answer(401, "www-authenticate: Bearer\r\n"));
    let run = side.curl(&["-d", "1"]).ok();
    assert_eq!((run.stdout.as_str(), side.auth.granted()), ("done 1", 2));
    assert_eq!(side.api.seen().len(), 2);

    side.api.always(Some(Fault::Answer(401, "www-authenticate: Bearer\r\n")));
    let run = side.curl(&["-d", "2"]).ok();
    assert_eq!(run.stderr, "HTTP 401 Unauthorized\n", "the reply is what was asked for");
    assert_eq!((side.api.seen().len(), side.auth.granted()), (4, 3));
}

#[test]
fn rfc9449_8_2_a_nonce_that_was_given_is_shown_after_a_renewal_too() {
    let side = Side::open();
    let origin = &side.auth.origin;
    let profile = format!(
        "[profile.acme]\ntoken_endpoint = \"{origin}/token\"\nclient_id = \"bound\"\ndpop = true\n"
    );
    side.project.configure(&profile, "");
    side.log_in("acme");
    let granted = side.auth.granted();
    side.api.want_nonce();
    let wanted = "www-authenticate: DPoP error=\"use_dpop_nonce\"\r\ndpop-nonce: n1\r\n";
    side.api.fault(Fault::Answer(401, wanted));
    side.api.fault(Fault::Answer(401, "www-authenticate: DPoP error=\"invalid_token\"\r\n"));
    let run = side.curl(&["-d", "1"]).ok();
    assert_eq!((run.stdout.as_str(), side.auth.granted()), ("done 1", granted + 1));
    assert_eq!(side.api.seen().len(), 3);
}

#[test]
fn a_status_is_an_exit_code_with_fail_alone() {
    let side = Side::open();
    for (status, code, error) in [
        (404, 13, "unlapse::api_refused"),
        (400, 13, "unlapse::api_refused"),
        (429, 11, "unlapse::api_unavailable"),
        (503, 11, "unlapse::api_unavailable"),
    ] {
        side.api.always(Some(Fault::Answer(status, "")));
        let run = side.curl(&[]).ok();
        assert_eq!(run.stdout, "{}", "{run}");
        let run = side.curl(&["--fail"]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), "{}"), "{run}");
        assert!(run.stderr.contains(error) && run.stderr.contains("\nhint: "), "{run}");
        let run = side.curl(&["--fail", "--json"]);
        assert_eq!((run.code, &run.json()["status"]), (Some(code), &status.into()), "{run}");
    }
}

#[test]
fn r8_what_never_left_differs_from_what_was_lost() {
    let side = Side::open();
    let away = Reserved::new();
    let url = format!("{}/orders", away.origin);
    side.project.run(&["curl", "acme", &url, "-d", "1"]).failed(11, "api_unreachable");
    side.api.fault(Fault::LoseReply);
    side.curl(&["-d", "1"]).failed(15, "api_outcome_unknown");
    side.api.fault(Fault::LoseReply);
    // Asking twice is as good as once.
    side.curl(&["-X", "PUT", "-d", "1"]).failed(11, "api_unreachable");
    assert_eq!(side.api.seen().len(), 2, "nothing is repeated behind anybody's back");
}

#[test]
fn r17_max_time_bounds_all_of_it() {
    let side = Side::open();
    side.api.always(Some(Fault::Hang));
    let run = side.curl(&["--max-time", "300ms", "-d", "1"]).failed(15, "api_outcome_unknown");
    assert!(run.took < WAIT / 2, "{run}");
    let run = side.curl(&["--max-time", "300ms", "-d", "1", "--queue"]).ok();
    assert!(run.took < WAIT / 2 && run.stderr.contains("queued as"), "{run}");
    assert!(run.took >= Duration::from_millis(300));
}

#[test]
fn the_token_goes_to_the_origin_that_was_named_and_nowhere_else() {
    let side = Side::open();
    let elsewhere = Reserved::new().open();
    let location = format!("location: {}/stolen\r\n", elsewhere.origin);
    side.api.always(Some(Fault::Answer(302, Box::leak(location.into_boxed_str()))));
    for more in [&[][..], &["--queue", "-d", "1"]] {
        let run = side.curl(more).ok();
        assert!(run.stderr.contains("HTTP 302"), "{run}");
    }
    assert!(elsewhere.seen().is_empty());
    for url in ["http://api.example/", "ftp://x/", "//x", "https://u:p@api.example/"] {
        side.project.run(&["curl", "acme", url]).failed(2, "usage");
    }
}

#[test]
fn r14_a_login_that_has_ended_is_told_as_everywhere() {
    let side = Side::open();
    side.auth.end_logins();
    side.api.fault(Fault::Answer(401, ""));
    side.curl(&[]).failed(10, "login_needed");
    side.project.run(&["curl", "other", &side.orders()]).failed(10, "login_needed");
    side.project.run(&["curl", "nobody", &side.orders()]).failed(2, "config_unknown_profile");
}
