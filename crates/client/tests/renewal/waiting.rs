//! Attempts, deadlines, breakers and callers that go away (R6, R15, R16, R17).

use std::sync::Arc;
use std::time::Duration;

use unlapse::{Breakers as _, Builder, Error, Exchange as _, Key, MemoryBreakers};
use unlapse_core::{Breaker, Cause, Reuse};

use crate::world::{Fault, World, WorldSpawn, WorldStore};
use crate::{LOGIN, secs};

#[tokio::test(start_paused = true)]
async fn r6_a_cancelled_caller_loses_nothing() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    let caller = tokio::time::timeout(Duration::from_millis(10), process.token()).await;
    assert!(caller.is_err(), "the caller gave up while the server worked");
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(world.store.record().generation, 2);
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
    assert_eq!(world.server.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn r15_c10_three_attempts_then_the_truth() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    for _ in 0..3 {
        world.server.fault(Fault::Status(503, None));
    }
    let error = process.token().await.unwrap_err();
    assert!(matches!(error, Error::Temporary { attempts: 3, cause: Cause::Status(503), .. }));
    assert_eq!(error.code(), "temporary_failure");
    assert!(error.is_retryable() && !error.needs_login());
    // The login is alive.
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
}

#[tokio::test(start_paused = true)]
async fn c10_429_waits_for_as_long_as_it_was_told() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    world.server.fault(Fault::Status(429, Some(20)));
    let start = tokio::time::Instant::now();
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
    assert!((20..25).contains(&start.elapsed().as_secs()));
    assert_eq!(world.server.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn c10_429_for_ever_costs_three_attempts() {
    for wait in [2, 10] {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        world.expire().await;
        for _ in 0..9 {
            world.server.fault(Fault::Status(429, Some(wait)));
        }
        let error = process.token().await.unwrap_err();
        assert_eq!(error.code(), "rate_limited");
        assert_eq!(world.server.requests(), 3, "every {wait} s");
    }
}

#[tokio::test(start_paused = true)]
async fn r15_a_wait_beyond_the_deadline_fails_fast() {
    let mut world = World::new(Reuse::Strict);
    world.policy.caller_deadline = Duration::from_secs(10);
    let process = world.log_in().await;
    world.expire().await;
    world.server.fault(Fault::Status(503, Some(50)));
    let start = tokio::time::Instant::now();
    let error = process.token().await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1));
    assert!(error.retry_at().is_some());
    // Another process knows as well, and asks nobody.
    let error = world.process().await.token().await.unwrap_err();
    assert!(error.retry_at().is_some());
    assert_eq!(world.server.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn r16_the_breaker_opens_and_lets_one_trial_through() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    for _ in 0..5 {
        world.server.fault(Fault::Status(500, None));
    }
    assert!(process.token().await.is_err());
    assert!(process.token().await.is_err());
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "breaker_open");
    assert_eq!(world.server.requests(), 5);
    world.pass(Duration::from_secs(300)).await;
    assert!(process.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn r6_settle_waits_for_every_renewal_under_way() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    *world.server.latency.lock().unwrap() = secs(20);
    for _ in 0..2 {
        let process = process.clone();
        tokio::spawn(async move { process.force_refresh().await });
        world.pass(Duration::from_millis(10)).await;
    }
    assert!(process.settle().await.is_ok());
    // The second gave up on the lease; the first still held it.
    assert_eq!(world.server.requests(), 1);
    // What is under way now dies with the process.
    assert_eq!(world.store.record().intent, None, "ended with a refresh token in the air");
}

#[tokio::test(start_paused = true)]
async fn r16_a_clock_set_back_leaves_a_breaker_that_opens() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    for _ in 0..60 {
        world.server.fault(Fault::Status(500, None));
    }
    for _ in 0..3 {
        assert!(process.token().await.is_err());
    }
    assert_eq!(world.server.requests(), 5);
    world.clock.shift_wall(-900_000);
    for _ in 0..10 {
        assert!(process.token().await.is_err());
    }
    let requests = world.server.requests() - 5;
    assert!(requests <= 5, "{requests} more requests to a server that fails");
}

