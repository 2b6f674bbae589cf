//! Renewals by somebody else's schedule, of keys that need not be in memory.

use std::sync::Arc;
use std::time::Duration;

use unlapse::{Event, Key, Policy, Renewal};
use unlapse_core::{Demand, Rejection, Store as _, StoreError};

use crate::farm::Farm;
use crate::secs;
use crate::world::Fault;

#[tokio::test(start_paused = true)]
async fn i8_a_scheduled_renewal_leaves_nothing_in_memory() {
    let key = Key::new("acme");
    let farm = Farm::new([key.clone()], |_| 3600);
    let sources = farm.builder().ahead_of_time(false).build();
    let token = sources.renew(&key, Renewal::due(1)).await.unwrap();
    assert_eq!((token.generation, farm.requests(|_| true)), (2, 1));
    assert!(sources.keys().is_empty());
    // Somebody has renewed since: theirs is as good.
    let token = sources.renew(&key, Renewal::due(1)).await.unwrap();
    assert_eq!((token.generation, farm.requests(|_| true)), (2, 1));
    let token = sources.renew(&key, Renewal::forced()).await.unwrap();
    assert_eq!((token.generation, farm.requests(|_| true)), (3, 2));
    let events = farm.events.lock().unwrap();
    let started = |(_, event): &(Key, Event)| match event {
        Event::Started { demand, automatic } => Some((*demand, *automatic)),
        _ => None,
    };
    let started: Vec<_> = events.iter().filter_map(started).collect();
    let due = (Demand::NewerThan(1), true);
    assert_eq!(started, [due, due, (Demand::Force, false)]);
}

#[tokio::test(start_paused = true)]
async fn i8_what_is_in_memory_serves_the_new_token_at_once() {
    let key = Key::new("acme");
    let farm = Farm::new([key.clone()], |_| 3600);
    let sources = farm.builder().ahead_of_time(false).build();
    let source = sources.source(&key).await;
    assert_eq!(source.bearer_now().unwrap().header(), "Bearer at-1");
    sources.renew(&key, Renewal::due(1)).await.unwrap();
    assert_eq!(source.bearer_now().unwrap().header(), "Bearer at-2");
    // By another policy it is another source's work, and the same news.
    let policy = Arc::new(Policy { attempts: 1, ..Policy::default() });
    sources.renew(&key, Renewal::due(2).policy(policy)).await.unwrap();
    assert_eq!(source.bearer_now().unwrap().header(), "Bearer at-3");
    assert_eq!(sources.keys(), [key]);
}

#[tokio::test(start_paused = true)]
async fn i2_a_renewal_that_is_asked_for_tries_as_often_as_its_policy_says() {
    let key = Key::new("acme");
    for (attempts, expected) in [(1, 1), (4, 4)] {
        let farm = Farm::new([key.clone()], |_| 3600);
        for _ in 0..9 {
            farm.servers[&key].fault(Fault::Status(503, None));
        }
        let sources = farm.builder().ahead_of_time(false).build();
        let policy = Arc::new(Policy { attempts, ..Policy::default() });
        let error = sources.renew(&key, Renewal::forced().policy(policy)).await.unwrap_err();
        assert_eq!(error.code(), "temporary_failure");
        assert_eq!(farm.requests(|_| true), expected);
        // The connection is all there (I4).
        let token = farm.store.read(&key).unwrap().record.token.unwrap();
        assert_eq!(token.refresh_token.unwrap().expose(), "rt-1");
    }
}

#[tokio::test(start_paused = true)]
async fn i4_r9_only_a_verdict_ends_a_login_on_schedule() {
    let key = Key::new("acme");
    let farm = Farm::new([key.clone()], |_| 3600);
    farm.servers[&key].fault(Fault::Reject(Rejection::InvalidGrant));
    let sources = farm.builder().ahead_of_time(false).build();
    let error = sources.renew(&key, Renewal::due(1)).await.unwrap_err();
    assert!(error.needs_login());
    // What is valid is served all the same (R10).
    let token = sources.source(&key).await.token().await.unwrap();
    assert_eq!(token.generation, 1);
}

#[tokio::test(start_paused = true)]
async fn r6_a_schedule_that_is_dropped_changes_nothing() {
    let key = Key::new("acme");
    let farm = Farm::new([key.clone()], |_| 3600);
    let sources = farm.builder().ahead_of_time(false).build();
    let renewing = sources.renew(&key, Renewal::due(1));
    assert!(tokio::time::timeout(Duration::from_millis(1), renewing).await.is_err());
    farm.pass(secs(5)).await;
    assert_eq!(farm.requests(|_| true), 1);
    assert_eq!(farm.store.read(&key).unwrap().record.generation, 2);
}

/// From the next durable intent on, nothing can be written.
fn fails_after_the_intent(farm: &Farm, key: &Key) {
    let full = StoreError::Full { place: "memory".to_owned() };
    let (store, of) = (farm.store.clone(), key.clone());
    tokio::spawn(async move {
        while store.read(&of).is_none_or(|stored| stored.record.intent.is_none()) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        store.fail_saves(Some(full.clone()));
        store.fail_asides(Some(full));
    });
}

