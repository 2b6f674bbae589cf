//! What is loaded, saved, removed and cleaned up, over a store of many keys (A4).

use std::sync::Arc;
use std::time::Duration;

use unlapse::{Builder, Clock as _, Key, TokenSource, sweep};
use unlapse_core::{LoginReason, Reuse, Store as _, StoreError};
use unlapse_store::MemoryStore;

use crate::secs;
use crate::world::{World, WorldSpawn};

const MONTH: Duration = Duration::from_secs(30 * 86_400);

async fn source(world: &World, store: &MemoryStore, key: &str) -> TokenSource {
    Builder::with_effects(
        Key::new(key),
        Arc::new(store.clone()),
        Arc::clone(&world.server) as _,
        Arc::clone(&world.clock) as _,
        Arc::new(WorldSpawn::default()),
        7,
    )
    .ahead_of_time(false)
    .build()
    .await
}

#[tokio::test(start_paused = true)]
async fn a4_loaded_at_construction_saved_on_obtain_and_refresh_removed_on_clear() {
    let world = World::new(Reuse::Strict);
    *world.server.rungs.lock().unwrap() = crate::LOGIN;
    let store = MemoryStore::new();
    let key = Key::new("acme");
    let generation = || store.read(&key).map(|stored| stored.record.generation);
    let one = source(&world, &store, "acme").await;
    one.obtain().await.unwrap();
    assert_eq!(generation(), Some(1), "saved on obtain");
    one.refresh().await.unwrap();
    assert_eq!(generation(), Some(2), "saved on refresh");
    let requests = world.server.requests();
    let two = source(&world, &store, "acme").await;
    let bearer = two.bearer_now().expect("loaded at construction");
    assert_eq!((bearer.generation(), world.server.requests()), (2, requests));
    two.clear().await.unwrap();
    assert_eq!(store.read(&key).and_then(|stored| stored.record.token), None, "removed");
}

#[tokio::test(start_paused = true)]
async fn a4_expired_records_are_cleaned_up_and_nothing_that_is_of_use() {
    let world = World::new(Reuse::Strict);
    let store = MemoryStore::new();
    for key in ["alive", "ended", "cleared", "busy"] {
        let grant = world.server.open();
        let source = source(&world, &store, key).await;
        source.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
        match key {
            "ended" | "busy" => {
                let end = |record: unlapse_core::Record, _| record.ended(LoginReason::RotationLost);
                source.edit(end).await.unwrap();
            }
            "cleared" => source.clear().await.unwrap(),
            _ => {}
        }
    }
    let swept = async || sweep(&store, &world.clock.now(), MONTH).await.unwrap();
    assert_eq!(swept().await, [], "too young");
    world.pass(MONTH + secs(3601)).await;
    // Somebody has the lease of one: it is left alone, and told.
    let lease = store.lease(&Key::new("busy"), Duration::ZERO).await.unwrap();
    let mut first = swept().await;
    first.sort_by_key(|(key, _)| key.clone());
    let names: Vec<_> = first.iter().map(|(key, done)| (key.clone(), done.is_ok())).collect();
    let [busy, cleared, ended] = ["busy", "cleared", "ended"].map(Key::new);
    assert_eq!(names, [(busy.clone(), false), (cleared, true), (ended, true)]);
    assert!(matches!(&first[0].1, Err(StoreError::Busy { .. })));
    drop(lease);
    assert_eq!(swept().await, [(busy, Ok(()))]);
    assert_eq!(swept().await, []);
    assert_eq!(store.list().await.unwrap(), [Key::new("alive")]);
    assert!(store.read(&Key::new("alive")).is_some_and(|it| it.record.token.is_some()));
}
