//! Renewals that go on in memory while their store is away, where that was chosen (C16).

use unlapse::{Event, TokenSource};
use unlapse_core::{CustodyError, Reuse, StoreError, WithoutStore};

use crate::world::{Fault, World};
use crate::{damaged, full, secs};

fn io() -> StoreError {
    StoreError::Io { place: "the disk".to_owned(), kind: std::io::ErrorKind::NotFound }
}

fn read_only() -> StoreError {
    StoreError::ReadOnly { place: "the disk".to_owned() }
}

/// A world that has chosen, its login, and a process that has its token.
async fn world(without_store: WithoutStore) -> (World, TokenSource) {
    let mut world = World::new(Reuse::Strict);
    world.policy.without_store = without_store;
    let process = world.log_in().await;
    (world, process)
}

/// How the store is away.
#[derive(Clone, Copy, Debug)]
enum Away {
    /// Not even a lease can be had.
    Altogether,
    /// It can be read, and nothing can be written anywhere.
    ForWrites,
}

impl Away {
    const BOTH: [Self; 2] = [Self::Altogether, Self::ForWrites];

    fn begin(self, world: &World, error: StoreError) {
        match self {
            Self::Altogether => world.store.go_away(error),
            Self::ForWrites => world.store.fail_saves(0, error, true),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn c16_by_default_a_refresh_token_waits_for_a_place_to_write() {
    for away in Away::BOTH {
        let (world, process) = world(WithoutStore::default()).await;
        world.expire().await;
        away.begin(&world, full());
        let error = process.token().await.unwrap_err();
        assert_eq!(error.code(), "store_full", "{away:?}");
        assert_eq!(world.server.requests(), 0, "{away:?}");
        world.store.heal();
        assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
    }
}

#[tokio::test(start_paused = true)]
async fn c16_in_memory_it_goes_on_through_many_lives_and_is_saved_in_the_end() {
    for away in Away::BOTH {
        for error in [full(), read_only(), io()] {
            let (world, process) = world(WithoutStore::Memory).await;
            away.begin(&world, error.clone());
            for life in 2..6 {
                world.expire().await;
                let token = process.token().await.unwrap();
                assert_eq!(token.secret.expose(), format!("at-{life}"), "{away:?} {error:?}");
                assert!(token.is_unsaved, "{away:?} {error:?}");
            }
            assert_eq!(world.store.record().generation, 1);
            let unsaved = |event: &Event| matches!(event, Event::Unsaved { set_aside: false, .. });
            assert!(world.saw(unsaved) && world.saw(|e| matches!(e, Event::StoreAway { .. })));
            world.store.heal();
            process.settle().await.unwrap();
            assert_eq!(world.store.record().generation, 5, "{away:?} {error:?}");
            let other = world.process().await.token().await.unwrap();
            assert_eq!((other.secret.expose(), other.is_unsaved), ("at-5", false));
            assert_eq!((world.server.requests(), world.server.families_revoked()), (4, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn c16_r5_the_keeper_saves_it_when_the_store_is_back() {
    for away in Away::BOTH {
        let (world, process) = world(WithoutStore::Memory).await;
        drop(process);
        let process = world.builder().build().await;
        away.begin(&world, io());
        world.expire().await;
        assert!(process.token().await.unwrap().is_unsaved);
        world.pass(secs(600)).await;
        world.store.heal();
        // Nobody asks; at most the longest delay between two saves later.
        world.pass(world.policy.max_delay + secs(1)).await;
        assert_eq!(world.store.record().generation, 2, "{away:?}");
        assert!(world.saw(|event| matches!(event, Event::Saved { generation: 2 })));
    }
}

#[tokio::test(start_paused = true)]
async fn c16_r10_nothing_is_spent_while_a_valid_token_serves() {
    for away in Away::BOTH {
        let (world, process) = world(WithoutStore::Memory).await;
        away.begin(&world, io());
        // Its renewal is due, and the store may be back before its end.
        world.pass(secs(3500)).await;
        assert_eq!(process.token().await.unwrap().secret.expose(), "at-1");
        assert_eq!(process.token_for(secs(600)).await.unwrap().secret.expose(), "at-1");
        assert_eq!(world.server.requests(), 0, "{away:?}");
        // A server that rejects it leaves nothing that serves.
        let bearer = process.reject(1).await.unwrap();
        assert_eq!(bearer.generation(), 2, "{away:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn c16_a_store_that_says_no_is_not_away() {
    let custody = StoreError::Custody(CustodyError::KeyWrong);
    for error in [custody, damaged(), StoreError::TooLarge, StoreError::Fenced] {
        for away in Away::BOTH {
            let (world, process) = world(WithoutStore::Memory).await;
            world.expire().await;
            away.begin(&world, error.clone());
            assert!(process.token().await.is_err(), "{away:?} {error:?}");
            assert_eq!(world.server.requests(), 0, "{away:?} {error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn c16_a_process_that_never_had_the_token_has_nothing_to_go_on_with() {
    let (world, _) = world(WithoutStore::Memory).await;
    world.store.go_away(io());
    let error = world.process().await.token().await.unwrap_err();
    assert_eq!(error.code(), "store_unavailable");
    assert_eq!(world.server.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn c16_k9_what_others_have_done_meanwhile_goes_first() {
    // Another has renewed: with a reply that only it has, or by a new login.
    let (world, process) = world(WithoutStore::Memory).await;
    world.expire().await;
    world.store.go_away(io());
    assert!(process.token().await.unwrap().is_unsaved);
    world.store.heal();
    let other = world.process().await;
    let grant = world.server.open();
    other.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    process.settle().await.unwrap();
    assert_eq!(world.store.record().generation, 2);
    let token = process.refresh().await.unwrap();
    assert!(!token.is_unsaved && token.generation > 2);
    assert_eq!(world.server.families_revoked(), 0, "the other's token was renewed, not ours");

    // Another has logged out.
    world.expire().await;
    world.store.go_away(io());
    assert!(process.token().await.unwrap().is_unsaved);
    world.store.heal();
    world.process().await.clear().await.unwrap();
    process.settle().await.unwrap();
    assert!(process.token().await.unwrap_err().needs_login());
    assert_eq!(world.store.record().token, None);
}

#[tokio::test(start_paused = true)]
async fn c16_r7_a_lost_reply_is_remembered_in_memory() {
    for away in Away::BOTH {
        let mut world = World::new(Reuse::Grace(secs(30)));
        world.policy.without_store = WithoutStore::Memory;
        let process = world.log_in().await;
        world.expire().await;
        away.begin(&world, io());
        world.server.fault(Fault::ReplyLost);
        // The same token again, inside the grace, as with a store.
        assert_eq!(process.token().await.unwrap().secret.expose(), "at-3", "{away:?}");
        assert_eq!((world.server.requests(), world.server.families_revoked()), (2, 0));
        world.store.heal();
        process.settle().await.unwrap();
        let record = world.store.record();
        assert_eq!((record.generation, record.doubts), (2, 1), "{away:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn c16_r6_a_renewal_that_dies_leaves_its_intent_in_memory() {
    use std::sync::atomic::Ordering;
    let (world, process) = world(WithoutStore::Memory).await;
    world.expire().await;
    world.store.go_away(io());
    world.server.panics.store(1, Ordering::SeqCst);
    assert!(process.token().await.is_err(), "R20: dead every time");
    world.server.panics.store(0, Ordering::SeqCst);
    assert_eq!(process.token().await.unwrap().secret.expose(), "at-2");
    // Its own intent was found: sent again as a replay, and not as if for the first time.
    let replayed =
        |event: &Event| matches!(event, Event::Spending { spend: unlapse_core::Spend::Replay, .. });
    assert!(world.saw(replayed));
}

#[tokio::test(start_paused = true)]
async fn c16_r1_renewals_of_one_process_that_share_none_spend_a_token_once() {
    for away in Away::BOTH {
        for reuse in [Reuse::Strict, Reuse::Unknown, Reuse::Grace(secs(30))] {
            let mut world = World::new(reuse);
            world.policy.without_store = WithoutStore::Memory;
            let process = world.log_in().await;
            world.expire().await;
            away.begin(&world, io());
            *world.server.latency.lock().unwrap() = secs(2);
            // No two of them may share a flight.
            let (bearer, longer, forced) = tokio::join!(
                process.bearer(),
                process.token_for(secs(600)),
                process.force_refresh()
            );
            for generation in [bearer.unwrap().generation(), longer.unwrap().generation] {
                assert!(generation > 1, "{away:?} {reuse:?}");
            }
            // The forced one, with the successor of what the first has spent.
            assert_eq!(forced.unwrap().secret.expose(), "at-3", "{away:?} {reuse:?}");
            let asked = (world.server.requests(), world.server.families_revoked());
            assert_eq!(asked, (2, 0), "{away:?} {reuse:?}");
            let replayed = |event: &Event| {
                matches!(event, Event::Spending { spend: unlapse_core::Spend::Replay, .. })
            };
            assert!(!world.saw(replayed), "{away:?} {reuse:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn c16_r5_what_is_saved_while_its_successor_is_fetched_takes_nothing_away() {
    let (mut world, process) = world(WithoutStore::Memory).await;
    drop(process);
    world.policy.max_delay = secs(1);
    let process = world.builder().build().await;
    world.store.go_away(io());
    world.expire().await;
    assert_eq!(process.token().await.unwrap().generation, 2);
    *world.server.latency.lock().unwrap() = secs(10);
    let (rejected, ()) = tokio::join!(process.reject(2), async {
        world.pass(secs(2)).await;
        world.store.heal();
    });
    assert_eq!(rejected.unwrap().generation(), 3);
    world.pass(secs(5)).await;
    assert_eq!(world.store.record().generation, 3, "the keeper has saved the newest");
    *world.server.latency.lock().unwrap() = secs(0);
    world.expire().await;
    assert!(process.token().await.unwrap().generation > 3);
    assert_eq!(world.server.families_revoked(), 0);
}