#[tokio::test(start_paused = true)]
async fn r5_what_a_scheduled_renewal_could_not_save_is_saved_later() {
    let key = Key::new("acme");
    let farm = Farm::new([key.clone()], |_| 3600);
    let sources = farm.builder().ahead_of_time(false).build();
    fails_after_the_intent(&farm, &key);
    let token = sources.renew(&key, Renewal::due(1)).await.unwrap();
    assert!(token.is_unsaved);
    farm.pass(secs(1)).await;
    assert_eq!(sources.save().await, 1);
    assert_eq!(sources.settle().await.unwrap_err().failed.len(), 1);
    farm.store.fail_saves(None);
    farm.store.fail_asides(None);
    assert_eq!(sources.save().await, 0);
    assert_eq!(farm.store.read(&key).unwrap().record.generation, 2);
    sources.settle().await.unwrap();
    assert_eq!(farm.servers[&key].families_revoked(), 0);
}

#[tokio::test(start_paused = true)]
async fn r17_a_token_that_waits_for_its_lease_holds_up_few_others_that_are_to_be_saved() {
    let keys: Vec<_> = (0..12).map(|nth| Key::new(format!("k{nth:02}"))).collect();
    let farm = Farm::new(keys.clone(), |_| 3600);
    let sources = farm.builder().ahead_of_time(false).build();
    for key in &keys {
        fails_after_the_intent(&farm, key);
        assert!(sources.renew(key, Renewal::due(1)).await.unwrap().is_unsaved);
        farm.store.fail_saves(None);
        farm.store.fail_asides(None);
    }
    // Somebody has the leases of all but one, and takes their time.
    let (last, others) = keys.split_last().unwrap();
    let mut leases = Vec::new();
    for key in others {
        leases.push(farm.store.lease(key, secs(1)).await.unwrap());
    }
    let saving = tokio::spawn({
        let sources = sources.clone();
        async move { sources.save().await }
    });
    while farm.store.read(last).unwrap().record.generation != 2 {
        assert!(!saving.is_finished(), "it waits for the others");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!saving.is_finished(), "the others are not saved");
    drop(leases);
    assert_eq!(saving.await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn r5_what_a_scheduled_renewal_could_not_save_is_found_by_all_that_follow() {
    let key = Key::new("acme");
    for heals in [false, true] {
        let farm = Farm::new([key.clone()], |_| 3600);
        let sources = farm.builder().ahead_of_time(false).build();
        fails_after_the_intent(&farm, &key);
        assert!(sources.renew(&key, Renewal::due(1)).await.unwrap().is_unsaved);
        if heals {
            farm.store.fail_saves(None);
            farm.store.fail_asides(None);
        }
        // The old access token has ended: who does not know its successor has a last resort (R7).
        farm.pass(secs(3599)).await;
        let (again, source) =
            tokio::join!(sources.renew(&key, Renewal::due(1)), sources.source(&key));
        assert_eq!(again.unwrap().generation, 2);
        assert_eq!(source.token().await.unwrap().generation, 2);
        let policy = Arc::new(Policy { attempts: 1, ..Policy::default() });
        let by_another = sources.renew(&key, Renewal::due(1).policy(policy)).await;
        assert_eq!(by_another.unwrap().generation, 2);
        assert_eq!(farm.requests(|_| true), 1);
        farm.store.fail_saves(None);
        farm.store.fail_asides(None);
        sources.settle().await.unwrap();
        assert_eq!(farm.store.read(&key).unwrap().record.generation, 2);
        assert_eq!(farm.servers[&key].families_revoked(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn r6_whoever_settles_waits_for_renewals_that_nobody_waits_for() {
    let key = Key::new("acme");
    for renewal in [Renewal::due(1), Renewal::forced()] {
        let farm = Farm::new([key.clone()], |_| 3600);
        let sources = farm.builder().ahead_of_time(false).build();
        // Asked for, and dropped before its task has begun.
        let mut renewing = Box::pin(sources.renew(&key, renewal));
        let asked = std::future::poll_fn(|context| {
            std::task::Poll::Ready(renewing.as_mut().poll(context).is_pending())
        });
        assert!(asked.await);
        drop(renewing);
        sources.settle().await.unwrap();
        assert_eq!(farm.requests(|_| true), 1);
        assert_eq!(farm.store.read(&key).unwrap().record.generation, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn k1_no_more_sources_stay_than_there_is_room_for() {
    let keys: Vec<_> = (0..100).map(|number| Key::new(format!("{number:03}"))).collect();
    let farm = Farm::new(keys.clone(), |_| 3600);
    let sources = farm.builder().ahead_of_time(false).at_most(16).build();
    let held = sources.source(&keys[0]).await;
    for key in &keys[1..] {
        farm.pass(secs(1)).await;
        sources.source(key).await;
        assert!(sources.keys().len() <= 16);
    }
    // The latest are there, and what is held.
    let left = sources.keys();
    assert!(left.contains(&keys[99]) && left.contains(&keys[98]) && left.contains(&keys[0]));
    assert!(!left.contains(&keys[50]));
    assert_eq!(held.bearer().await.unwrap().header(), "Bearer at-1");
}
