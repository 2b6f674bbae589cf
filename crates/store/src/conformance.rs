//! The suite that every store has to pass (feature `conformance`).
//!
//! Each function takes a store that is empty and nobody else's, and panics with the promise that
//! was broken. [`all`] runs every one on a store of its own. Tasks run on threads of the
//! [`blocking`] pool, so that the suite needs no runtime; a store that needs one is given it by
//! whoever implements [`Store`].

#![expect(clippy::missing_panics_doc, reason = "every function panics when a promise is broken")]
#![expect(clippy::unnecessary_wraps, reason = "expectations are written as a store answers")]

pub mod outbox;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use blocking::unblock;
use futures_lite::future::block_on;
use unlapse_core::{
    BoxFuture, Grant, Key, Lease, Now, Place, Record, Secret, Store, StoreError, Stored,
};

/// Longer than any wait in here has to be.
const LONG: Duration = Duration::from_secs(60);

/// Runs the whole suite, each part on a store that `fresh` makes.
pub async fn all(fresh: impl Fn() -> Arc<dyn Store>) {
    a_saved_record_is_loaded(fresh()).await;
    the_lease_is_exclusive(fresh()).await;
    busy_is_bounded_and_names_the_holder(fresh()).await;
    a_dropped_lease_is_free(fresh()).await;
    readers_see_whole_records(fresh()).await;
    no_update_is_lost(fresh()).await;
    what_is_set_aside_is_found(fresh()).await;
    the_newest_copy_wins(fresh()).await;
    remove_removes_everything(fresh()).await;
    list_names_every_key(fresh()).await;
    keys_are_independent(fresh()).await;
    a_dropped_call_changes_nothing(fresh()).await;
}

/// A record of this generation, which says so in its token too, so that a torn one shows.
pub fn record(generation: u64) -> Record {
    let mut grant = Grant::bearer(Secret::new(format!("access-{generation}")));
    grant.refresh_token = Some(Secret::new(format!("refresh-{generation}").repeat(50)));
    grant.expires_in = Some(Duration::from_secs(300));
    let record = Record::default().logged_in(grant, Now::default());
    record.next(|record| {
        record.generation = generation;
        record.revision = generation;
    })
}

fn key() -> Key {
    Key::new("https://as.example").account("ann")
}

async fn lease(store: &Arc<dyn Store>, key: &Key) -> Box<dyn Lease> {
    store.lease(key, LONG).await.expect("the lease is had within its wait")
}

/// On a thread of its own.
fn task<T: Send + 'static>(
    run: impl FnOnce() -> BoxFuture<'static, T> + Send + 'static,
) -> impl Future<Output = T> {
    unblock(move || block_on(run()))
}

fn kept(record: Record) -> Result<Option<Stored>, StoreError> {
    Ok(Some(Stored { record, place: Place::Kept }))
}

fn set_aside(record: Record) -> Result<Option<Stored>, StoreError> {
    Ok(Some(Stored { record, place: Place::SetAside }))
}

/// Nothing is found before the first save; what was saved is found as it was, also with all that a
/// record may hold.
pub async fn a_saved_record_is_loaded(store: Arc<dyn Store>) {
    let key = key();
    assert_eq!(store.load(&key).await, Ok(None), "an empty store has no record");
    let mut lease = lease(&store, &key).await;
    assert_eq!(lease.load().await, Ok(None), "nor has it one under a lease");
    let first = record(1);
    let intent = first.intend(Now::default(), false);
    for record in
        [first, intent.clone(), intent.granted(Grant::bearer(Secret::new("x")), Now::default())]
    {
        lease.save(&record).await.expect("saved");
        assert_eq!(store.load(&key).await, kept(record.clone()), "a saved record is loaded");
        assert_eq!(lease.load().await, kept(record), "also under the lease");
    }
}

/// R1: of many tasks, one holds the lease.
pub async fn the_lease_is_exclusive(store: Arc<dyn Store>) {
    let inside = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (store, inside) = (Arc::clone(&store), Arc::clone(&inside));
            task(move || {
                Box::pin(async move {
                    for _ in 0..8 {
                        let mut lease = lease(&store, &key()).await;
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "R1: two holders");
                        lease.load().await.expect("loaded");
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                })
            })
        })
        .collect();
    for task in tasks {
        task.await;
    }
}