#[tokio::test(start_paused = true)]
async fn r16_when_a_breaker_may_be_tried_again_one_of_many_keys_tries() {
    let world = World::new(Reuse::Stable);
    let breakers = Arc::new(MemoryBreakers::default());
    let mut processes = Vec::new();
    for name in 0..10 {
        let store = Arc::new(WorldStore::default());
        let process = Builder::with_effects(
            Key::new(format!("acme-{name}")),
            store,
            Arc::clone(&world.server) as _,
            Arc::clone(&world.clock) as _,
            Arc::new(WorldSpawn::default()),
            name,
        )
        .policy(world.policy.clone())
        .breakers(Arc::clone(&breakers) as _)
        .ahead_of_time(false)
        .build()
        .await;
        let grant = world.server.open();
        process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
        processes.push(process);
    }
    world.expire().await;
    let now = unlapse::Clock::now(&*world.clock).wall;
    let over = Breaker {
        failures: 5,
        open_until: Some(now),
        open_for: secs(300),
        trial_since: None,
        is_there: false,
    };
    breakers.update(&world.server.endpoint(), &mut |_| over);
    for _ in 0..10 {
        world.server.fault(Fault::Status(500, None));
    }
    let tasks = processes.into_iter().map(|it| tokio::spawn(async move { it.token().await }));
    for task in tasks.collect::<Vec<_>>() {
        assert!(task.await.unwrap().is_err());
    }
    assert_eq!(world.server.requests(), 1, "trials at once");
}

#[tokio::test(start_paused = true)]
async fn r15_c10_three_attempts_also_when_their_delay_exceeds_the_lease_wait() {
    let mut world = World::new(Reuse::Strict);
    world.policy.base_delay = secs(20);
    world.policy.caller_deadline = secs(600);
    let process = world.log_in().await;
    world.expire().await;
    world.server.fault(Fault::Status(503, None));
    world.server.fault(Fault::Status(503, None));
    let token = process.token().await;
    assert!(token.is_ok(), "after {} attempts: {token:?}", world.server.requests());
}

#[tokio::test(start_paused = true)]
async fn c10_a_login_waits_for_as_long_as_it_was_told() {
    let mut world = World::new(Reuse::Strict);
    world.policy.caller_deadline = secs(10);
    *world.server.rungs.lock().unwrap() = LOGIN;
    let process = world.log_in().await;
    for _ in 0..9 {
        world.server.fault(Fault::Status(429, Some(50)));
    }
    for _ in 0..5 {
        let error = process.obtain().await.unwrap_err();
        assert!(error.retry_at().is_some(), "{error}");
    }
    assert_eq!(world.server.requests(), 1, "asked again within the 50 s");
}

