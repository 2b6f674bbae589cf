//! What goes out, in what order, and what stays.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use unlapse::outbox::{EntryId, Flushed, Mishap, OutboxError, OutboxEvent, OutboxPolicy, Sending};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::{Key, Outbox};
use unlapse_store::RealDisk;

use super::server::{Fault, Reserved};
use super::side::{Side, key, login, policy};

#[tokio::test]
async fn k12_what_was_put_in_goes_out_in_order_with_a_token_and_a_key() {
    let side = Side::open().await;
    let process = side.process().await;
    for number in 0..5 {
        process.push(&number.to_string()).await;
    }
    let flushed = process.outbox.flush().await.unwrap();
    assert_eq!(flushed, Flushed { sent: 5, ..Flushed::default() });
    assert_eq!(side.server.done(), ["0", "1", "2", "3", "4"]);
    assert!(side.left().await.is_empty());
    for seen in side.server.seen() {
        assert_eq!(seen.path, "/orders?q=1");
        assert!(seen.head.contains("authorization: Bearer at-1"), "{}", seen.head);
        assert!(seen.head.contains("content-type: text/plain"), "{}", seen.head);
    }
    assert_eq!(process.outbox.flush().await, Ok(Flushed::default()));
}

#[tokio::test]
async fn k12_one_that_waits_holds_up_those_behind_it_of_its_own_line_alone() {
    let side = Side::open().await;
    let process = side.process().await;
    let other = Key::new("umbrella");
    process.push("a1").await;
    process.push("a2").await;
    process.push_as(&other, "u1").await;
    side.server.fault(Fault::Answer(503, ""));
    let flushed = process.outbox.flush_line(&key()).await.unwrap();
    assert_eq!((flushed.sent, flushed.left), (0, 2));
    assert_eq!(side.server.seen().len(), 1, "the second waits behind the first");
    // Nobody has a token for the other line: it waits, and is in nobody's way.
    let flushed = process.outbox.flush().await.unwrap();
    assert_eq!((flushed.sent, flushed.left, flushed.is_blocked), (2, 1, true));
    assert_eq!(side.server.done(), ["a1", "a2"]);
}

#[tokio::test]
async fn k12_what_is_refused_stands_apart_and_the_next_goes_on() {
    let side = Side::open().await;
    let process = side.process().await;
    let bad = process.push("bad").await;
    process.push("good").await;
    side.server.fault(Fault::Answer(422, ""));
    let flushed = process.outbox.flush().await.unwrap();
    assert_eq!((flushed.sent, flushed.refused, flushed.failed, flushed.left), (1, 1, 1, 0));
    let left = side.left().await;
    assert_eq!(left.len(), 1);
    assert!(left[0].id == bad.id && left[0].progress.is_failed);
    // It is not sent again by itself; a person can have it sent, or drop it.
    assert_eq!(process.outbox.flush().await.unwrap().failed, 1);
    assert_eq!(side.server.seen().len(), 2);
    let flushed = process.outbox.flush_failed(None).await.unwrap();
    assert_eq!((flushed.sent, flushed.failed), (1, 0));
    assert_eq!(side.server.done(), ["good", "bad"]);
}

#[tokio::test]
async fn r13_a_401_costs_one_renewal_and_one_repeat() {
    let side = Side::open().await;
    let process = side.process().await;
    process.push("1").await;
    side.server.end_tokens();
    let flushed = process.outbox.flush().await.unwrap();
    assert_eq!((flushed.sent, side.server.granted()), (1, 2));
    assert_eq!(side.server.done(), ["1"]);

    // An API that never takes the token: one repeat, and the line waits.
    process.push("2").await;
    side.server.always(Some(Fault::Answer(401, "www-authenticate: Bearer\r\n")));
    let before = side.server.seen().len();
    let flushed = process.outbox.flush().await.unwrap();
    assert!(flushed.is_blocked && flushed.left == 1, "{flushed:?}");
    assert_eq!((side.server.seen().len() - before, side.server.granted()), (2, 3));
    let setback = side.left().await[0].progress.setback.unwrap();
    assert_eq!(setback.what, Mishap::Answered(401));
}

#[tokio::test]
async fn k12_a_login_that_has_ended_blocks_and_loses_nothing() {
    let side = Side::open().await;
    let process = side.process().await;
    process.push("1").await;
    process.push("2").await;
    side.server.end_tokens();
    side.server.end_logins();
    let flushed = process.outbox.flush().await.unwrap();
    assert_eq!((flushed.sent, flushed.left, flushed.is_blocked), (0, 2, true));
    assert!(matches!(process.events.lock().unwrap().last(), Some(OutboxEvent::Blocked { .. })));
    side.server.take_logins();
    process.source.log_in(login()).await.unwrap();
    assert_eq!(process.outbox.flush().await.unwrap().sent, 2);
    assert_eq!(side.server.done(), ["1", "2"]);
}

