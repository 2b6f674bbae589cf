//! Sequences of events that somebody hostile would think of, in the same small world.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use unlapse::{Breakers as _, Builder, Error, Event, Exchange as _, Key, MemoryBreakers, Secret};
use unlapse_core::{
    Admission, Breaker, Cause, Demand, Grant, Now, Plan, Policy, Record, Reuse, Rules, Rungs,
    Situation, Spend, Store as _, StoreError, UnixTime, plan,
};
use world::{Fault, World, WorldSpawn, WorldStore};

const LOGIN: Rungs = Rungs { refresh: true, login: true, api_key: false };

fn full() -> StoreError {
    StoreError::Full { place: "the disk".to_owned() }
}

fn damaged() -> StoreError {
    StoreError::Damaged { key: Key::new("acme"), damage: unlapse_core::Damage::Corrupt, kept: None }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

// --- R7: what may be sent again, and when

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

// --- R5: what is not saved is not lost

#[tokio::test(start_paused = true)]
async fn r5_c8_a_refused_tokens_successor_survives_a_full_disk() {
    let mut world = World::new(Reuse::Strict);
    world.log_in().await;
    world.policy.rules = Rules { max_lifetime: Some(secs(86_400)), ..Rules::default() };
    let process = world.process().await;
    world.expire().await;
    world.store.fail_saves(1, full(), true);
    world.server.fault(Fault::Opaque);
    assert_eq!(process.token().await.unwrap_err().code(), "token_rule_broken");
    world.store.heal();
    let token = process.token().await;
    assert_eq!(world.server.families_revoked(), 0, "rt-1 was sent twice");
    assert!(token.is_ok(), "{token:?}");
}

#[tokio::test(start_paused = true)]
async fn r5_an_edit_drops_no_unsaved_token() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    world.store.fail_saves(1, full(), true);
    assert!(process.token().await.unwrap().is_unsaved);
    world.store.heal();
    world.pass(secs(1)).await;
    // Somebody stores other credentials beside the token.
    process.edit(|record, _| record.next(|record| record.doubts += 1)).await.unwrap();
    let token = process.token().await;
    assert_eq!(world.server.families_revoked(), 0, "rt-1 was sent twice");
    assert_eq!(token.unwrap().secret.expose(), "at-2");
}

#[tokio::test(start_paused = true)]
async fn r5_r14_the_api_key_takes_no_unsaved_tokens_place() {
    let mut world = World::new(Reuse::Strict);
    world.policy.api_key_while_away = true;
    world.log_in().await;
    let breakers = Arc::new(MemoryBreakers::default());
    let process = world
        .builder()
        .ahead_of_time(false)
        .breakers(Arc::clone(&breakers) as _)
        .api_key(Secret::new("key"))
        .build()
        .await;
    world.expire().await;
    world.store.fail_saves(1, full(), true);
    let bearer = process.bearer().await.unwrap();
    assert!(process.info().await.unwrap().is_unsaved);
    // Another key of the same endpoint has opened the breaker; a server says 401 to this one.
    let now = unlapse::Clock::now(&*world.clock).wall;
    let open = Breaker {
        failures: 5,
        open_until: Some(now.plus(secs(300))),
        open_for: secs(300),
        trial_since: None,
    };
    breakers.update(&world.server.endpoint(), &mut |_| open);
    assert_eq!(process.reject(bearer.generation()).await.unwrap().header(), "Bearer key");
    world.store.heal();
    process.settle().await.unwrap();
    assert_eq!(world.store.record().generation, 2, "rt-2 is gone for ever");
}

