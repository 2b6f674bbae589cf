//! Intents, and outcomes that are not known (R3, R7).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use unlapse::{Breakers as _, Builder, Error, Exchange as _, Key, MemoryBreakers, Secret};
use unlapse_core::{
    Admission, Breaker, Cause, Demand, Grant, LoginReason, Now, Plan, Policy, Record, Reuse, Rungs,
    Situation, Spend, Store as _, UnixTime, plan,
};

use crate::world::{Fault, World, WorldSpawn};
use crate::{GRACE, LOGIN, secs};

#[tokio::test(start_paused = true)]
async fn r7_a_lost_reply_is_replayed_inside_the_grace() {
    for fault in [Fault::ReplyLost, Fault::ReplyHangs] {
        for class in [GRACE, Reuse::UntilUsed] {
            let mut world = World::new(class);
            if fault == Fault::ReplyHangs && class == GRACE {
                // Nobody told us: the default class.
                world.policy.reuse = Reuse::Unknown;
            }
            let process = world.log_in().await;
            world.expire().await;
            world.server.fault(fault);
            // A hanging reply uses up all the time of a class that may always be asked again.
            let token = match process.token().await {
                Err(error) if fault == Fault::ReplyHangs => {
                    assert!(error.is_retryable());
                    process.token().await
                }
                token => token,
            };
            assert!(token.is_ok(), "{fault:?} {class:?}: {token:?}");
            assert_eq!(world.server.families_revoked(), 0);
            assert_eq!(world.store.record().doubts, 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn r7_strict_and_a_lost_reply_serves_the_old_token_then_says_the_truth() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.pass(Duration::from_secs(3400)).await;
    world.server.fault(Fault::ReplyLost);
    // In the window: the renewal is lost, the token is good, and nothing is sent again.
    assert!(process.refresh().await.is_err());
    for _ in 0..5 {
        assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
        world.pass(Duration::from_secs(31)).await;
    }
    assert_eq!(world.server.requests(), 1);
    world.expire().await;
    let error = process.token().await.unwrap_err();
    let lost = LoginReason::RotationLost;
    assert!(matches!(error, Error::NeedsLogin { reason, .. } if reason == lost), "{error}");
    assert_eq!(error.code(), "rotation_lost");
}

#[tokio::test(start_paused = true)]
async fn r7_strict_expired_and_lost_is_said_to_be_unknown_first() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    world.server.fault(Fault::ReplyLost);
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "outcome_unknown");
    assert_eq!(process.token().await.unwrap_err().code(), "rotation_lost");
}

#[tokio::test(start_paused = true)]
async fn r7_a_gateways_504_is_no_reason_to_send_a_strict_server_its_token_again() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.pass(Duration::from_secs(3400)).await;
    world.server.fault(Fault::DoneThenStatus(504));
    assert!(process.refresh().await.is_err());
    world.pass(Duration::from_secs(60)).await;
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
    assert_eq!(world.server.requests(), 1);
    assert_eq!(world.server.families_revoked(), 0, "at-1 would have died with it");
}

