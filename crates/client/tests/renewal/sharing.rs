//! One renewal for all who ask (R1, R13, R20, K5, C6).

use std::sync::atomic::Ordering;
use std::time::Duration;

use unlapse::{Error, Event, TokenSource};
use unlapse_core::{BoxFuture, Rejection, Reuse, Rules, Store as _};

use crate::world::{Fault, World};
use crate::{full, secs};

#[tokio::test(start_paused = true)]
async fn r1_k5_a_hundred_tasks_and_ten_processes_renew_once() {
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    world.expire().await;
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let process = world.process().await;
        for _ in 0..10 {
            let process = process.clone();
            tasks.push(tokio::spawn(async move { process.token().await }));
        }
    }
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().secret.expose(), "at-2");
    }
    assert_eq!(world.server.requests(), 1);
    assert_eq!(world.server.families_revoked(), 0);
}

#[tokio::test(start_paused = true)]
async fn r13_fifty_late_401s_cost_one_renewal() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    let bearer = process.bearer().await.unwrap();
    let mut tasks = Vec::new();
    for late in 0..50 {
        let process = process.clone();
        let generation = bearer.generation();
        tasks.push(tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(late * 20)).await;
            process.reject(generation).await
        }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap().header(), "Bearer at-2");
    }
    assert_eq!(world.server.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn r20_a_leader_that_panics_strands_nobody() {
    let world = World::new(Reuse::Stable);
    let process = world.log_in().await;
    world.expire().await;
    world.server.panics.store(1, Ordering::SeqCst);
    let waiter = {
        let process = process.clone();
        tokio::spawn(async move { process.token().await })
    };
    // The leader dies after 50 ms; the waiter takes over, from a server that has recovered.
    world.pass(Duration::from_millis(60)).await;
    world.server.panics.store(0, Ordering::SeqCst);
    assert_eq!(waiter.await.unwrap().unwrap().secret.expose(), "at-2");
}

#[tokio::test(start_paused = true)]
async fn c6_a_busy_lease_names_its_holder_after_five_seconds() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    let held = world.store.lease(&unlapse::Key::new("acme"), Duration::ZERO).await.unwrap();
    let start = tokio::time::Instant::now();
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "lease_busy");
    assert!(error.to_string().contains("process 42 on here"), "{error}");
    assert!((5..6).contains(&start.elapsed().as_secs()));
    drop(held);
    assert!(process.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn r1_c7_looking_for_a_newer_token_takes_no_lease() {
    let world = World::new(Reuse::Strict);
    let (one, two) = (world.log_in().await, world.process().await);
    assert_eq!(one.refresh().await.unwrap().generation, 2);
    let held = world.store.lease(&unlapse::Key::new("acme"), Duration::ZERO).await.unwrap();
    world.pass(Duration::from_secs(61)).await;
    // The first to ask after the trust time is served at once, and starts the look.
    assert_eq!(two.token().await.unwrap().secret.expose(), "at-1");
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(two.token().await.unwrap().secret.expose(), "at-2");
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn r13_a_rejected_token_is_not_handed_out_as_a_newer_one() {
    let mut world = World::new(Reuse::Strict);
    world.log_in().await;
    world.policy.rules = Rules { max_lifetime: Some(secs(86_400)), ..Rules::default() };
    let process = world.process().await;
    let bearer = process.bearer().await.unwrap();
    world.server.fault(Fault::Opaque);
    let _ = process.reject(bearer.generation()).await.unwrap_err();
    let again = process.reject(bearer.generation()).await;
    if let Ok(again) = again {
        assert_ne!(again.header(), bearer.header(), "the very token that was rejected");
    }
}

#[tokio::test(start_paused = true)]
async fn r20_a_renewal_that_panics_every_time_ends_in_an_error() {
    let world = World::new(Reuse::Stable);
    let process = world.log_in().await;
    world.expire().await;
    world.server.panics.store(1, Ordering::SeqCst);
    let error = process.token().await.unwrap_err();
    assert!(matches!(error, Error::Deadline { .. }));
    world.server.panics.store(0, Ordering::SeqCst);
    assert!(process.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn r13_after_a_record_was_removed_by_hand_one_login_serves_who_asks() {
    type Ask = fn(TokenSource) -> BoxFuture<'static, Result<u64, Error>>;
    let rows: [(&str, Ask); 4] = [
        ("reject", |process| {
            Box::pin(async move { process.reject(3).await.map(|bearer| bearer.generation()) })
        }),
        ("obtain", |process| {
            Box::pin(async move { process.obtain().await.map(|token| token.generation) })
        }),
        ("refresh", |process| {
            Box::pin(async move { process.refresh().await.map(|token| token.generation) })
        }),
        ("force", |process| {
            Box::pin(async move { process.force_refresh().await.map(|token| token.generation) })
        }),
    ];
    for (name, ask) in rows {
        let world = World::new(Reuse::Stable);
        let process = world.log_in().await;
        for _ in 0..2 {
            process.force_refresh().await.unwrap();
        }
        world.server.rungs.lock().unwrap().login = true;
        *world.store.kept.lock().unwrap() = None;
        let (requests, given) = (world.server.requests(), ask(process.clone()).await);
        // A 401 names a generation: it must not name two tokens.
        assert!(given.as_ref().is_ok_and(|given| *given > 3), "{name}: {given:?}");
        assert_eq!(world.server.requests(), requests + 1, "{name}");
    }
}

/// A process that began before there was a login, one that is due by now, and its only token.
async fn newcomer(world: &World) -> TokenSource {
    let process = world.process().await;
    world.log_in().await;
    world.pass(secs(3400)).await;
    process
}

#[tokio::test(start_paused = true)]
async fn r7_who_met_a_busy_lease_comes_back_before_a_window_closes() {
    for ahead in [true, false] {
        let world = World::new(Reuse::Strict);
        world.log_in().await;
        let process = world.builder().ahead_of_time(ahead).build().await;
        // Before it is due: somebody takes the lease, and dies over it in the end.
        world.pass(secs(3200)).await;
        let held = world.store.lease(&unlapse::Key::new("acme"), Duration::ZERO).await.unwrap();
        world.pass(secs(120)).await;
        assert_eq!(process.token().await.unwrap().secret.expose(), "at-1", "ahead: {ahead}");
        world.pass(secs(6)).await;
        drop(held);
        // The keeper by itself; a caller by asking, as often as it likes.
        for _ in 0..20 {
            world.pass(Duration::from_millis(100)).await;
            if !ahead {
                assert!(process.token().await.is_ok());
            }
        }
        assert_eq!(world.server.requests(), 1, "ahead: {ahead}");
        assert_eq!(process.token().await.unwrap().secret.expose(), "at-2", "ahead: {ahead}");
    }
}

#[tokio::test(start_paused = true)]
async fn r10_behind_a_busy_lease_the_valid_token_of_another_process_is_handed_out() {
    let world = World::new(Reuse::Strict);
    let process = newcomer(&world).await;
    let held = world.store.lease(&unlapse::Key::new("acme"), Duration::ZERO).await.unwrap();
    let token = process.token().await;
    assert_eq!(token.expect("a valid token").secret.expose(), "at-1");
    assert_eq!(world.server.requests(), 0);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn r10_a_renewal_that_fails_hands_out_the_valid_token_that_it_read_under_the_lease() {
    type Break = fn(&World);
    let rows: [(&str, Break); 5] = [
        ("no intent", |world| world.store.fail_saves(0, full(), true)),
        ("client", |world| world.server.fault(Fault::Reject(Rejection::InvalidClient))),
        ("asked to wait", |world| world.server.fault(Fault::Status(503, Some(50)))),
        ("three times", |world| (0..3).for_each(|_| world.server.fault(Fault::Status(500, None)))),
        ("unsent", |world| (0..3).for_each(|_| world.server.fault(Fault::Unsent))),
    ];
    for (name, breaks) in rows {
        let world = World::new(Reuse::Strict);
        let process = newcomer(&world).await;
        // Without its lease the store says nothing in time.
        world.store.slow_looks(secs(3600));
        breaks(&world);
        let start = tokio::time::Instant::now();
        let token = process.token().await;
        assert_eq!(token.expect(name).secret.expose(), "at-1", "{name}");
        assert!(start.elapsed() < secs(10), "{name}: after {:?}", start.elapsed());
        assert!(!world.saw(|event| matches!(event, Event::Renewed { .. })), "{name}");
    }
}
