//! The rules of the renewal, one by one, in a small world of virtual time.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

mod world;

use std::sync::atomic::Ordering;
use std::time::Duration;

use unlapse::{Error, Event};
use unlapse_core::{Cause, LoginReason, Rejection, Reuse, Rules, Rungs, State, StoreError};
use world::{Fault, World};

const GRACE: Reuse = Reuse::Grace(Duration::from_secs(30));

fn full() -> StoreError {
    StoreError::Full { place: "the disk".to_owned() }
}

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
async fn r8_a_firewalls_page_ends_no_login() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    for status in [403, 200, 407] {
        world.server.fault(Fault::Html(status));
    }
    let error = process.token().await.unwrap_err();
    assert!(matches!(error, Error::Temporary { cause: Cause::Html(407), .. }), "{error}");
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
}

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
async fn r5_a_full_disk_at_every_write_costs_no_token_and_no_login() {
    for from in 0..4 {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        world.expire().await;
        world.store.fail_saves(from, full(), false);
        let token = process.token().await.unwrap();
        assert_eq!(token.secret.expose(), "at-2", "full from write {from} on");
        assert_eq!(token.is_unsaved, from < 2, "full from write {from} on");
        // Another process finds what was set aside, and sends nothing.
        let other = world.process().await.token().await.unwrap();
        assert_eq!(other.secret.expose(), "at-2");
        assert_eq!(world.server.requests(), 1);
        // The disk is back.
        world.store.heal();
        process.settle().await.unwrap();
        assert_eq!(world.store.record().generation, 2);
        assert!(!process.info().await.unwrap().is_unsaved);
        assert_eq!(world.server.families_revoked(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn r5_when_nothing_at_all_can_be_written_after_the_intent_memory_holds_the_token() {
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    let process = world.builder().build().await;
    world.expire().await;
    world.pass(Duration::from_secs(1)).await;
    world.expire().await;
    world.store.fail_saves(1, full(), true);
    assert!(process.refresh().await.unwrap().is_unsaved);
    let generation = process.info().await.unwrap().generation;
    world.store.heal();
    // The keeper saves it as soon as it can.
    world.pass(Duration::from_secs(120)).await;
    assert_eq!(world.store.record().generation, generation);
    assert!(world.saw(|event| matches!(event, Event::Saved { .. })));
    assert_eq!(world.server.families_revoked(), 0);
}

#[tokio::test(start_paused = true)]
async fn r3_without_a_durable_intent_nothing_single_use_leaves() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    world.store.fail_saves(0, full(), true);
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "store_full");
    assert_eq!(world.server.requests(), 0);
    world.store.heal();
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
}

#[tokio::test(start_paused = true)]
async fn c16_without_a_store_a_login_that_spends_nothing_still_works() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = Rungs { refresh: true, login: true, api_key: false };
    world.store.go_away(StoreError::ReadOnly { place: "the disk".to_owned() });
    let process = world.process().await;
    let token = process.token().await.unwrap();
    assert!(token.is_unsaved);
    assert!(world.saw(|event| matches!(event, Event::StoreAway { .. })));
    // Storing is tried again.
    world.store.heal();
    process.settle().await.unwrap();
    assert_eq!(world.store.record().generation, 1);
}

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
async fn r9_r14_the_ladder_goes_down_on_rejection_only() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = Rungs { refresh: true, login: true, api_key: false };
    let process = world.log_in().await;
    world.expire().await;
    for _ in 0..3 {
        world.server.fault(Fault::Status(503, None));
    }
    assert!(process.token().await.is_err());
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 0, "trouble starts no login");
    world.server.fault(Fault::Reject(Rejection::InvalidGrant));
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn r14_rejected_credentials_are_not_tried_again_and_the_api_key_stands_in() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = Rungs { refresh: true, login: true, api_key: false };
    *world.server.refuse_login.lock().unwrap() = true;
    let process = world.process().await;
    let error = process.token().await.unwrap_err();
    assert!(error.needs_login());
    assert!(process.token().await.unwrap_err().needs_login());
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 1, "accounts are locked for more");
    let with_key = world.builder().api_key(unlapse::Secret::new("key")).build().await;
    let token = with_key.token().await.unwrap();
    assert!(token.is_api_key);
    assert_eq!(with_key.bearer().await.unwrap().header(), "Bearer key");
}

