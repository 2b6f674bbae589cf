//! Valid tokens, clocks, and tokens that are not valid (R10, R11).

use std::time::Duration;

use unlapse::Event;
use unlapse_core::{Reuse, StoreError};

use crate::secs;
use crate::world::{Fault, World};

#[tokio::test(start_paused = true)]
async fn r10_a_valid_token_is_served_whatever_is_away() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.pass(Duration::from_secs(3400)).await;
    world.store.go_away(StoreError::ReadOnly { place: "the disk".to_owned() });
    for _ in 0..6 {
        world.server.fault(Fault::Unsent);
    }
    for _ in 0..3 {
        assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
        world.pass(Duration::from_secs(40)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn r11_a_wrong_clock_is_reported_and_not_obeyed() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    *world.server.clock_ahead.lock().unwrap() = 3_600_000;
    world.expire().await;
    assert!(process.token().await.is_ok());
    assert!(world.saw(|event| matches!(event, Event::ClockOff { millis } if *millis > 3_500_000)));
    let requests = world.server.requests();
    // Our clock is set back by a day: the boot-time clock still ends the token in time.
    world.clock.shift_wall(-86_400_000);
    world.expire().await;
    assert!(process.token().await.is_ok());
    assert_eq!(world.server.requests(), requests + 1);
}

#[tokio::test(start_paused = true)]
async fn min_ttl_renews_first_and_withholds_nothing() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.pass(Duration::from_secs(3000)).await;
    let ttl = Duration::from_secs(1000);
    for _ in 0..3 {
        world.server.fault(Fault::Unsent);
    }
    assert_eq!(process.token_for(ttl).await.unwrap().secret.expose(), "at-1");
    world.pass(Duration::from_secs(31)).await;
    assert_eq!(process.token_for(ttl).await.unwrap().secret.expose(), "at-2");
}

#[tokio::test(start_paused = true)]
async fn r11_waiting_for_a_better_token_returns_no_expired_one() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.pass(secs(3590)).await;
    world.server.fault(Fault::Hang);
    world.server.fault(Fault::Hang);
    let token = process.token_for(secs(60)).await;
    let now = unlapse::Clock::now(&*world.clock).wall;
    if let Ok(token) = token {
        let left = token.expires_at.unwrap().since(now);
        assert!(!left.is_zero(), "handed out after its end");
    }
}

#[tokio::test(start_paused = true)]
async fn r11_a_process_for_one_token_gets_no_expired_one() {
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    world.pass(secs(3597)).await;
    let process = world.process().await;
    world.server.fault(Fault::Hang);
    let token = process.token_once(Duration::ZERO, secs(5)).await;
    let now = unlapse::Clock::now(&*world.clock).wall;
    if let Ok(token) = token {
        let left = token.expires_at.unwrap().since(now);
        assert!(!left.is_zero(), "handed out after its end");
    }
}

#[tokio::test(start_paused = true)]
async fn r11_the_hot_path_outlives_no_token_when_the_clock_is_set_back() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.pass(secs(3580)).await;
    for _ in 0..6 {
        world.server.fault(Fault::Unsent);
    }
    let _ = process.refresh().await;
    world.clock.shift_wall(-25_000);
    world.pass(secs(21)).await;
    assert!(process.bearer_now().is_none(), "a second after its end by the boot-time clock");
}

#[tokio::test(start_paused = true)]
async fn r11_a_token_that_has_ended_when_it_is_published_is_never_handed_out() {
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    // At its very end, and as long after as the coarse clock may be behind.
    world.pass(secs(3600)).await;
    for late in 0..6 {
        let process = world.process().await;
        let bearer = process.bearer_now();
        assert!(bearer.is_none(), "{late} ms after its end: {bearer:?}");
        world.pass(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn r11_a_token_that_has_ended_on_its_way_is_not_handed_out() {
    for always in [false, true] {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        world.expire().await;
        *world.server.lifetime.lock().unwrap() = 10;
        *world.server.latency.lock().unwrap() = secs(15);
        let start = tokio::time::Instant::now();
        let asking = {
            let process = process.clone();
            tokio::spawn(async move { process.token().await })
        };
        world.pass(secs(14)).await;
        if !always {
            *world.server.latency.lock().unwrap() = secs(1);
        }
        let token = asking.await.unwrap();
        let now = unlapse::Clock::now(&*world.clock).wall;
        assert!(start.elapsed() <= secs(61), "answered after {:?}", start.elapsed());
        match token {
            Ok(token) => {
                assert!(!always, "every one had ended: {token:?}");
                assert!(!token.expires_at.unwrap().since(now).is_zero(), "after its end");
                assert_eq!(token.secret.expose(), "at-3");
            }
            Err(error) => assert!(always && error.is_retryable(), "{error}"),
        }
        assert!(process.bearer_now().is_none() == always);
    }
}