#[tokio::test(start_paused = true)]
async fn r7_r17_a_server_that_hangs_costs_the_deadline_and_no_login() {
    for class in [Reuse::Unknown, Reuse::Stable, Reuse::Strict, GRACE] {
        let world = World::new(class);
        let process = world.log_in().await;
        world.expire().await;
        world.server.fault(Fault::Hang);
        world.server.fault(Fault::Hang);
        let start = tokio::time::Instant::now();
        let error = process.token().await.unwrap_err();
        assert!(error.is_retryable(), "{class:?}: {error}");
        assert!(start.elapsed() <= Duration::from_secs(31), "{class:?}: {:?}", start.elapsed());
        world.server.faults.lock().unwrap().clear();
        assert_eq!(process.token().await.unwrap().secret.expose(), "at-2", "{class:?}");
        assert_eq!(world.server.families_revoked(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn r3_r7_x2_a_process_that_dies_at_each_step_loses_no_login() {
    for class in [GRACE, Reuse::UntilUsed, Reuse::Stable] {
        let mut finished = false;
        for step in 0..40 {
            let world = World::new(class);
            world.log_in().await;
            world.expire().await;
            // Every renewal that this process starts dies at the same step.
            let dying = world.dying_process(step).await;
            let patience = Duration::from_secs(2);
            let _ = tokio::time::timeout(patience, dying.token()).await;
            finished |= world.store.record().generation == 2;
            drop(dying);
            let next = world.process().await;
            let token = next.token().await;
            assert!(token.is_ok(), "{class:?}, dead at step {step}: {token:?}");
            assert_eq!(world.server.families_revoked(), 0, "{class:?}, dead at step {step}");
        }
        assert!(finished, "the last steps are behind the end of a renewal");
    }
}

#[tokio::test(start_paused = true)]
async fn x2_a_strict_server_and_a_death_between_send_and_save_is_told_as_it_is() {
    let mut outcomes = std::collections::BTreeSet::new();
    for step in 0..40 {
        let world = World::new(Reuse::Strict);
        world.log_in().await;
        world.expire().await;
        let dying = world.dying_process(step).await;
        let _ = tokio::time::timeout(Duration::from_secs(2), dying.token()).await;
        drop(dying);
        let rotated = world.server.rotations.load(Ordering::SeqCst) > 0;
        let saved = world.store.record().generation == 2;
        let lost_with_the_process = rotated && !saved;
        let next = world.process().await;
        let token = next.token().await;
        assert_eq!(token.is_err(), lost_with_the_process, "step {step}: {token:?}");
        match token {
            Ok(_) => outcomes.insert("alive"),
            Err(error) => outcomes.insert(error.code()),
        };
        // What was lost is what the server had rotated and nobody could have saved.
        let lost = world.server.families_revoked();
        assert!(lost <= 1);
        assert_eq!(lost == 1, !world.server.is_alive(), "step {step}");
    }
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), ["alive", "rotation_lost"]);
}

#[tokio::test(start_paused = true)]
async fn r7_a_login_that_fails_clears_no_doubt_about_the_refresh_token() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = LOGIN;
    let process = world.log_in().await;
    world.pass(secs(3400)).await;
    world.server.fault(Fault::ReplyLost);
    assert!(process.refresh().await.is_err());
    assert!(world.store.record().intent.is_some());
    for _ in 0..3 {
        world.server.fault(Fault::Status(503, None));
    }
    assert!(process.obtain().await.is_err());
    world.pass(secs(31)).await;
    // The old token is valid: nothing may be sent to a strict server.
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
    world.pass(secs(1)).await;
    assert_eq!(world.server.families_revoked(), 0, "rt-1 was sent again");
}

#[tokio::test(start_paused = true)]
async fn r7_a_replay_that_never_left_may_be_sent_inside_the_grace() {
    let mut world = World::new(Reuse::Grace(secs(30)));
    world.policy.reuse = Reuse::Unknown;
    let process = world.log_in().await;
    world.pass(secs(3400)).await;
    world.server.fault(Fault::ReplyLost);
    world.server.fault(Fault::Unsent);
    let _ = process.refresh().await;
    // The network is back after seconds, well inside the 30 s.
    for _ in 0..20 {
        world.pass(secs(1)).await;
        let _ = process.token().await;
    }
    world.expire().await;
    let token = process.token().await;
    assert!(token.is_ok(), "{token:?}");
    assert_eq!(world.server.families_revoked(), 0);
}

#[tokio::test(start_paused = true)]
async fn r7_a_deadline_below_a_second_leaves_no_doubt_for_ever() {
    let mut world = World::new(Reuse::Stable);
    world.policy.exchange_deadline = Duration::from_millis(900);
    let process = world.log_in().await;
    world.expire().await;
    world.server.fault(Fault::ReplyLost);
    let _ = process.token().await;
    for _ in 0..3 {
        world.pass(secs(60)).await;
        if process.token().await.is_ok() {
            return;
        }
    }
    panic!("never asked again: {:?}", process.token().await);
}

#[tokio::test(start_paused = true)]
async fn r7_a_wanted_refresh_is_no_rejection_and_spends_no_doubted_token() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.pass(secs(1000)).await;
    world.server.fault(Fault::ReplyLost);
    assert!(process.refresh().await.is_err());
    // Nobody has said that at-1 is not good.
    let _ = process.refresh().await;
    assert_eq!(world.server.families_revoked(), 0, "at-1 was valid for 43 minutes more");
}

