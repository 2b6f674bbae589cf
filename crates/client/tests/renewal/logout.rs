//! Logouts, and logins after them (K9).

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use unlapse::{Event, Spawn as _};
use unlapse_core::Reuse;

use crate::world::{Fault, World, WorldSpawn};
use crate::{LOGIN, full, secs};

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

#[tokio::test(start_paused = true)]
async fn k9_a_clear_that_dies_at_any_step_leaves_the_login_or_the_mark() {
    let mut outcomes = BTreeSet::new();
    for step in 0..12 {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        let dying = WorldSpawn { dies_after: Some(step) };
        dying.spawn(Box::pin(async move { drop(process.clear().await) }));
        world.pass(secs(1)).await;
        let left = world.store.kept.lock().unwrap().clone();
        let left = left.unwrap_or_else(|| panic!("dead at step {step}: nothing is left"));
        let is_cleared = left.token.is_none();
        assert_eq!(is_cleared, left.generation > 1, "dead at step {step}: {left:?}");
        assert_eq!(world.process().await.token().await.is_err(), is_cleared, "step {step}");
        outcomes.insert(is_cleared);
    }
    assert_eq!(outcomes.len(), 2, "the last steps are behind the end of a clear");
}

#[tokio::test(start_paused = true)]
async fn k9_what_has_no_room_for_its_mark_is_cleared_all_the_same() {
    for takes_a_copy in [true, false] {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        world.store.fail_saves(0, full(), !takes_a_copy);
        process.clear().await.unwrap();
        assert_eq!(*world.store.kept.lock().unwrap(), None, "a copy: {takes_a_copy}");
        let aside = world.store.aside.lock().unwrap().clone();
        assert_eq!(aside.is_some(), takes_a_copy);
        assert!(aside.as_ref().is_none_or(|mark| mark.token.is_none() && mark.generation > 1));
        assert!(world.process().await.token().await.unwrap_err().needs_login());
        world.store.heal();
        // Whoever logs in next counts on from the mark.
        let grant = world.server.open();
        let person = world.process().await;
        person.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
        let login = world.store.record().generation;
        assert_eq!(login, aside.map_or(0, |mark| mark.generation) + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn k9_r19_no_answer_that_was_on_its_way_brings_a_login_back() {
    for unsaved in [0, 1] {
        // Where the intent guards nothing, a store that takes nothing stops no renewal: its answers
        // get ahead of what is stored.
        let world = World::new(Reuse::Stable);
        let process = world.log_in().await;
        world.store.fail_saves(0, full(), true);
        for _ in 0..unsaved {
            world.expire().await;
            assert!(process.token().await.unwrap().is_unsaved);
        }
        world.expire().await;
        *world.server.latency.lock().unwrap() = secs(2);
        let asking = {
            let process = process.clone();
            tokio::spawn(async move { drop(process.token().await) })
        };
        world.pass(secs(1)).await;
        assert_eq!(world.server.requests(), unsaved + 1);
        world.store.lose_lease();
        world.store.heal();
        world.process().await.clear().await.unwrap();
        asking.await.unwrap();
        // Set aside, and of no account.
        let aside = world.store.aside.lock().unwrap().clone();
        assert_eq!(aside.map(|record| record.generation), Some(unsaved + 2));
        let token = world.process().await.token().await;
        assert!(token.as_ref().is_err_and(unlapse::Error::needs_login), "{unsaved}: {token:?}");
        // Nor where it was asked for, beyond the time that a process trusts its memory.
        world.pass(secs(61)).await;
        let _ = process.token().await;
        world.pass(secs(1)).await;
        let token = process.token().await;
        assert!(token.as_ref().is_err_and(unlapse::Error::needs_login), "{unsaved}: {token:?}");
        assert_eq!(world.store.record().token, None);
    }
}

#[tokio::test(start_paused = true)]
async fn k9_r10_a_token_that_cannot_be_renewed_is_not_served_beyond_a_logout() {
    for ahead in [true, false] {
        let world = World::new(Reuse::Strict);
        let person = world.log_in().await;
        let process = world.builder().ahead_of_time(ahead).build().await;
        (0..100).for_each(|_| world.server.fault(Fault::Unsent));
        world.pass(secs(3330)).await;
        // Rounds that fail, each of which serves the token until the next.
        for _ in 0..70 {
            assert_eq!(process.token().await.unwrap().secret.expose(), "at-1", "ahead: {ahead}");
            world.pass(secs(1)).await;
        }
        person.clear().await.unwrap();
        for _ in 0..61 {
            world.pass(secs(1)).await;
            let _ = process.token().await;
        }
        let token = process.token().await;
        assert!(token.is_err_and(|error| error.needs_login()), "ahead: {ahead}");
        assert!(process.bearer_now().is_none(), "ahead: {ahead}");
    }
}

#[tokio::test(start_paused = true)]
async fn k9_r5_an_unsaved_token_is_dropped_when_somebody_has_logged_out() {
    // A logout that leaves its mark, and one that had no room for it.
    for heals_before in [true, false] {
        for ahead in [true, false] {
            let world = World::new(Reuse::Strict);
            world.log_in().await;
            let holder = world.builder().ahead_of_time(ahead).build().await;
            world.store.fail_saves(1, full(), true);
            assert!(holder.refresh().await.unwrap().is_unsaved);
            if heals_before {
                world.store.heal();
            }
            world.process().await.clear().await.unwrap();
            world.store.heal();
            // A keeper tries to save it; without one, who is about to end does.
            if ahead {
                world.pass(secs(5)).await;
            } else {
                holder.settle().await.unwrap();
            }
            let row = format!("heals before: {heals_before}, ahead: {ahead}");
            assert!(holder.bearer_now().is_none(), "{row}");
            let token = holder.token().await;
            assert!(token.is_err_and(|error| error.needs_login()), "{row}");
            assert_eq!(world.store.record().token, None, "{row}");
            assert!(!world.saw(|event| matches!(event, Event::Saved { .. })), "{row}");
        }
    }
}
