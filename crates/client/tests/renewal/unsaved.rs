//! Stores that fail: what is not saved is not lost (R3, R5, C4, C16).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use unlapse::{Breakers as _, Builder, Event, Exchange as _, Key, MemoryBreakers, Secret};
use unlapse_core::{Breaker, Reuse, Rules, Rungs, StoreError};

use crate::world::{Fault, World, WorldSpawn};
use crate::{LOGIN, damaged, full, secs};

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
        is_there: false,
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
async fn c4_a_damage_that_a_look_finds_is_told_as_well() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.store.go_away(damaged());
    world.pass(secs(61)).await;
    process.token().await.unwrap();
    // The look behind that call finds the damage, and the store sets the record aside.
    world.pass(secs(1)).await;
    world.store.heal();
    *world.store.kept.lock().unwrap() = None;
    world.expire().await;
    assert_eq!(process.token().await.unwrap_err().code(), "store_damaged");
}

#[tokio::test(start_paused = true)]
async fn c4_a_damage_outlives_an_error_that_it_is_not_to_blame_for() {
    let world = World::new(Reuse::Strict);
    world.store.go_away(damaged());
    let process = world.process().await;
    world.store.heal();
    world.server.rungs.lock().unwrap().login = true;
    for _ in 0..3 {
        world.server.fault(Fault::Unsent);
    }
    assert_eq!(process.token().await.unwrap_err().code(), "temporary_failure");
    world.server.rungs.lock().unwrap().login = false;
    world.pass(secs(60)).await;
    assert_eq!(process.token().await.unwrap_err().code(), "store_damaged");
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