#[tokio::test]
async fn k12_a_lost_reply_is_asked_for_again_under_the_same_key() {
    for fault in [Fault::LoseReply, Fault::Drop, Fault::Answer(502, "")] {
        let side = Side::open().await;
        let process = side.process().await;
        let queued = process.push("1").await;
        side.server.fault(fault.clone());
        let flushed = process.outbox.flush().await.unwrap();
        assert_eq!((flushed.sent, flushed.left), (0, 1), "{fault:?}");
        let progress = side.left().await[0].progress;
        assert!(progress.doubt_since.is_some() && progress.attempts == 1, "{fault:?}");
        // Another process, later.
        let next = side.process().await;
        assert_eq!(next.outbox.flush().await.unwrap().sent, 1, "{fault:?}");
        assert_eq!(side.server.done(), ["1"], "{fault:?}: once");
        let keys: Vec<_> = side.server.seen().into_iter().map(|seen| seen.key).collect();
        assert_eq!(keys, [queued.idempotency_key.clone(), queued.idempotency_key], "{fault:?}");
    }
}

#[tokio::test]
async fn k12_what_was_put_in_while_the_server_was_away_goes_out_when_it_is_back() {
    let side = Side::open().await;
    let process = side.process().await;
    let away = Reserved::new();
    for number in 0..3 {
        let request = http::Request::post(&away.origin).body(number.to_string()).unwrap();
        process.outbox.push(&key(), request).await.unwrap();
    }
    for attempts in 1..=2 {
        let flushed = process.outbox.flush().await.unwrap();
        assert_eq!((flushed.sent, flushed.left), (0, 3));
        let progress = side.left().await[0].progress;
        assert_eq!((progress.attempts, progress.doubt_since), (attempts, None), "nothing left");
    }
    let back = away.open();
    assert_eq!(process.outbox.flush().await.unwrap().sent, 3);
    assert_eq!(back.done(), ["0", "1", "2"]);
}

#[tokio::test]
async fn k12_what_may_have_been_acted_upon_is_not_sent_after_its_key_is_forgotten() {
    let side = Side::open().await;
    let short = OutboxPolicy { key_lives: Duration::from_millis(50), ..policy() };
    let process = side.process_with(short).await;
    process.push("1").await;
    process.push("2").await;
    side.server.fault(Fault::LoseReply);
    process.outbox.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(60)).await;
    side.server.forget_keys();
    let flushed = process.outbox.flush().await.unwrap();
    assert_eq!((flushed.sent, flushed.refused), (1, 1));
    assert_eq!(side.server.done(), ["1", "2"], "nothing was done twice");
    assert_eq!(side.left().await[0].progress.setback.unwrap().what, Mishap::DoubtTooOld);
}

#[tokio::test]
async fn r15_a_server_that_asks_for_peace_is_left_alone_also_by_a_hurried_flush() {
    let side = Side::open().await;
    let process = side.process().await;
    process.push("1").await;
    side.server.fault(Fault::Answer(429, "retry-after: 3600\r\n"));
    process.outbox.flush().await.unwrap();
    let flushed = process.outbox.flush().await.unwrap();
    assert_eq!((flushed.left, side.server.seen().len()), (1, 1));
    assert!(flushed.next_try.is_some());
}

#[tokio::test]
async fn r17_a_server_that_hangs_has_a_deadline() {
    let side = Side::open().await;
    let short = OutboxPolicy { deadline: Duration::from_millis(200), ..policy() };
    let process = side.process_with(short).await;
    process.push("1").await;
    side.server.fault(Fault::Hang);
    let started = Instant::now();
    let flushed = process.outbox.flush().await.unwrap();
    assert_eq!(flushed.left, 1);
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let what = side.left().await[0].progress.setback.unwrap().what;
    assert_eq!(what, Mishap::Lost(unlapse_core::Cause::Timeout));
}

