//! Calls whose caller goes, is on another executor, or has a seal that panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_lite::future::poll_once;
use unlapse_core::{Key, Now, Record, Store as _, StoreError};
use unlapse_store::Unopened;
use unlapse_store::sql::{Seal, Sealed, SqlOptions, SqlStore, Statement};

use crate::place::Place;
use crate::rig::{AtOnce, WAIT, key, node, record, sealer};
use crate::schedule::{claim, granted, put, row};

/// Its caller is gone, and so is the lease, before either was done.
#[tokio::test]
async fn r1_a_lease_that_goes_back_with_its_last_save_is_not_had_again() {
    const NUMBER: Statement = Statement::both("SELECT fence FROM records");
    let number = async |store: &SqlStore| {
        let rows = store.database().query(NUMBER, Vec::new()).await.expect("asked");
        rows[0].int(0).expect("a number")
    };
    for place in Place::each() {
        let store = node(&place).await;
        put(&store, &key(), &record(1)).await;
        let _due = claim(&store, &key()).await.pop().expect("due");
        let mut lease = store.lease(&key(), WAIT).await.expect("the claim");
        let first = number(&store).await;
        assert!(poll_once(lease.save(&record(2))).await.is_none(), "it is on its way");
        drop(lease);
        let mut next = store.lease(&key(), WAIT).await.expect("free");
        assert!(row(&store, &key()).await.1 && number(&store).await > first, "one of its own");
        assert_eq!(next.load().await.expect("read").expect("a record").record, record(2));
    }
}

/// On an executor that knows nothing of the store's runtime.
#[test]
fn r6_a_claim_is_renewed_on_any_executor() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for place in Place::each() {
        let (store, due) = runtime.block_on(async {
            let store = node(&place).await;
            put(&store, &key(), &record(1)).await;
            let due = claim(&store, &key()).await.pop().expect("due");
            (store, due)
        });
        futures_lite::future::block_on(async {
            let mut lease = store.lease(due.key(), Duration::ZERO).await.expect("the claim");
            let found = lease.load().await.expect("read").expect("a record").record;
            lease.save(&found.intend(Now::default(), false)).await.expect("saved");
            lease.save(&granted(&found)).await.expect("saved");
        });
        let found = runtime.block_on(store.load(&key())).expect("read").expect("a record");
        assert_eq!(found.record.generation, 2);
    }
}

/// Seals nothing, once.
struct Panics(Arc<dyn Seal>, AtomicBool);

impl Seal for Panics {
    fn seal(&self, key: &Key, record: &Record) -> Result<Sealed, StoreError> {
        assert!(!self.1.swap(false, Ordering::SeqCst), "of the test");
        self.0.seal(key, record)
    }

    fn open(&self, key: &Key, generation: u64, sealed: &Sealed) -> Result<Record, Unopened> {
        self.0.open(key, generation, sealed)
    }
}

#[tokio::test]
async fn r5_a_seal_that_panics_costs_one_save_and_not_the_answer() {
    for place in Place::each() {
        let seal = Arc::new(Panics(sealer(place.folder()), AtomicBool::new(true)));
        let options = SqlOptions::default();
        let store = SqlStore::open(place.open().await, seal, Arc::new(AtOnce), options).await;
        let store = store.expect("opened");
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        let failed = lease.save(&record(1)).await;
        assert!(matches!(failed, Err(StoreError::Io { .. })), "{failed:?}");
        lease.save(&record(1)).await.expect("its holder is there still, with what was to be saved");
    }
}
