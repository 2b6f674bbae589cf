//! Renewal ahead of time (R10, R12, R15, K2).

use std::time::Duration;

use unlapse_core::Reuse;

use crate::world::{Fault, World};
use crate::{full, secs};

#[tokio::test(start_paused = true)]
async fn r10_r12_in_the_window_nobody_waits() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    *world.server.latency.lock().unwrap() = Duration::from_secs(5);
    world.pass(Duration::from_secs(3400)).await;
    let start = tokio::time::Instant::now();
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
    assert!(start.elapsed() < Duration::from_millis(1));
    world.pass(Duration::from_secs(6)).await;
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
}

#[tokio::test(start_paused = true)]
async fn k2_the_keeper_renews_for_hours_with_no_caller() {
    let world = World::new(Reuse::Strict);
    let first = world.log_in().await;
    let keeping = world.builder().build().await;
    world.pass(Duration::from_secs(10 * 3600)).await;
    let renewals = world.server.requests();
    assert!((10..=12).contains(&renewals), "{renewals} renewals in ten hours of hourly tokens");
    assert!(!keeping.info().await.unwrap().is_expired);
    drop(keeping);
    world.pass(Duration::from_secs(7200)).await;
    assert_eq!(world.server.requests(), renewals, "it ends with its last handle");
    drop(first);
}

#[tokio::test(start_paused = true)]
async fn r10_r15_in_the_window_a_failing_server_is_asked_every_round() {
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    let keeping = world.builder().build().await;
    for _ in 0..3 {
        world.server.fault(Fault::Status(503, None));
    }
    world.pass(Duration::from_secs(3200)).await;
    while world.server.requests() < 3 {
        world.pass(Duration::from_secs(1)).await;
    }
    // The next round is 30 s away, and nobody notices.
    world.pass(Duration::from_secs(25)).await;
    assert_eq!(world.server.requests(), 3);
    assert_eq!(keeping.token().await.unwrap().secret.expose(), "at-1");
    world.pass(Duration::from_secs(10)).await;
    assert_eq!(keeping.token().await.unwrap().secret.expose(), "at-2");
    assert_eq!(world.server.requests(), 4);
}

#[tokio::test(start_paused = true)]
async fn k2_a_process_that_lives_for_one_token_renews_what_is_due() {
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    world.pass(Duration::from_secs(3400)).await;
    let patience = Duration::from_secs(5);
    let process = world.process().await;
    let token = process.token_once(Duration::ZERO, patience).await.unwrap();
    assert_eq!(token.secret.expose(), "at-2");
    // A server that hangs costs it its patience at most, and the token is good.
    world.pass(Duration::from_secs(3400)).await;
    world.server.fault(Fault::Hang);
    let start = tokio::time::Instant::now();
    let process = world.process().await;
    let token = process.token_once(Duration::ZERO, patience).await.unwrap();
    assert_eq!(token.secret.expose(), "at-2");
    assert!(start.elapsed() <= patience + Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn r15_tokens_that_are_born_dead_are_not_asked_for_without_pause() {
    let world = World::new(Reuse::Strict);
    *world.server.lifetime.lock().unwrap() = 0;
    world.log_in().await;
    let _keeping = world.builder().build().await;
    world.pass(secs(600)).await;
    let requests = world.server.requests();
    assert!(requests <= 60, "{requests} renewals in ten minutes");
}

#[tokio::test(start_paused = true)]
async fn k2_the_keeper_renews_although_records_can_only_be_set_aside() {
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    let keeping = world.builder().build().await;
    world.store.fail_saves(0, full(), false);
    world.pass(secs(3 * 3600)).await;
    assert!(keeping.bearer_now().is_some(), "a caller has to wait");
}

#[tokio::test(start_paused = true)]
async fn k2_trust_of_zero_makes_no_busy_keeper() {
    let mut world = World::new(Reuse::Strict);
    world.policy.trust = Duration::ZERO;
    world.log_in().await;
    let before = world.store.looks();
    let _keeping = world.builder().build().await;
    for _ in 0..2000 {
        tokio::task::yield_now().await;
    }
    let looks = world.store.looks() - before;
    assert!(looks < 20, "{looks} looks in no time");
}