/// C6: the wait is bounded, and its end says who was in the way.
pub async fn busy_is_bounded_and_names_the_holder(store: Arc<dyn Store>) {
    let key = key();
    assert_eq!(store.holder(&key).await, Ok(None), "nobody holds it yet");
    let held = lease(&store, &key).await;
    for wait in [Duration::ZERO, Duration::from_millis(150)] {
        match store.lease(&key, wait).await.map(|_| ()) {
            Err(StoreError::Busy { key: busy, holder: Some(holder) }) => {
                assert_eq!(busy, key);
                assert_eq!(holder.pid, std::process::id(), "C6: the holder is this process");
            }
            other => panic!("C6: busy with a holder was due, not {other:?}"),
        }
    }
    let holder = store.holder(&key).await.expect("asked").expect("C6: a holder");
    assert_eq!(holder.pid, std::process::id());
    drop(held);
    assert_eq!(store.holder(&key).await, Ok(None), "nobody holds it any more");
}

/// A lease that is dropped, used or not, is free at once, and whoever waits gets it.
pub async fn a_dropped_lease_is_free(store: Arc<dyn Store>) {
    let held = lease(&store, &key()).await;
    let waiting = {
        let store = Arc::clone(&store);
        task(move || Box::pin(async move { store.lease(&key(), LONG).await.map(|_| ()) }))
    };
    drop(held);
    assert_eq!(waiting.await, Ok(()), "a waiter gets what is dropped");
    let again = store.lease(&key(), Duration::ZERO).await;
    assert!(again.is_ok(), "a dropped lease is free at once");
}

/// C5: while a thousand records are saved, readers see whole ones, and never an older one after a
/// newer one.
pub async fn readers_see_whole_records(store: Arc<dyn Store>) {
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (store, over) = (Arc::clone(&store), Arc::clone(&over));
            task(move || {
                Box::pin(async move {
                    let (mut last, mut reads) = (0, 0_u64);
                    while !over.load(Ordering::SeqCst) || reads == 0 {
                        let found = store.load(&key()).await.expect("C5: a reader never fails");
                        let Some(stored) = found else { continue };
                        let generation = stored.record.generation;
                        assert_eq!(stored.record, record(generation), "C5: a whole record");
                        assert!(generation >= last, "C5: {generation} after {last}");
                        (last, reads) = (generation, reads + 1);
                    }
                })
            })
        })
        .collect();
    let mut lease = lease(&store, &key()).await;
    for generation in 1..=1000 {
        // Every tenth finds its own place closed at first.
        if generation % 10 == 0 {
            lease.set_aside(&record(generation)).await.expect("set aside");
        }
        lease.save(&record(generation)).await.expect("saved");
    }
    over.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await;
    }
}

/// R1, R2: what is read under the lease and saved one generation on is never lost.
pub async fn no_update_is_lost(store: Arc<dyn Store>) {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let store = Arc::clone(&store);
            task(move || {
                Box::pin(async move {
                    for _ in 0..10 {
                        let mut lease = lease(&store, &key()).await;
                        let found = lease.load().await.expect("loaded");
                        let generation = found.map_or(0, |stored| stored.record.generation);
                        lease.save(&record(generation + 1)).await.expect("saved");
                    }
                })
            })
        })
        .collect();
    for task in tasks {
        task.await;
    }
    assert_eq!(store.load(&key()).await, kept(record(80)), "R2: no update is lost");
}

/// R5, R19: what was set aside is found by readers and by the next holder, until a save supersedes
/// it.
pub async fn what_is_set_aside_is_found(store: Arc<dyn Store>) {
    let key = key();
    let mut held = lease(&store, &key).await;
    held.set_aside(&record(1)).await.expect("set aside");
    assert_eq!(store.load(&key).await, set_aside(record(1)), "R5: found without a record");
    held.save(&record(1)).await.expect("saved");
    assert_eq!(store.load(&key).await, kept(record(1)), "R5: once saved, it is kept");
    held.set_aside(&record(2)).await.expect("set aside");
    drop(held);
    let mut next = lease(&store, &key).await;
    assert_eq!(next.load().await, set_aside(record(2)), "R19: the next holder finds it");
    assert_eq!(store.list().await, Ok(vec![key.clone()]));
    next.save(&record(2)).await.expect("saved");
    assert_eq!(next.load().await, kept(record(2)), "a save supersedes what it equals");
    next.save(&record(3)).await.expect("saved");
    assert_eq!(next.load().await, kept(record(3)));
}

