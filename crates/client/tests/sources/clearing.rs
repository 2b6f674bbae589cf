//! A security event clears every key (K3, K9).

use std::sync::Arc;
use std::time::Duration;

use unlapse::{Key, Policy, Sources};
use unlapse_core::{Grant, Rungs, Secret, Store as _};
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

use crate::farm::Farm;
use crate::secs;
use crate::world::{Server, WorldClock};

fn accounts(count: u32) -> Vec<Key> {
    (0..count).map(|account| Key::new("acme").account(format!("{account:02}"))).collect()
}

#[tokio::test(start_paused = true)]
async fn k3_clear_takes_every_key_of_set_and_store_and_tells_which_failed() {
    let farm = Farm::new(accounts(40), |_| 3600);
    // The store waits for a lease in real time, in which the virtual one would run away.
    let policy = Policy { lease_wait: Duration::ZERO, ..Policy::default() };
    let sources = farm.builder().policy(policy).build();
    let keys = farm.keys();
    let held = sources.source(&keys[0]).await;
    sources.source(&keys[1]).await;
    // Somebody else is at this one, and does not let go.
    let busy = farm.store.lease(&keys[2], Duration::ZERO).await.unwrap();
    let unfinished = sources.clear().await.unwrap_err();
    let failed: Vec<_> =
        unfinished.failed.iter().map(|(key, error)| (key.clone(), error.code())).collect();
    assert_eq!(failed, [(keys[2].clone(), "lease_busy")]);
    assert_eq!(unfinished.unlisted, None);
    for key in &keys {
        let token = farm.store.read(key).unwrap().record.token;
        assert_eq!(token.is_some(), *key == keys[2], "{key}");
    }
    assert!(held.bearer_now().is_none());
    assert!(held.token().await.unwrap_err().needs_login());
    drop(busy);
    sources.clear().await.unwrap();
    assert!(farm.store.read(&keys[2]).unwrap().record.token.is_none());
    // Nothing stays in memory that nobody holds.
    assert_eq!(sources.keys(), [keys[0].clone()]);
}

#[tokio::test]
async fn k3_k9_clear_reaches_another_set_over_the_same_files_within_its_trust_time() {
    let folder = tempfile::tempdir().unwrap();
    let trust = Duration::from_secs(1);
    let set = || {
        let custody = Arc::new(KeyFile::new(folder.path().join("unlapse.key")));
        let layout = Layout::Directory(folder.path().join("tokens"));
        let store = Arc::new(FileStore::new(layout, "project", custody));
        // Nothing is asked of it: whatever there is was put there by hand.
        let server = Server::new(unlapse_core::Reuse::Strict, Arc::new(WorldClock::new()));
        *server.rungs.lock().unwrap() = Rungs { refresh: true, login: false, api_key: false };
        let server = Arc::new(server);
        Sources::builder(store, move |_| Arc::clone(&server) as _)
            .policy(Policy { trust, ..Policy::default() })
            .build()
    };
    let (one, other) = (set(), set());
    let keys = accounts(5);
    for key in &keys {
        let mut grant = Grant::bearer(Secret::new(format!("at-{key}")));
        grant.expires_in = Some(secs(3600));
        grant.refresh_token = Some(Secret::new("rt"));
        one.source(key).await.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
    }
    let mut held = Vec::new();
    for key in &keys {
        let source = other.source(key).await;
        assert!(source.bearer_now().is_some());
        held.push(source);
    }
    one.clear().await.unwrap();
    // The trust time, and what a machine with other things to do may add to it.
    let patience = tokio::time::Instant::now() + trust + Duration::from_secs(10);
    for source in held {
        let error = loop {
            match source.token().await {
                Ok(_) => assert!(tokio::time::Instant::now() < patience, "still served"),
                Err(error) => break error,
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert!(error.needs_login());
        assert!(source.bearer_now().is_none());
    }
}
