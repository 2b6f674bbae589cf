//! Stores on either database, as the tests use them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use unlapse_core::{Key, Record};
use unlapse_store::Sealer;
pub(crate) use unlapse_store::conformance::record;
use unlapse_store::custody::KeyFile;
use unlapse_store::sql::{Database, Next, SqlOptions, SqlStore, Timetable};

use crate::place::{Place, patient};

pub(crate) const WAIT: Duration = Duration::from_secs(30);

pub(crate) fn key() -> Key {
    Key::new("https://as.example").account("ann")
}

/// Everything is due when its access token was obtained.
pub(crate) struct AtOnce;

impl Timetable for AtOnce {
    fn next(&self, _: &Key, record: &Record) -> Next {
        let due = record.token.as_ref().map(|token| token.obtained.wall);
        Next { due, unused: None, code: record.failure.map(|_| "FAILED") }
    }
}

/// One key for all the stores of a test, in a folder.
pub(crate) fn sealer(folder: &Path) -> Arc<Sealer> {
    Arc::new(Sealer::new(Arc::new(KeyFile::new(folder.join("key"))), "project"))
}

/// A node.
pub(crate) async fn node(place: &Place) -> SqlStore {
    node_of(place.open().await, place.folder(), SqlOptions::default()).await
}

pub(crate) async fn node_of(database: Database, folder: &Path, options: SqlOptions) -> SqlStore {
    let store = SqlStore::open(database, sealer(folder), Arc::new(AtOnce), options).await;
    store.expect("opened")
}

pub(crate) async fn open(url: &str) -> Database {
    Database::open(url, patient()).await.expect("opened")
}

/// Waits for `done` for as long as a loaded machine may take.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let started = std::time::Instant::now();
    while !done().await {
        assert!(started.elapsed() < WAIT, "{what} within {WAIT:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