/// R19: of all copies, the one with the newest token is served; nothing older replaces it.
pub async fn the_newest_copy_wins(store: Arc<dyn Store>) {
    let key = key();
    let mut lease = lease(&store, &key).await;
    lease.save(&record(5)).await.expect("saved");
    lease.set_aside(&record(4)).await.expect("set aside");
    assert_eq!(store.load(&key).await, kept(record(5)), "an older copy is ignored");
    lease.set_aside(&record(7)).await.expect("set aside");
    lease.set_aside(&record(6)).await.expect("set aside");
    assert_eq!(store.load(&key).await, set_aside(record(7)), "an older copy replaces no newer");
    lease.save(&record(6)).await.expect("saved");
    assert_eq!(store.load(&key).await, set_aside(record(7)), "nor does an older save drop it");
    let busy = record(6).next(|record| record.revision = 99);
    lease.save(&busy).await.expect("saved");
    assert_eq!(store.load(&key).await, set_aside(record(7)), "a newer token beats revisions");
    lease.save(&record(8)).await.expect("saved");
    assert_eq!(store.load(&key).await, kept(record(8)));
}

/// K3, K9: nothing is left, wherever it lay; and a new record can be saved.
pub async fn remove_removes_everything(store: Arc<dyn Store>) {
    let key = key();
    let mut lease = lease(&store, &key).await;
    lease.remove().await.expect("nothing to remove is no failure");
    lease.save(&record(1).intend(Now::default(), false)).await.expect("saved");
    lease.set_aside(&record(2)).await.expect("set aside");
    lease.remove().await.expect("removed");
    assert_eq!(lease.load().await, Ok(None), "K9: no copy is left");
    assert_eq!(store.load(&key).await, Ok(None));
    assert_eq!(store.list().await, Ok(Vec::new()));
    lease.save(&record(1)).await.expect("saved");
    assert_eq!(store.load(&key).await, kept(record(1)), "a new login starts over");
}

/// Keys with a record are listed, those with none are not, however strange their names.
pub async fn list_names_every_key(store: Arc<dyn Store>) {
    let mut keys = [
        key(),
        key().scope("a b"),
        Key::new("https://as.example/ann"),
        Key::new("../../etc/passwd"),
        Key::new("é\n\0\"\u{202e}"),
        Key::new("UPPER"),
        Key::new("upper"),
        Key::new(""),
        Key::new("long".repeat(500)),
    ];
    keys.sort();
    assert_eq!(store.list().await, Ok(Vec::new()));
    for key in &keys {
        lease(&store, key).await.save(&record(1)).await.expect("saved");
    }
    drop(lease(&store, &Key::new("only leased")).await);
    assert_eq!(store.list().await.as_deref(), Ok(&keys[..]));
    for key in &keys {
        assert_eq!(store.load(key).await, kept(record(1)), "{key:?}");
    }
}

/// R17, K1: no key is in another's way.
pub async fn keys_are_independent(store: Arc<dyn Store>) {
    let held = lease(&store, &Key::new("held")).await;
    let tasks: Vec<_> = (1..=16)
        .map(|number| {
            let store = Arc::clone(&store);
            task(move || {
                Box::pin(async move {
                    let key = Key::new(format!("key-{number}"));
                    let mut lease = lease(&store, &key).await;
                    lease.save(&record(number)).await.expect("saved");
                })
            })
        })
        .collect();
    for task in tasks {
        task.await;
    }
    drop(held);
    for number in 1..=16 {
        let key = Key::new(format!("key-{number}"));
        assert_eq!(store.load(&key).await, kept(record(number)), "K1: each its own record");
    }
    assert_eq!(store.load(&Key::new("held")).await, Ok(None));
}

/// R6: a call whose future is dropped leaves the old record or the new one, and a lease that can be
/// had again.
pub async fn a_dropped_call_changes_nothing(store: Arc<dyn Store>) {
    let key = key();
    lease(&store, &key).await.save(&record(1)).await.expect("saved");
    for _ in 0..20 {
        let waiting = store.lease(&key, LONG);
        drop(futures_lite::future::poll_once(waiting).await);
        let mut held = lease(&store, &key).await;
        drop(futures_lite::future::poll_once(held.save(&record(2))).await);
        drop(held);
        let mut next = lease(&store, &key).await;
        let found = next.load().await.expect("loaded").expect("a record");
        assert!([record(1), record(2)].contains(&found.record), "R6: one of the two, whole");
        next.save(&record(1)).await.expect("saved");
    }
}