#[tokio::test(start_paused = true)]
async fn r9_a_rejected_client_is_no_rejected_login() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    world.server.fault(Fault::Reject(Rejection::InvalidClient));
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "client_rejected");
    assert_eq!(world.store.record().state, State::Active);
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
}

#[tokio::test(start_paused = true)]
async fn r9_an_ended_login_still_serves_its_token() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.pass(Duration::from_secs(3400)).await;
    world.server.fault(Fault::Reject(Rejection::InvalidGrant));
    let error = process.refresh().await.unwrap_err();
    assert!(error.needs_login());
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
    world.expire().await;
    assert!(process.token().await.unwrap_err().needs_login());
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
    use unlapse_core::Store as _;
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
async fn c8_a_token_that_breaks_a_rule_is_refused_and_its_successor_kept() {
    let mut world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    drop(process);
    world.policy.rules =
        Rules { max_lifetime: Some(Duration::from_secs(86_400)), ..Rules::default() };
    let process = world.process().await;
    world.expire().await;
    world.server.fault(Fault::Opaque);
    let error = process.token().await.unwrap_err();
    assert_eq!(error.code(), "token_rule_broken");
    // The refresh token that came with it was kept: the login is alive.
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-3");
    assert_eq!(world.server.families_revoked(), 0);
}

#[tokio::test(start_paused = true)]
async fn a1_refresh_force_and_obtain() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = Rungs { refresh: true, login: true, api_key: false };
    let (one, two) = (world.log_in().await, world.process().await);
    assert_eq!(one.refresh().await.unwrap().generation, 2);
    // `two` has not looked since: somebody else's renewal is as good as its own.
    assert_eq!(two.refresh().await.unwrap().generation, 2);
    assert_eq!(two.force_refresh().await.unwrap().generation, 3);
    assert_eq!(one.obtain().await.unwrap().generation, 4);
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn k9_clear_reaches_other_processes_within_their_trust_time() {
    let world = World::new(Reuse::Strict);
    let one = world.log_in().await;
    let two = world.builder().build().await;
    assert!(two.token().await.is_ok());
    assert_eq!(one.log_out().await.unwrap(), unlapse::Revoked::Done);
    assert!(one.token().await.unwrap_err().needs_login());
    world.pass(Duration::from_secs(61)).await;
    assert!(two.token().await.unwrap_err().needs_login());
    // A new login, whose generation starts again, is found as well.
    let grant = world.server.open();
    one.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    world.pass(Duration::from_secs(61)).await;
    assert!(two.token().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn r1_c7_looking_for_a_newer_token_takes_no_lease() {
    use unlapse_core::Store as _;
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
async fn r5_what_a_person_brings_is_set_aside_or_nothing_has_happened() {
    let world = World::new(Reuse::Strict);
    let process = world.process().await;
    world.store.fail_saves(0, full(), false);
    let grant = world.server.open();
    process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    assert!(world.saw(|event| matches!(event, Event::Unsaved { set_aside: true, .. })));
    assert_eq!(world.process().await.token().await.unwrap().secret.expose(), "at-1");
    // No place at all: an error, and the login that there was.
    world.store.fail_saves(0, full(), true);
    let grant = world.server.open();
    let edited = process.edit(|record, now| record.logged_in(grant, now)).await;
    assert_eq!(edited.unwrap_err().code(), "store_full");
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
    world.store.heal();
    process.settle().await.unwrap();
    assert_eq!(world.store.record().generation, 1);
}
