//! The core's contract over the synchronous store, on any executor.
//!
//! Each call runs on a thread of its own. A caller that drops its future changes nothing: what was
//! begun is ended there, and the lock is given up after it (R6).

use std::sync::Arc;
use std::time::Duration;

use blocking::unblock;
use unlapse_core::{BoxFuture, Holder, Key, Lease, Record, Store, StoreError, Stored};

use super::lease::FileLease;
use super::store::FileStore;

impl Store for FileStore {
    fn load<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        let (store, key) = (self.clone(), key.clone());
        Box::pin(unblock(move || store.read(&key)))
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Lease>, StoreError>> {
        let (store, key) = (self.clone(), key.clone());
        Box::pin(async move {
            let lease = unblock(move || store.lock(&key, wait)).await?;
            Ok(Box::new(Shared(Arc::new(lease))) as Box<dyn Lease>)
        })
    }

    fn holder<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        let (store, key) = (self.clone(), key.clone());
        Box::pin(unblock(move || Ok(store.holding(&key))))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        let store = self.clone();
        Box::pin(unblock(move || store.keys()))
    }
}

/// A lease that outlives the future of a call on it.
struct Shared(Arc<FileLease>);

impl Shared {
    fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&FileLease) -> T + Send + 'static,
    ) -> BoxFuture<'_, T> {
        let lease = Arc::clone(&self.0);
        Box::pin(unblock(move || call(&lease)))
    }
}

impl Lease for Shared {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        self.run(FileLease::read)
    }

    fn save<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        let record = record.clone();
        self.run(move |lease| lease.write(&record))
    }

    fn set_aside<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        let record = record.clone();
        self.run(move |lease| lease.put_aside(&record))
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.run(FileLease::delete)
    }
}
