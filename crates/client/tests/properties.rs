//! Whatever goes wrong, in whatever order: the login is preserved and attempts are counted (I10). The
//! small world of the other tests, with its clock, for each of 256 cases.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

mod world;

use std::future::Future;
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use unlapse::{Error, Event};
use unlapse_core::{Record, Reuse};
use world::{Fault, World};

/// Runs `work` with tokio's paused clock.
fn in_virtual_time<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().unwrap().block_on(work)
}

/// What decides nothing and leaves no doubt, whatever the server's class.
fn harmless() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Unsent),
        prop::sample::select(vec![408, 425, 429, 500, 503, 507])
            .prop_map(|status| Fault::Status(status, None)),
        prop::sample::select(vec![200, 302, 403, 503]).prop_map(Fault::Html),
    ]
}

/// What a server that takes the old refresh token until the new one is used survives as well.
fn survivable() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => harmless(),
        1 => (0_u64..90).prop_map(|wait| Fault::Status(429, Some(wait))),
        2 => prop::sample::select(vec![
            Fault::ReplyLost,
            Fault::ReplyHangs,
            Fault::Hang,
            Fault::DoneThenStatus(502),
            Fault::DoneThenStatus(504),
        ]),
    ]
}

/// The parts of a record that no failure may touch.
fn login(record: &Record) -> impl PartialEq + core::fmt::Debug + use<> {
    (record.generation, record.token.clone(), record.credentials.clone(), record.state)
}

/// The attempts of each request that was made, in order.
fn attempts(world: &World) -> Vec<u32> {
    let events = world.events.lock().unwrap();
    let numbers = events.iter().filter_map(|event| match event {
        Event::Spending { attempt, .. } => Some(*attempt),
        _ => None,
    });
    numbers.collect()
}

proptest! {
    /// R15: as many as the policy says, numbered from one, and the error tells how many.
    #[test]
    fn r15_attempts_are_counted_and_end(
        most in 1_u32..5, faults in vec(harmless(), 5), class in 0_usize..4
    ) {
        let classes = [Reuse::Strict, Reuse::Unknown, Reuse::UntilUsed, Reuse::Stable];
        in_virtual_time(async {
            let mut world = World::new(classes[class]);
            world.policy.attempts = most;
            // No wait of it is so long that the lease is given up meanwhile.
            world.policy.base_delay = Duration::from_millis(10);
            let process = world.log_in().await;
            world.expire().await;
            let before = login(&world.store.record());
            world.server.faults.lock().unwrap().extend(faults);
            let error = process.token().await.unwrap_err();
            prop_assert!(
                matches!(error, Error::Temporary { attempts, .. } if attempts == most),
                "{error:?}"
            );
            prop_assert_eq!(attempts(&world), (1..=most).collect::<Vec<_>>());
            let after = world.store.record();
            prop_assert_eq!(login(&after), before);
            prop_assert_eq!(after.intent, None);
            prop_assert_eq!(after.failure.map(|failure| failure.count), Some(most));
            Ok(())
        })?;
    }

    /// R9: no series of failures costs the login at a server of any class, and the first answer takes
    /// it up again.
    #[test]
    fn r9_no_series_of_failures_costs_the_login(
        faults in vec(harmless(), 0..20), class in 0_usize..4
    ) {
        let classes = [Reuse::Strict, Reuse::Unknown, Reuse::UntilUsed, Reuse::Stable];
        in_virtual_time(survives(classes[class], faults))?;
    }

    /// R7: nor does any series of lost replies, where the server allows a replay at any time.
    #[test]
    fn r7_no_series_of_lost_replies_costs_the_login(
        faults in vec(survivable(), 0..20), stable in any::<bool>()
    ) {
        let class = if stable { Reuse::Stable } else { Reuse::UntilUsed };
        in_virtual_time(survives(class, faults))?;
    }
}

async fn survives(class: Reuse, faults: Vec<Fault>) -> Result<(), TestCaseError> {
    let world = World::new(class);
    let process = world.log_in().await;
    world.expire().await;
    world.server.faults.lock().unwrap().extend(faults);
    // A breaker is open for an hour at most (R16), so that every call meets at least one fault.
    let is_over = || world.server.faults.lock().unwrap().is_empty();
    for _ in 0..100 {
        if is_over() {
            break;
        }
        let before = login(&world.store.record());
        if process.token().await.is_err() {
            prop_assert_eq!(login(&world.store.record()), before);
        }
        world.pass(Duration::from_secs(3700)).await;
    }
    prop_assert!(is_over(), "nobody asks any more");
    world.pass(Duration::from_secs(7200)).await;
    let token = process.token().await;
    prop_assert!(token.is_ok(), "{token:?}");
    prop_assert_eq!(world.server.families_revoked(), 0);
    prop_assert!(world.server.is_alive());
    Ok(())
}