#[tokio::test(start_paused = true)]
async fn r5_r20_an_observer_that_panics_costs_no_token() {
    let world = World::new(Reuse::Strict);
    let panicked = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let told = Arc::clone(&panicked);
    world.log_in().await;
    let process = Builder::with_effects(
        Key::new("acme"),
        Arc::clone(&world.store) as _,
        Arc::clone(&world.server) as _,
        Arc::clone(&world.clock) as _,
        Arc::new(WorldSpawn::default()),
        7,
    )
    .policy(world.policy.clone())
    .ahead_of_time(false)
    .observer(Arc::new(move |_, event| {
        if matches!(event, Event::ClockOff { .. }) {
            told.store(true, Ordering::SeqCst);
            panic!("planted");
        }
    }))
    .build()
    .await;
    *world.server.clock_ahead.lock().unwrap() = 3_600_000;
    world.expire().await;
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
    assert!(panicked.load(Ordering::SeqCst), "the observer was told");
    assert_eq!(world.store.record().generation, 2);
    assert_eq!(world.server.families_revoked(), 0);
    assert!(world.server.is_alive());
}

// --- K9 and generations: logout, and a login after it

#[tokio::test(start_paused = true)]
async fn k9_an_unsaved_token_does_not_come_back_after_a_logout() {
    let world = World::new(Reuse::Strict);
    world.log_in().await;
    let holder = world.builder().build().await;
    world.expire().await;
    world.store.fail_saves(1, full(), true);
    let _ = holder.refresh().await;
    assert!(holder.info().await.unwrap().is_unsaved);
    world.store.heal();
    // Before the holder saves it, somebody logs out.
    world.process().await.clear().await.unwrap();
    world.pass(secs(120)).await;
    assert_eq!(world.store.record().token, None, "the login that was cleared is back");
}

#[tokio::test(start_paused = true)]
async fn k9_an_unsaved_token_of_an_earlier_login_does_not_replace_a_new_one() {
    let world = World::new(Reuse::Strict);
    let first = world.log_in().await;
    for _ in 0..3 {
        first.force_refresh().await.unwrap();
    }
    let holder = world.builder().build().await;
    world.expire().await;
    world.store.fail_saves(1, full(), true);
    let _ = holder.force_refresh().await;
    assert!(holder.info().await.unwrap().is_unsaved);
    world.store.heal();
    let person = world.process().await;
    person.clear().await.unwrap();
    let grant = world.server.open();
    let new = grant.access_token.clone();
    person.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    world.pass(secs(120)).await;
    let stored = world.store.record().token.unwrap().access_token;
    assert_eq!(stored, new, "the new login was overwritten");
}

#[tokio::test(start_paused = true)]
async fn r13_a_late_401_from_before_a_new_login_costs_nothing() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    for _ in 0..8 {
        process.force_refresh().await.unwrap();
    }
    let old = process.bearer().await.unwrap().generation();
    world.pass(secs(1)).await;
    let person = world.process().await;
    person.clear().await.unwrap();
    let grant = world.server.open();
    person.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    let requests = world.server.requests();
    let bearer = process.reject(old).await;
    assert!(bearer.is_ok(), "{bearer:?}");
    assert!(world.server.requests() - requests <= 1, "{}", world.server.requests() - requests);
}

#[tokio::test(start_paused = true)]
async fn a1_obtain_after_a_logout_elsewhere_logs_in_once() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = LOGIN;
    let process = world.log_in().await;
    for _ in 0..8 {
        process.force_refresh().await.unwrap();
    }
    world.process().await.clear().await.unwrap();
    world.pass(secs(1)).await;
    let token = process.obtain().await;
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 1);
    assert!(token.is_ok(), "{token:?}");
}

#[tokio::test(start_paused = true)]
async fn k9_a_look_under_way_brings_nothing_back_after_clear() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.store.slow_looks(Duration::from_millis(10));
    let looking = {
        let process = process.clone();
        tokio::spawn(async move { process.info().await })
    };
    world.pass(Duration::from_millis(5)).await;
    process.clear().await.unwrap();
    let _ = looking.await.unwrap();
    let token = process.token().await;
    assert!(token.is_err(), "cleared, and served: {token:?}");
}

