//! The reference of the contract.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use unlapse_core::{BoxFuture, Holder, Key, Lease, Record, Store, StoreError, Stored};

/// Records in memory, gone with the process (A3, K6). Cheap to clone: clones share the records.
///
/// For tests of others, it can be told to fail.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct State {
    slots: HashMap<Key, Slot>,
    leases: u64,
    fail_saves: Option<StoreError>,
    fail_asides: Option<StoreError>,
}

#[derive(Debug, Default)]
struct Slot {
    kept: Option<Record>,
    aside: Option<Record>,
    /// The number of the lease that is held.
    holder: Option<u64>,
}

impl Slot {
    fn newest(&self) -> Option<Stored> {
        Stored::newest(self.kept.clone(), self.aside.clone())
    }
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every save fails like this; `None` ends it.
    pub fn fail_saves(&self, failure: Option<StoreError>) {
        self.shared.state().fail_saves = failure;
    }

    /// From now on every set-aside fails like this; `None` ends it.
    pub fn fail_asides(&self, failure: Option<StoreError>) {
        self.shared.state().fail_asides = failure;
    }

    /// Takes the lease on `key` from its holder, as a database does when it has run out: what the
    /// holder saves is refused from now on (R19).
    pub fn revoke(&self, key: &Key) {
        if let Some(slot) = self.shared.state().slots.get_mut(key) {
            slot.holder = None;
        }
        self.shared.released.notify_all();
    }

    /// The newest record of `key`.
    pub fn read(&self, key: &Key) -> Option<Stored> {
        self.shared.state().slots.get(key)?.newest()
    }

    /// Puts `record` in `key`'s place, without a lease: a test's starting point.
    pub fn put(&self, key: &Key, record: Record) {
        self.shared.state().slots.entry(key.clone()).or_default().kept = Some(record);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lease(self: &Arc<Self>, key: &Key, wait: Duration) -> Result<MemoryLease, StoreError> {
        let held =
            |state: &mut State| state.slots.get(key).is_some_and(|slot| slot.holder.is_some());
        let (mut state, _) = self
            .released
            .wait_timeout_while(self.state(), wait, held)
            .unwrap_or_else(PoisonError::into_inner);
        if held(&mut state) {
            return Err(StoreError::Busy { key: key.clone(), holder: Some(this_process()) });
        }
        state.leases += 1;
        let number = state.leases;
        state.slots.entry(key.clone()).or_default().holder = Some(number);
        Ok(MemoryLease { shared: Arc::clone(self), key: key.clone(), number })
    }
}

impl Store for MemoryStore {
    fn load<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move { Ok(self.read(key)) })
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Lease>, StoreError>> {
        Box::pin(async move {
            let lease = match self.shared.lease(key, Duration::ZERO) {
                Err(StoreError::Busy { .. }) if !wait.is_zero() => {
                    let (shared, key) = (Arc::clone(&self.shared), key.clone());
                    blocking::unblock(move || shared.lease(&key, wait)).await
                }
                done => done,
            };
            lease.map(|lease| Box::new(lease) as Box<dyn Lease>)
        })
    }

    fn holder<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(async move {
            let state = self.shared.state();
            let holder = state.slots.get(key).and_then(|slot| slot.holder);
            Ok(holder.map(|_| this_process()))
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        Box::pin(async move {
            let state = self.shared.state();
            let kept = state.slots.iter().filter(|(_, slot)| slot.newest().is_some());
            let mut keys: Vec<_> = kept.map(|(key, _)| key.clone()).collect();
            keys.sort();
            Ok(keys)
        })
    }
}

#[derive(Debug)]
struct MemoryLease {
    shared: Arc<Shared>,
    key: Key,
    number: u64,
}

impl MemoryLease {
    /// Changes the slot, if the lease is still held.
    fn change(&self, change: impl FnOnce(&mut Slot)) -> Result<(), StoreError> {
        let mut state = self.shared.state();
        match state.slots.get_mut(&self.key) {
            Some(slot) if slot.holder == Some(self.number) => {
                change(slot);
                Ok(())
            }
            _ => Err(StoreError::Fenced),
        }
    }

    fn save_now(&self, record: &Record) -> Result<(), StoreError> {
        if let Some(failure) = self.shared.state().fail_saves.clone() {
            return Err(failure);
        }
        self.change(|slot| {
            slot.kept = Some(record.clone());
            slot.aside = slot.aside.take().filter(|copy| copy.is_newer_than(record));
        })
    }

    fn set_aside_now(&self, record: &Record) -> Result<(), StoreError> {
        let mut state = self.shared.state();
        if let Some(failure) = state.fail_asides.clone() {
            return Err(failure);
        }
        let slot = state.slots.entry(self.key.clone()).or_default();
        if slot.aside.as_ref().is_none_or(|copy| !copy.is_newer_than(record)) {
            slot.aside = Some(record.clone());
        }
        Ok(())
    }
}

impl Lease for MemoryLease {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        Box::pin(async move { Ok(self.shared.state().slots.get(&self.key).and_then(Slot::newest)) })
    }

    fn save<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.save_now(record) })
    }

    fn set_aside<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.set_aside_now(record) })
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.change(|slot| {
                slot.kept = None;
                slot.aside = None;
            })
        })
    }
}

impl Drop for MemoryLease {
    fn drop(&mut self) {
        // A lease that was lost changes nothing for whoever holds it now.
        let _ = self.change(|slot| slot.holder = None);
        self.shared.released.notify_all();
    }
}

fn this_process() -> Holder {
    Holder { pid: std::process::id(), host: "this process".to_owned() }
}

#[cfg(test)]
mod tests {
    use futures_lite::future::block_on;

    use super::*;

    #[test]
    fn r19_a_lost_lease_saves_nothing_but_its_answer_is_found() {
        let (store, key) = (MemoryStore::new(), Key::new("k"));
        block_on(async {
            let mut lost = store.lease(&key, Duration::ZERO).await.expect("free");
            store.revoke(&key);
            let mut now = store.lease(&key, Duration::ZERO).await.expect("free again");
            let answer = Record { generation: 2, ..Record::default() };
            assert_eq!(lost.save(&answer).await, Err(StoreError::Fenced));
            lost.set_aside(&answer).await.expect("needs no lease");
            drop(lost);
            let busy = store.lease(&key, Duration::ZERO).await.map(|_| ());
            assert!(matches!(busy, Err(StoreError::Busy { .. })), "the other lease still holds");
            let found = now.load().await.expect("loaded").expect("found");
            assert_eq!((found.record, found.place), (answer, unlapse_core::Place::SetAside));
        });
    }

    #[test]
    fn r5_failures_can_be_injected_and_ended() {
        let (store, key) = (MemoryStore::new(), Key::new("k"));
        let full = || StoreError::Full { place: "memory".to_owned() };
        block_on(async {
            let mut lease = store.lease(&key, Duration::ZERO).await.expect("free");
            store.fail_saves(Some(full()));
            store.fail_asides(Some(full()));
            assert_eq!(lease.save(&Record::default()).await, Err(full()));
            assert_eq!(lease.set_aside(&Record::default()).await, Err(full()));
            store.fail_saves(None);
            store.fail_asides(None);
            lease.save(&Record::default()).await.expect("saved");
        });
    }
}
