//! Sending by itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use unlapse::outbox::{OutboxEvent, OutboxPolicy};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::{Key, Outbox};
use unlapse_store::RealDisk;

use super::server::Fault;
use super::side::{Side, key, login, policy};

async fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn k12_what_is_put_in_goes_out_by_itself_once_the_server_is_back() {
    let side = Side::open().await;
    let process = side.process().await;
    let outbox = process.outbox.clone();
    let task = tokio::spawn(async move { outbox.run().await });
    side.server.always(Some(Fault::Answer(503, "")));
    process.push("1").await;
    process.push("2").await;
    eventually("it is tried more than once", || side.server.seen().len() > 3).await;
    assert!(side.server.done().is_empty());
    side.server.always(None);
    eventually("both go out", || side.server.done() == ["1", "2"]).await;
    // What another process puts in is found without anybody's word.
    side.process().await.push("3").await;
    eventually("so does another's", || side.server.done().len() == 3).await;
    task.abort();
}

#[tokio::test]
async fn k12_a_renewal_wakes_a_line_that_was_blocked() {
    let side = Side::open().await;
    let slow = OutboxPolicy {
        base_delay: Duration::from_secs(600),
        max_delay: Duration::from_secs(600),
        round: Duration::from_secs(600),
        ..policy()
    };
    let process = side.process_with(slow).await;
    side.server.end_tokens();
    side.server.end_logins();
    process.push("1").await;
    assert!(process.outbox.flush().await.unwrap().is_blocked);
    let outbox = process.outbox.clone();
    let task = tokio::spawn(async move { outbox.run().await });
    side.server.take_logins();
    process.source.log_in(login()).await.unwrap();
    eventually("it goes out", || side.server.done() == ["1"]).await;
    task.abort();
}

#[tokio::test]
async fn r13_an_api_that_never_takes_the_token_is_not_asked_again_for_each_renewal() {
    let side = Side::open().await;
    let slow = OutboxPolicy {
        base_delay: Duration::from_secs(100_000_000),
        max_delay: Duration::from_secs(100_000_000),
        ..policy()
    };
    let process = side.process_with(slow).await;
    side.server.always(Some(Fault::Answer(401, "www-authenticate: Bearer\r\n")));
    process.push("1").await;
    let outbox = process.outbox.clone();
    let task = tokio::spawn(async move { outbox.run().await });
    let blocked = || process.events.lock().unwrap().iter().any(is_blocked);
    eventually("it is blocked", blocked).await;
    // Five rounds and more: its own renewal has woken it, and must not send it again.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((side.server.seen().len(), side.server.granted()), (2, 2));
    // A person's word sends it.
    side.server.always(None);
    process.outbox.wake();
    eventually("it goes out", || side.server.done() == ["1"]).await;
    task.abort();
}

fn is_blocked(event: &OutboxEvent) -> bool {
    matches!(event, OutboxEvent::Blocked { .. })
}

#[tokio::test]
async fn r17_a_long_line_of_a_slow_server_holds_up_neither_a_new_one_nor_another_process() {
    let side = Side::open().await;
    let turn = Duration::from_millis(200);
    let process = side.process_with(OutboxPolicy { turn, ..policy() }).await;
    side.server.always(Some(Fault::Slow(Duration::from_millis(100))));
    for number in 0..60 {
        process.push(&number.to_string()).await;
    }
    let last = process.push("dropped").await.id;
    let umbrella = Key::new("umbrella");
    side.add_line(&process, &umbrella).await;
    let outbox = process.outbox.clone();
    let task = tokio::spawn(async move { outbox.run().await });
    eventually("the long line is under way", || !side.server.done().is_empty()).await;
    process.push_as(&umbrella, "new").await;
    // Another process gets the right to change what waits.
    let another = side.process().await;
    assert_eq!(another.outbox.discard(&[last]).await, Ok(vec![last]));
    process.push_as(&umbrella, "newer").await;
    eventually("the new one goes out", || side.server.done().contains(&"newer".to_owned())).await;
    let done = side.server.done();
    assert!(done.len() < 40, "its line is far from its end: {done:?}");
    let long: Vec<_> = done.iter().filter(|body| !body.starts_with("new")).cloned().collect();
    let expected: Vec<_> = (0..long.len()).map(|number| number.to_string()).collect();
    assert_eq!(long, expected, "in order all the same");
    task.abort();
}

#[tokio::test]
async fn k12_an_observer_that_panics_ends_nothing() {
    let side = Side::open().await;
    let process = side.process().await;
    let store = Arc::new(super::side::store(side.root.path(), Arc::new(RealDisk)));
    let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    let outbox = Outbox::builder(store, http)
        .policy(policy())
        .source(process.source.clone())
        .observer(Arc::new(|event| panic!("at {event:?}")))
        .build();
    let running = outbox.clone();
    let task = tokio::spawn(async move { running.run().await });
    for body in ["1", "2"] {
        let request = http::Request::post(format!("{}/orders", side.server.origin));
        outbox.push(&key(), request.body(body).unwrap()).await.unwrap();
        eventually("it goes out", || side.server.done().last().is_some_and(|it| it == body)).await;
    }
    task.abort();
}