#[tokio::test]
async fn k12_what_was_answered_is_done_whatever_becomes_of_the_answers_body() {
    for fault in [Fault::BreakBody, Fault::HangBody] {
        let side = Side::open().await;
        let short = OutboxPolicy { deadline: Duration::from_millis(500), ..policy() };
        let process = side.process_with(short).await;
        let queued = process.push("1").await;
        side.server.fault(fault.clone());
        let Sending::Sent(reply) = process.outbox.send(&queued).await.unwrap() else {
            panic!("{fault:?}: the server has said that it is done")
        };
        assert!(reply.status == 201 && reply.body.is_none(), "{fault:?}: {reply:?}");
        assert!(side.left().await.is_empty(), "{fault:?}: nothing is sent again");
        assert_eq!(side.server.seen().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn k12_two_flushes_at_once_send_each_once() {
    let side = Side::open().await;
    let (one, two) = (side.process().await, side.process().await);
    for number in 0..20 {
        one.push(&number.to_string()).await;
    }
    let (first, second) = tokio::join!(one.outbox.flush(), two.outbox.flush());
    assert_eq!(first.unwrap().sent + second.unwrap().sent, 20);
    assert_eq!(side.server.seen().len(), 20, "no request was made twice");
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(side.server.done(), expected);
}

#[tokio::test]
async fn k12_one_can_be_sent_at_once_and_its_reply_is_handed_over() {
    let side = Side::open().await;
    let process = side.process().await;
    process.push("ahead").await;
    let queued = process.push("mine").await;
    process.push("behind").await;
    let Sending::Sent(reply) = process.outbox.send(&queued).await.unwrap() else { panic!() };
    assert_eq!(reply.status, 201);
    assert_eq!(&**reply.body.unwrap(), b"done 2");
    assert_eq!(side.server.done(), ["ahead", "mine"], "none before its turn, and none after it");

    side.server.fault(Fault::Answer(503, ""));
    let mine = process.push("mine too").await;
    let sending = process.outbox.send(&mine).await.unwrap();
    assert!(matches!(sending, Sending::Waits(progress) if progress.attempts == 0), "{sending:?}");
    process.outbox.flush().await.unwrap();
    assert!(matches!(process.outbox.send(&mine).await.unwrap(), Sending::Gone));
    let bad = process.push("bad").await;
    side.server.fault(Fault::Answer(400, ""));
    let Sending::Refused(reply) = process.outbox.send(&bad).await.unwrap() else { panic!() };
    assert_eq!(reply.status, 400);
}

#[tokio::test]
async fn k12_what_is_dropped_is_not_sent() {
    let side = Side::open().await;
    let process = side.process().await;
    let (one, two) = (process.push("1").await, process.push("2").await);
    assert_eq!(process.outbox.discard(&[one.id]).await, Ok(vec![one.id]));
    assert_eq!(process.outbox.discard(&[one.id]).await, Ok(vec![]), "it is gone already");
    assert_eq!(process.outbox.flush().await.unwrap().sent, 1);
    assert_eq!(side.server.done(), ["2"]);
    assert!(side.left().await.iter().all(|entry| entry.id != two.id));
}

#[tokio::test]
async fn k12_a_source_is_looked_for_when_a_line_needs_it() {
    let side = Side::open().await;
    let process = side.process().await;
    let other = Key::new("umbrella");
    process.push("1").await;
    process.push_as(&other, "2").await;
    let store = Arc::new(super::side::store(side.root.path(), Arc::new(RealDisk)));
    let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    let (source, asked) = (process.source.clone(), Arc::new(Mutex::new(Vec::new())));
    let seen = Arc::clone(&asked);
    let outbox = Outbox::builder(store, http).find_source(move |wanted| {
        seen.lock().unwrap().push(wanted.clone());
        let found = (*wanted == key()).then(|| source.clone());
        Box::pin(async move { found })
    });
    let flushed = outbox.build().flush().await.unwrap();
    assert_eq!((flushed.sent, flushed.left, flushed.is_blocked), (1, 1, true));
    // Lines are walked at once: in no order.
    asked.lock().unwrap().sort();
    assert_eq!(*asked.lock().unwrap(), [key(), other]);
    assert_eq!(side.server.done(), ["1"]);
}

#[tokio::test]
async fn r18_no_token_is_kept_and_none_is_taken_from_a_request() {
    let side = Side::open().await;
    let process = side.process().await;
    for name in ["authorization", "cookie"] {
        let request = http::Request::post("https://api.example/").header(name, "v");
        let refused = process.outbox.push(&key(), request.body(bytes::Bytes::new()).unwrap()).await;
        assert_eq!(refused, Err(OutboxError::FieldRefused { field: name }));
    }
    assert!(side.left().await.is_empty());
}

#[tokio::test]
async fn c4_what_cannot_be_used_is_set_aside_and_counted_by_the_next_flush() {
    let side = Side::open().await;
    let process = side.process().await;
    let bad = process.push("bad").await;
    process.push("good").await;
    expose(side.root.path(), bad.id);
    let flushed = process.outbox.flush().await.unwrap();
    assert_eq!((flushed.sent, flushed.left, flushed.unreadable), (1, 0, 1), "{flushed:?}");
    assert_eq!(side.server.done(), ["good"]);
    let damaged = OutboxEvent::Damaged { id: bad.id };
    assert!(process.events.lock().unwrap().contains(&damaged));
    let left = process.outbox.list().await.unwrap();
    assert!(left.unreadable[0].contains(".quarantined-") && left.damaged.is_empty(), "{left:?}");
    let flushed = process.outbox.flush().await.unwrap();
    assert_eq!(flushed.unreadable, 0, "told once");

    // Nothing else is there, and it is counted all the same.
    let worse = process.push("worse").await;
    expose(side.root.path(), worse.id);
    assert_eq!(process.outbox.flush().await.unwrap().unreadable, 1);
}

/// Lets everybody read an entry, as a restore may: it is not used any more.
fn expose(root: &Path, id: EntryId) {
    let path = root.join(format!("outbox/{:020}-{:08x}.request", id.number, id.tag));
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
}
