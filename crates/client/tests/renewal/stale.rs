//! Tokens that are served beyond their end, while their server cannot be reached (K12).

use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Method;
use unlapse::{Clock as _, Error, Event, TokenSource};
use unlapse_core::{Cause, LoginReason, Rejection, Reuse, StoreError};

use crate::secs;
use crate::world::{Fault, World};

/// A world where tokens may be served for so long beyond their end.
async fn world(stale: u64) -> (World, TokenSource) {
    let mut world = World::new(Reuse::Strict);
    world.policy.stale = secs(stale);
    let process = world.log_in().await;
    (world, process)
}

fn away(world: &World, fault: Fault, requests: usize) {
    for _ in 0..requests {
        world.server.fault(fault);
    }
}

#[tokio::test(start_paused = true)]
async fn k12_off_by_default_a_token_is_not_served_beyond_its_end() {
    let (world, process) = world(0).await;
    world.expire().await;
    away(&world, Fault::Unsent, 99);
    for _ in 0..4 {
        assert!(process.bearer().await.is_err());
        world.pass(secs(31)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn k12_a_token_is_served_stale_when_a_renewal_was_tried_in_vain() {
    for fault in
        [Fault::Unsent, Fault::Status(503, None), Fault::Status(500, Some(40)), Fault::Html(200)]
    {
        let (world, process) = world(600).await;
        world.expire().await;
        away(&world, fault, 99);
        assert!(process.bearer_now().is_none());
        let bearer = process.bearer().await.unwrap();
        assert!(bearer.is_stale(), "{fault:?}");
        assert_eq!((bearer.header(), bearer.generation()), (&"Bearer at-1".parse().unwrap(), 1));
        assert!(world.server.requests() >= u64::from(fault != Fault::Unsent), "{fault:?}");
        let token = process.token().await.unwrap();
        assert!(token.is_stale && !token.is_unsaved);
        let info = process.info().await.unwrap();
        assert!(info.is_stale() && info.is_expired, "{info:?}");
        assert!(info.stale_for.unwrap() <= secs(599), "{info:?}");
        assert!(world.saw(|event| matches!(event, Event::Stale { generation: 1 })));
        // The network is back: so is everything else.
        world.server.faults.lock().unwrap().clear();
        world.pass(secs(301)).await;
        let token = process.token().await.unwrap();
        assert_eq!((token.secret.expose(), token.is_stale), ("at-2", false), "{fault:?}");
        assert!(!process.bearer().await.unwrap().is_stale());
        assert!(!process.info().await.unwrap().is_stale());
    }
}

#[tokio::test(start_paused = true)]
async fn k12_a_renewal_that_is_answered_is_never_left_out() {
    let (world, process) = world(600).await;
    world.expire().await;
    away(&world, Fault::Unsent, 3);
    assert!(process.token().await.unwrap().is_stale);
    // A process that begins now knows of the failure, and tries first; so does this one in time.
    let other = world.process().await;
    assert!(other.bearer_now().is_none());
    assert_eq!(other.token().await.unwrap().secret.expose(), "at-2");
    world.pass(secs(31)).await;
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
    // A renewal that is slow and not known to fail is waited for.
    world.expire().await;
    *world.server.latency.lock().unwrap() = secs(20);
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-3");
}

#[tokio::test(start_paused = true)]
async fn k12_between_two_tries_the_hot_path_serves() {
    let (world, process) = world(600).await;
    world.expire().await;
    away(&world, Fault::Status(503, None), 99);
    assert!(process.bearer().await.unwrap().is_stale());
    let (requests, looks) = (world.server.requests(), world.store.looks());
    for _ in 0..29 {
        assert!(process.bearer_now().unwrap().is_stale());
        assert!(process.token().await.unwrap().is_stale);
        world.pass(secs(1)).await;
    }
    assert_eq!((world.server.requests(), world.store.looks()), (requests, looks));
    world.pass(secs(2)).await;
    assert!(process.bearer_now().is_none());
}

#[tokio::test(start_paused = true)]
async fn k12_the_bound_is_kept_to_the_second() {
    let (world, process) = world(100).await;
    world.expire().await;
    away(&world, Fault::Unsent, 999);
    let end = world.clock.now().wall.plus(secs(99));
    loop {
        let asked = process.token().await;
        let now = world.clock.now().wall;
        let hot = process.bearer_now().is_some();
        if now < end.minus(secs(1)) {
            assert!(asked.unwrap().is_stale, "at {now}");
        } else if now >= end {
            assert!(!hot && asked.is_err(), "at {now}");
        }
        if now > end.plus(secs(60)) {
            break;
        }
        world.pass(Duration::from_millis(700)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn k12_the_keeper_goes_on_trying_and_nobody_waits() {
    let (world, process) = world(86_400).await;
    drop(process);
    let process = world.builder().build().await;
    world.pass(secs(3200)).await;
    away(&world, Fault::Unsent, 9999);
    world.pass(secs(500)).await;
    for _ in 0..600 {
        let start = world.clock.now();
        assert!(process.bearer().await.unwrap().is_stale());
        assert!(world.clock.now().since(&start) <= secs(5));
        world.pass(secs(3)).await;
    }
    world.server.faults.lock().unwrap().clear();
    // Nobody asks: the breaker's next trial and the keeper's next round are enough.
    world.pass(secs(3700)).await;
    let bearer = process.bearer_now().expect("renewed");
    assert!(!bearer.is_stale() && bearer.generation() > 1);
}

#[tokio::test(start_paused = true)]
async fn k12_a_network_that_swallows_everything_delays_few_and_for_seconds() {
    let (world, process) = world(86_400).await;
    world.expire().await;
    away(&world, Fault::Hang, 99);
    // The first finds out, at the cost of its own deadline at most.
    let start = world.clock.now();
    assert!(process.token().await.unwrap().is_stale);
    assert!(world.clock.now().since(&start) <= secs(60));
    for _ in 0..100 {
        let start = world.clock.now();
        assert!(process.token().await.unwrap().is_stale);
        assert!(
            world.clock.now().since(&start) <= secs(5),
            "{:?}",
            world.clock.now().since(&start)
        );
        world.pass(secs(4)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn k12_r9_no_verdict_is_outlived() {
    for rejection in [Rejection::InvalidGrant, Rejection::InvalidClient, Rejection::Other] {
        let (world, process) = world(600).await;
        world.expire().await;
        away(&world, Fault::Unsent, 3);
        assert!(process.token().await.unwrap().is_stale);
        world.pass(secs(31)).await;
        away(&world, Fault::Reject(rejection), 1);
        assert!(process.token().await.is_err(), "{rejection:?}");
        assert!(process.bearer_now().is_none(), "{rejection:?}");
        // Away again: what was said before counts.
        if rejection == Rejection::InvalidGrant {
            away(&world, Fault::Unsent, 99);
            let error = process.token().await.unwrap_err();
            let reason = LoginReason::RefreshRejected;
            assert!(matches!(error, Error::NeedsLogin { reason: found, .. } if found == reason));
            assert!(world.process().await.token().await.unwrap_err().needs_login());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn k12_r9_a_verdict_that_could_not_be_saved_counts_as_well() {
    let (world, process) = world(600).await;
    world.expire().await;
    away(&world, Fault::Unsent, 3);
    assert!(process.token().await.unwrap().is_stale);
    world.pass(secs(31)).await;
    // The intent is kept, and nothing after it.
    world.store.fail_saves(1, StoreError::Full { place: "the disk".to_owned() }, true);
    away(&world, Fault::Reject(Rejection::InvalidGrant), 1);
    assert!(process.token().await.unwrap_err().needs_login());
    away(&world, Fault::Unsent, 99);
    assert!(process.bearer_now().is_none());
    assert!(process.token().await.unwrap_err().needs_login());
}

#[tokio::test(start_paused = true)]
async fn k12_k9_a_logout_ends_it_everywhere() {
    let (world, process) = world(86_400).await;
    world.expire().await;
    away(&world, Fault::Unsent, 99);
    let other = world.builder().build().await;
    assert!(process.token().await.unwrap().is_stale);
    assert!(other.token().await.unwrap().is_stale);
    process.clear().await.unwrap();
    assert!(process.bearer_now().is_none());
    assert!(process.token().await.unwrap_err().needs_login());
    world.pass(world.policy.trust).await;
    assert!(other.bearer_now().is_none());
    assert!(other.token().await.unwrap_err().needs_login());
}

#[tokio::test(start_paused = true)]
async fn k12_r13_a_401_to_a_stale_token_says_that_there_is_no_other() {
    let (world, process) = world(600).await;
    world.expire().await;
    away(&world, Fault::Unsent, 99);
    let bearer = process.bearer().await.unwrap();
    let error = process.reject(bearer.generation()).await.unwrap_err();
    assert!(error.is_retryable() && !error.needs_login(), "{error}");
    // Others may be luckier with it, and do not wait.
    assert!(process.bearer_now().is_some_and(|bearer| bearer.is_stale()));
    let start = world.clock.now();
    assert!(process.token().await.unwrap().is_stale);
    assert_eq!(world.clock.now(), start);
    // A renewal that somebody wants is none that a stale token stands in for.
    assert!(process.refresh().await.is_err() && process.force_refresh().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn k12_r9_r13_a_verdict_after_a_401_ends_it() {
    for rejection in [Rejection::InvalidGrant, Rejection::InvalidClient] {
        for is_saved in [true, false] {
            let (world, process) = world(600).await;
            world.expire().await;
            away(&world, Fault::Unsent, 3);
            let bearer = process.bearer().await.unwrap();
            if !is_saved {
                world.store.fail_saves(1, StoreError::Full { place: "the disk".to_owned() }, true);
            }
            away(&world, Fault::Reject(rejection), 1);
            assert!(process.reject(bearer.generation()).await.is_err());
            assert!(process.bearer_now().is_none(), "{rejection:?} {is_saved}");
            assert!(!process.info().await.unwrap().is_stale(), "{rejection:?} {is_saved}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn k12_what_another_process_has_found_out_takes_no_stale_token_away() {
    let (world, process) = world(86_400).await;
    let other = world.process().await;
    world.expire().await;
    away(&world, Fault::Unsent, 9);
    assert!(process.token().await.unwrap().is_stale);
    world.pass(secs(5)).await;
    let before = world.store.record().revision;
    assert!(other.token().await.unwrap().is_stale);
    assert!(world.store.record().revision > before);
    // Looks at the store, as a keeper does.
    assert!(process.info().await.unwrap().is_stale());
    assert!(process.bearer_now().is_some_and(|bearer| bearer.is_stale()));
    // For no longer than it would have been without the look.
    world.pass(secs(26)).await;
    assert!(process.bearer_now().is_none());
    // A verdict that the other has heard counts here as well (R9).
    away(&world, Fault::Unsent, 9);
    assert!(process.token().await.unwrap().is_stale);
    world.server.faults.lock().unwrap().clear();
    away(&world, Fault::Reject(Rejection::InvalidGrant), 1);
    assert!(other.refresh().await.unwrap_err().needs_login());
    assert!(!process.info().await.unwrap().is_stale());
    assert!(process.bearer_now().is_none());
}

#[tokio::test(start_paused = true)]
async fn k12_r5_a_stale_token_that_could_not_be_saved_is_seen_to_be_saved() {
    let (world, process) = world(600).await;
    world.expire().await;
    away(&world, Fault::Unsent, 99);
    world.store.fail_saves(0, StoreError::ReadOnly { place: "the disk".to_owned() }, false);
    // A copy of it lies aside, as where its place is read-only (C16).
    *world.store.aside.lock().unwrap() = Some(world.store.record().failed(unsent(&world)));
    let token = process.token().await.unwrap();
    assert!(token.is_stale && token.is_unsaved);
    world.store.heal();
    process.settle().await.unwrap();
    let token = process.token().await.unwrap();
    assert!(token.is_stale && !token.is_unsaved);
}

fn unsent(world: &World) -> unlapse_core::Failure {
    world.store.record().failure(Cause::Connect, world.clock.now(), None)
}

#[tokio::test(start_paused = true)]
async fn k12_r7_a_lost_reply_is_served_stale_until_it_is_known_what_became_of_it() {
    let (world, process) = world(600).await;
    world.expire().await;
    away(&world, Fault::ReplyLost, 1);
    away(&world, Fault::Unsent, 3);
    assert!(process.token().await.unwrap().is_stale);
    // The last resort finds that the server has rotated: the login is lost, and so is the token.
    world.server.faults.lock().unwrap().clear();
    world.pass(secs(31)).await;
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "rotation_lost");
    assert!(process.bearer_now().is_none());
}

#[tokio::test(start_paused = true)]
async fn k12_rfc9449_7_a_stale_token_is_proven_like_any_other() {
    let (world, process) = world(600).await;
    world.server.binds.store(true, Ordering::SeqCst);
    world.expire().await;
    process.token().await.unwrap();
    world.expire().await;
    away(&world, Fault::Unsent, 99);
    let proven = process.proven(&Method::GET, "https://api.example/", None).await.unwrap();
    assert!(proven.bearer().is_stale() && proven.proof().is_some());
    assert!(process.token().await.unwrap().sender_key.is_some());
}

#[tokio::test(start_paused = true)]
async fn k12_another_key_that_opened_the_breaker_is_a_reason_as_well() {
    use std::sync::Arc;
    use unlapse::{Breakers as _, Exchange as _, MemoryBreakers};
    let (world, _) = world(600).await;
    let breakers = Arc::new(MemoryBreakers::default());
    let builder = world.builder().ahead_of_time(false);
    let process = builder.breakers(Arc::clone(&breakers) as _).build().await;
    world.expire().await;
    let now = world.clock.now().wall;
    let policy = &world.policy.breaker;
    breakers.update(&world.server.endpoint(), &mut |_| {
        (0..5).fold(unlapse_core::Breaker::default(), |breaker, _| breaker.failed(now, policy))
    });
    assert!(process.token().await.unwrap().is_stale);
    // A 401 finds out nothing new.
    assert_eq!(process.reject(1).await.unwrap_err().code(), "breaker_open");
    assert!(process.bearer_now().is_some_and(|bearer| bearer.is_stale()));
    assert_eq!(world.server.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn k12_r9_verdicts_on_the_client_that_opened_the_breaker_are_no_want_of_a_server() {
    use std::sync::Arc;
    use unlapse::MemoryBreakers;
    let (world, _) = world(600).await;
    let breakers = Arc::new(MemoryBreakers::default());
    // Another key of the same endpoint.
    let mut other = World::new(Reuse::Strict);
    (other.server, other.clock) = (Arc::clone(&world.server), Arc::clone(&world.clock));
    other.log_in().await;
    let of = |world: &World| {
        let builder = world.builder().ahead_of_time(false);
        builder.breakers(Arc::clone(&breakers) as _).build()
    };
    let (process, other) = (of(&world).await, of(&other).await);
    world.expire().await;
    away(&world, Fault::Reject(Rejection::InvalidClient), 5);
    for _ in 0..5 {
        assert_eq!(other.force_refresh().await.unwrap_err().code(), "client_rejected");
    }
    assert_eq!(process.token().await.unwrap_err().code(), "breaker_open");
    assert!(process.bearer_now().is_none());
}

#[tokio::test(start_paused = true)]
async fn k12_a_token_that_was_granted_with_no_life_is_not_called_stale() {
    let (world, process) = world(600).await;
    world.expire().await;
    *world.server.lifetime.lock().unwrap() = 0;
    assert!(process.token().await.is_err());
    assert!(process.bearer_now().is_none());
    assert!(!world.saw(|event| matches!(event, Event::Stale { .. })));
}

#[tokio::test(start_paused = true)]
async fn k12_the_failure_is_kept_for_others_to_see() {
    let (world, process) = world(600).await;
    world.expire().await;
    away(&world, Fault::Status(503, None), 3);
    process.token().await.unwrap();
    let failure = world.store.record().failure.expect("kept");
    assert_eq!(failure.cause, Cause::Status(503));
}
