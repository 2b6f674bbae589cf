//! Leases that were lost, or may have been: what their holders still do, and what not (R1, R19).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use unlapse::{Event, Key, Secret, TokenSource};
use unlapse_core::{Grant, Reuse, Store as _, StoreError};

use crate::world::{Fault, World};
use crate::{GRACE, full, secs};

fn io() -> StoreError {
    StoreError::Io { place: "the disk".to_owned(), kind: std::io::ErrorKind::Other }
}

fn read_only() -> StoreError {
    StoreError::ReadOnly { place: "the disk".to_owned() }
}

/// A caller without a valid token, whose renewal is in front of the server.
async fn in_flight(world: &World, process: &TokenSource) -> tokio::task::JoinHandle<()> {
    *world.server.latency.lock().unwrap() = secs(2);
    let asking = {
        let process = process.clone();
        tokio::spawn(async move { drop(process.token().await) })
    };
    world.pass(secs(1)).await;
    assert_eq!(world.server.requests(), 1);
    asking
}

#[tokio::test(start_paused = true)]
async fn r1_r19_no_request_follows_an_intent_that_was_fenced() {
    for class in [Reuse::Strict, Reuse::Unknown, GRACE, Reuse::UntilUsed, Reuse::Stable] {
        let world = World::new(class);
        let process = world.log_in().await;
        world.expire().await;
        world.store.fail_saves(0, StoreError::Fenced, false);
        let token = process.token().await;
        assert!(token.is_err(), "{class:?}: {token:?}");
        assert_eq!(world.server.requests(), 0, "{class:?}");
        // Nor does it lie where it could hide what the new holder does.
        assert_eq!(*world.store.aside.lock().unwrap(), None, "{class:?}");
        world.store.heal();
        assert_eq!(process.token().await.unwrap().secret.expose(), "at-2", "{class:?}");
        assert_eq!(world.server.requests(), 1, "{class:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn r1_r19_a_caller_whose_renewal_was_fenced_gets_the_new_holders_token() {
    for class in [Reuse::Strict, GRACE, Reuse::Stable] {
        let world = World::new(class);
        world.log_in().await;
        world.expire().await;
        // Between the plan and the intent, the lease goes to another process, which renews.
        let (store, other) = (Arc::clone(&world.store), world.process().await);
        let lost = AtomicBool::new(false);
        let observer = move |_: &Key, event: &Event| {
            if matches!(event, Event::Spending { .. }) && !lost.swap(true, Ordering::SeqCst) {
                store.lose_lease();
                let other = other.clone();
                tokio::spawn(async move { other.token().await });
            }
        };
        let process = world.builder().ahead_of_time(false).observer(Arc::new(observer));
        let token = process.build().await.token().await;
        assert_eq!(world.server.requests(), 1, "{class:?}: {token:?}");
        assert_eq!(token.expect("the new holder's").secret.expose(), "at-2", "{class:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn r1_no_request_follows_an_intent_of_which_nobody_knows_whether_the_lease_is_held() {
    for (error, spends) in [(io(), false), (full(), true), (read_only(), true)] {
        for class in [Reuse::Strict, Reuse::Unknown, GRACE] {
            let world = World::new(class);
            let process = world.log_in().await;
            world.expire().await;
            world.store.fail_saves(0, error.clone(), false);
            let token = process.token().await;
            assert_eq!(token.is_ok(), spends, "{class:?}, {error:?}: {token:?}");
            assert_eq!(world.server.requests(), u64::from(spends), "{class:?}, {error:?}");
            world.store.heal();
            assert_eq!(process.token().await.unwrap().secret.expose(), "at-2", "{class:?}");
            assert_eq!(world.server.families_revoked(), 0, "{class:?}, {error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn r19_a_fenced_holder_sets_aside_what_was_granted() {
    let world = World::new(Reuse::Strict);
    let process = world.log_in().await;
    world.expire().await;
    let asking = in_flight(&world, &process).await;
    world.store.lose_lease();
    asking.await.unwrap();
    let aside = world.store.aside.lock().unwrap().clone();
    assert_eq!(aside.map(|record| record.generation), Some(2));
    // The next holder adopts it, and sends nothing.
    let next = world.process().await.refresh().await;
    assert_eq!(world.server.families_revoked(), 0, "rt-1 was sent twice: {next:?}");
    assert_eq!(world.store.record().generation, 3);
}

#[tokio::test(start_paused = true)]
async fn r19_a_fenced_holder_leaves_nothing_that_only_says_that_it_failed() {
    let faults = [Fault::Status(503, None), Fault::ReplyLost, Fault::DoneThenStatus(504)];
    for fault in faults {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        world.expire().await;
        world.server.fault(fault);
        let asking = in_flight(&world, &process).await;
        world.store.lose_lease();
        let begun = world.store.record();
        assert!(begun.intent.is_some(), "{fault:?}");
        // The new holder has not got round to anything: what is seen is what the old one left.
        let held = world.store.lease(&Key::new("acme"), Duration::ZERO).await.unwrap();
        asking.await.unwrap();
        assert_eq!(*world.store.aside.lock().unwrap(), None, "{fault:?}");
        assert_eq!(world.store.record(), begun, "{fault:?}");
        drop(held);
    }
}

#[tokio::test(start_paused = true)]
async fn r13_r19_a_fenced_grant_takes_no_newer_logins_place() {
    for logins in [1, 2] {
        let world = World::new(Reuse::Strict);
        let process = world.log_in().await;
        world.expire().await;
        let asking = in_flight(&world, &process).await;
        world.store.lose_lease();
        for login in 1..=logins {
            let mut grant = Grant::bearer(Secret::new(format!("by-hand-{login}")));
            grant.expires_in = Some(secs(3600));
            process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
        }
        let login = process.token().await.unwrap();
        asking.await.unwrap();
        world.pass(secs(5)).await;
        assert!(world.saw(|event| matches!(event, Event::Renewed { generation: 2 })));
        let after = process.token().await.unwrap();
        assert_eq!(after.secret, login.secret, "after {logins} logins");
        assert_eq!(after.generation, login.generation, "after {logins} logins");
        // Nor anywhere else.
        let other = world.process().await.token().await.unwrap();
        assert_eq!(other.secret, login.secret, "after {logins} logins");
    }
}