#[tokio::test(start_paused = true)]
async fn r15_no_attempts_at_all_still_means_one() {
    let mut world = World::new(Reuse::Strict);
    world.policy.attempts = 0;
    let process = world.log_in().await;
    world.expire().await;
    assert!(process.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn r15_the_longest_of_all_waits_panics_nowhere() {
    let mut world = World::new(Reuse::Unknown);
    let process = world.log_in().await;
    drop(process);
    world.policy.max_delay = Duration::MAX;
    let process = world.process().await;
    world.expire().await;
    world.server.fault(Fault::Status(429, Some(u64::MAX)));
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "rate_limited");
    assert_eq!(process.token().await.unwrap_err().code(), "rate_limited");
}

/// Ten requests to a server that hangs fill every place; another server is not asked at all, and
/// its breaker counts that.
#[tokio::test]
async fn r17_a_server_that_hangs_takes_no_place_from_another() {
    use unlapse::reqwest::{HttpSettings, ReqwestHttp};
    use unlapse::{Http as _, NoReply};
    let hanging = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let healthy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let request = |listener: &tokio::net::TcpListener| {
        let uri = format!("http://{}/token", listener.local_addr().unwrap());
        http::Request::post(uri).body(bytes::Bytes::new()).unwrap()
    };
    let http = Arc::new(ReqwestHttp::new(HttpSettings { at_once: 1, ..HttpSettings::default() }));
    let stuck = {
        let (http, request) = (Arc::clone(&http), request(&hanging));
        tokio::spawn(async move { http.call(request).await.map(|_| ()) })
    };
    let (held, _) = hanging.accept().await.unwrap();
    let other = request(&healthy);
    let served = tokio::spawn(async move { healthy.accept().await.map(|_| ()) });
    let answer = http.call(other).await.map(|_| ());
    assert_ne!(answer, Err(NoReply::Unsent(Cause::Timeout)), "never sent to a healthy server");
    served.abort();
    stuck.abort();
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn r17_a_store_that_hangs_holds_nobody_up_beyond_their_deadline() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.store.slow_looks(secs(7200));
    let start = tokio::time::Instant::now();
    let other = world.process().await;
    assert!(start.elapsed() <= secs(61), "built after {:?}", start.elapsed());
    let start = tokio::time::Instant::now();
    let _ = process.info().await;
    assert!(start.elapsed() <= secs(61), "told after {:?}", start.elapsed());
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn x2_extreme_policies_panic_nowhere() {
    for extreme in [Duration::ZERO, secs(10 * 365 * 86_400)] {
        let mut world = World::new(Reuse::Unknown);
        world.log_in().await;
        world.policy.refresh_ahead = extreme;
        world.policy.skew = extreme;
        world.policy.trust = extreme;
        world.policy.max_delay = extreme;
        world.policy.base_delay = extreme;
        world.policy.round = extreme;
        let process = world.process().await;
        world.expire().await;
        world.server.fault(Fault::Status(429, Some(u64::MAX)));
        let _ = process.token().await;
        let again = process.token().await;
        assert!(
            !matches!(again, Err(Error::Deadline { .. })),
            "{extreme:?}: the renewal panicked: {again:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn r15_a_wall_clock_that_is_set_ends_no_callers_patience() {
    for hours in [5, -5] {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        world.expire().await;
        *world.server.latency.lock().unwrap() = secs(5);
        let asking = {
            let process = process.clone();
            tokio::spawn(async move { process.token().await })
        };
        world.pass(secs(2)).await;
        world.clock.shift_wall(hours * 3_600_000);
        let token = asking.await.unwrap();
        assert!(token.is_ok(), "{hours} h: {token:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn r15_c6_a_wall_clock_that_is_set_shortens_no_wait_for_the_lease() {
    use unlapse_core::Store as _;
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    let held = world.store.lease(&Key::new("acme"), Duration::ZERO).await.unwrap();
    let asking = tokio::spawn(async move { process.token().await });
    world.pass(secs(1)).await;
    world.clock.shift_wall(5 * 3_600_000);
    world.pass(secs(2)).await;
    drop(held);
    let token = asking.await.unwrap();
    assert_eq!(token.expect("the lease was free in time").secret.expose(), "at-2");
}

#[tokio::test(start_paused = true)]
async fn r7_r15_a_wall_clock_that_is_set_costs_no_replay() {
    let world = World::new(Reuse::UntilUsed);
    let process = world.log_in().await;
    world.expire().await;
    world.server.fault(Fault::ReplyLost);
    *world.server.latency.lock().unwrap() = secs(5);
    let asking = tokio::spawn(async move { process.token().await });
    world.pass(secs(2)).await;
    world.clock.shift_wall(5 * 3_600_000);
    let token = asking.await.unwrap();
    assert_eq!(token.expect("asked again").secret.expose(), "at-3");
    assert_eq!(world.server.requests(), 2);
}