// --- R10, R11: valid tokens, and tokens that are not

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
async fn r14_a_record_that_cannot_be_read_now_is_not_logged_over() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = LOGIN;
    let process = world.log_in().await;
    let before = process.refresh().await.unwrap();
    world.pass(secs(3400)).await;
    world.store.fail_reads(StoreError::Io {
        place: "the record".to_owned(),
        kind: std::io::ErrorKind::Other,
    });
    assert_eq!(process.token().await.unwrap().secret, before.secret);
    world.pass(secs(2)).await;
    world.store.heal();
    let stored = world.store.record();
    assert!(stored.generation >= 2, "a good login was replaced: generation {}", stored.generation);
}

#[tokio::test(start_paused = true)]
async fn r14_a_store_that_is_away_starts_no_login_while_memory_has_one() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = LOGIN;
    let process = world.log_in().await;
    process.refresh().await.unwrap();
    world.pass(secs(3400)).await;
    world.store.go_away(StoreError::ReadOnly { place: "the disk".to_owned() });
    assert_eq!(process.token().await.unwrap().generation, 2);
    world.pass(secs(2)).await;
    let generation = process.bearer().await.unwrap().generation();
    assert!(generation >= 2, "readers went back to generation {generation}");
    assert_eq!(world.server.logins.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn r9_a_refused_extra_login_is_no_answer_to_who_wants_any_token() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = LOGIN;
    *world.server.refuse_login.lock().unwrap() = true;
    let process = world.log_in().await;
    world.expire().await;
    let obtaining = {
        let process = process.clone();
        tokio::spawn(async move { process.obtain().await })
    };
    world.pass(Duration::from_millis(10)).await;
    let token = process.token().await;
    assert!(obtaining.await.unwrap().is_err());
    // The login is alive, and its refresh token was never asked about.
    assert!(token.is_ok(), "{token:?}");
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
async fn c4_a_damage_is_not_told_after_a_new_login() {
    let world = World::new(Reuse::Strict);
    world.store.go_away(damaged());
    let process = world.process().await;
    world.store.heal();
    let grant = world.server.open();
    process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    assert!(process.token().await.is_ok());
    process.clear().await.unwrap();
    assert_eq!(process.token().await.unwrap_err().code(), "login_needed");
}

#[tokio::test(start_paused = true)]
async fn c4_a_damage_is_told_to_a_caller_not_to_a_keeper() {
    let world = World::new(Reuse::Strict);
    world.store.go_away(damaged());
    let kept = world.builder().build().await;
    world.store.heal();
    world.pass(secs(61)).await;
    assert_ne!(kept.token().await.unwrap_err().code(), "login_needed");
}

#[tokio::test(start_paused = true)]
async fn a6_a_token_that_fits_no_header_is_not_called_a_missing_login() {
    let world = World::new(Reuse::Strict);
    let process = world.process().await;
    let mut grant = Grant::bearer(Secret::new("bad\ntoken"));
    grant.expires_in = Some(secs(3600));
    process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    let error = process.bearer().await.unwrap_err();
    assert!(!matches!(
        error,
        Error::NeedsLogin { reason: unlapse_core::LoginReason::NeverLoggedIn, .. }
    ));
}

// --- the keeper

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

// --- R15, R16

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
    let over =
        Breaker { failures: 5, open_until: Some(now), open_for: secs(300), trial_since: None };
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

// --- the wire: what was never sent leaves no doubt

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

// --- what holds

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

#[tokio::test(start_paused = true)]
async fn c4_r5_an_answer_too_large_to_keep_is_kept_without_its_id_token() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.store.limit(unlapse_core::MAX_RECORD);
    *world.server.id_token.lock().unwrap() = 70_000;
    world.expire().await;
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
    drop(process);
    // The next process, much later.
    *world.server.id_token.lock().unwrap() = 0;
    world.expire().await;
    let token = world.process().await.token().await;
    assert_eq!(world.server.families_revoked(), 0, "rt-2 fits, and was dropped");
    assert!(token.is_ok(), "{token:?}");
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