#[test]
fn r7_r11_a_clock_set_back_by_a_reboot_opens_no_window_again() {
    let at = |wall, boot| Now {
        wall: UnixTime::from_secs(wall),
        boot: unlapse_core::BootTime { boot, millis: 1000 },
    };
    let mut grant = Grant::bearer(Secret::new("at"));
    grant.refresh_token = Some(Secret::new("rt"));
    grant.expires_in = Some(secs(3600));
    let record = Record::default().granted(grant, at(1_000_000, 1));
    let policy = Policy::default();
    let step = |record: &Record, now| {
        plan(&Situation {
            record,
            now,
            policy: &policy,
            key: &Key::new("acme"),
            demand: Demand::Fresh { min_ttl: Duration::ZERO },
            rungs: Rungs { refresh: true, ..Rungs::default() },
            breaker: Admission::Closed,
            is_there: false,
            attempts: 0,
            lost: 0,
            waited: Duration::ZERO,
        })
    };
    // After a reboot the clock is a day behind: the token's age is not known, it is renewed.
    let back = at(1_000_000 - 86_400, 2);
    assert_eq!(step(&record, back), Plan::Spend(Spend::Refresh));
    // … also when a failure was noted "a day ahead": it must not put off renewal for that day.
    let failure = record.failure(Cause::Connect, at(1_000_100, 1), None);
    assert_eq!(step(&record.failed(failure), back), Plan::Spend(Spend::Refresh));
}

#[tokio::test(start_paused = true)]
async fn r7_r15_who_finds_a_dead_process_in_its_pause_finds_no_doubt() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.pass(secs(1000)).await;
    world.server.fault(Fault::Status(503, None));
    let refreshing = tokio::spawn(async move { process.refresh().await });
    world.pass(Duration::from_millis(52)).await;
    assert_eq!(world.server.requests(), 1, "it pauses before the second");
    // Whoever reads this record after a kill -9 takes 503 for an outcome that is not known.
    assert_eq!(world.store.record().intent, None);
    let _ = refreshing.await;
}

#[tokio::test(start_paused = true)]
async fn r7_r16_a_breaker_that_opens_between_attempts_leaves_no_doubt() {
    let world = World::new(Reuse::Strict);
    let grant = world.server.open();
    let breakers = Arc::new(MemoryBreakers::default());
    let process =
        world.builder().ahead_of_time(false).breakers(Arc::clone(&breakers) as _).build().await;
    process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    world.pass(secs(1000)).await;
    let four = Breaker { failures: 4, ..Breaker::default() };
    breakers.update(&world.server.endpoint(), &mut |_| four);
    world.server.fault(Fault::Status(503, None));
    assert_eq!(process.refresh().await.unwrap_err().code(), "breaker_open");
    // The server has recovered, and the token comes due.
    world.pass(secs(2400)).await;
    let _ = process.token().await;
    world.pass(secs(1)).await;
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2", "never renewed ahead");
    assert_eq!(world.store.record().intent, None, "503 is an answer: nothing is in doubt");
}

#[tokio::test(start_paused = true)]
async fn r8_metadata_that_hangs_leaves_no_doubt() {
    use unlapse::{Endpoints, Http, HttpReply, NoReply, Server, ServerExchange};
    struct Hangs;
    impl Http for Hangs {
        fn call(
            &self,
            request: http::Request<bytes::Bytes>,
        ) -> unlapse_core::BoxFuture<'_, Result<HttpReply, NoReply>> {
            assert!(request.uri().path().contains("well-known"), "no secret was to be sent");
            Box::pin(std::future::pending())
        }
    }
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    let server = Server::public(
        "cid",
        Endpoints { issuer: Some("https://as.example".parse().unwrap()), ..Endpoints::default() },
    );
    let exchange = ServerExchange::new(server, Arc::new(Hangs), Arc::clone(&world.clock) as _);
    let process = Builder::with_effects(
        Key::new("acme"),
        Arc::clone(&world.store) as _,
        Arc::new(exchange),
        Arc::clone(&world.clock) as _,
        Arc::new(WorldSpawn::default()),
        7,
    )
    .policy(world.policy.clone())
    .ahead_of_time(false)
    .build()
    .await;
    world.expire().await;
    let error = process.token().await.unwrap_err();
    assert_ne!(error.code(), "outcome_unknown");
    assert_eq!(world.store.record().doubts, 0, "the refresh token never left: {error}");
    // The renewal goes on for its three attempts, then lets go.
    world.pass(secs(120)).await;
    let lease = world.store.lease(&Key::new("acme"), Duration::ZERO).await;
    assert!(lease.is_ok(), "the lease was not released");
}
