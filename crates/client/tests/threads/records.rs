//! A store in which each operation is a step, and saves fail on demand.

use std::sync::Arc;
use std::time::Duration;

use shuttle::sync::Mutex;
use tokio::sync::OwnedMutexGuard;
use unlapse_core::{BoxFuture, Holder, Key, Lease, Record, Store, StoreError, Stored};

use crate::world::step;

#[derive(Default)]
pub struct Records {
    slot: Arc<Mutex<Slot>>,
    lease: Arc<tokio::sync::Mutex<()>>,
    /// The generation in the record's own place.
    saved: Arc<tokio::sync::watch::Sender<u64>>,
}

#[derive(Default)]
struct Slot {
    kept: Option<Record>,
    aside: Option<Record>,
    /// So many saves more fail.
    failing: u32,
    looks: u32,
    looking: u32,
    looked_at_once: u32,
}

impl Records {
    /// The next `saves` saves find the disk full; copies can be set aside.
    pub fn fail_saves(&self, saves: u32) {
        self.slot.lock().expect("not poisoned").failing = saves;
    }

    /// What lies in the record's own place.
    pub fn kept(&self) -> Record {
        self.slot.lock().expect("not poisoned").kept.clone().unwrap_or_default()
    }

    /// Waits until this generation lies in the record's own place.
    pub async fn keeps(&self, generation: u64) {
        let mut saved = self.saved.subscribe();
        saved.wait_for(|saved| *saved == generation).await.expect("the store lives on");
    }

    /// How often it was read without a lease.
    pub fn looks(&self) -> u32 {
        self.slot.lock().expect("not poisoned").looks
    }

    /// How many have read it without a lease at one time, at most.
    pub fn looked_at_once(&self) -> u32 {
        self.slot.lock().expect("not poisoned").looked_at_once
    }

    fn newest(slot: &Mutex<Slot>) -> Option<Stored> {
        let slot = slot.lock().expect("not poisoned");
        Stored::newest(slot.kept.clone(), slot.aside.clone())
    }
}

impl Store for Records {
    fn load<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async {
            {
                let mut slot = self.slot.lock().expect("not poisoned");
                slot.looks += 1;
                slot.looking += 1;
                slot.looked_at_once = slot.looked_at_once.max(slot.looking);
            }
            let found = Self::newest(&self.slot);
            step().await;
            self.slot.lock().expect("not poisoned").looking -= 1;
            Ok(found)
        })
    }

    /// Waits for as long as it takes: time stands still.
    fn lease<'a>(
        &'a self,
        _: &'a Key,
        _: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Lease>, StoreError>> {
        Box::pin(async {
            step().await;
            let lease = Arc::clone(&self.lease).lock_owned().await;
            let slot = Arc::clone(&self.slot);
            let saved = Arc::clone(&self.saved);
            Ok(Box::new(Held { slot, saved, _lease: lease }) as Box<dyn Lease>)
        })
    }

    fn holder<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

struct Held {
    slot: Arc<Mutex<Slot>>,
    saved: Arc<tokio::sync::watch::Sender<u64>>,
    _lease: OwnedMutexGuard<()>,
}

impl Lease for Held {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        Box::pin(async {
            step().await;
            Ok(Records::newest(&self.slot))
        })
    }

    fn save<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async {
            step().await;
            let mut slot = self.slot.lock().expect("not poisoned");
            if slot.failing > 0 {
                slot.failing -= 1;
                return Err(StoreError::Full { place: "the record".to_owned() });
            }
            slot.kept = Some(record.clone());
            slot.aside = slot.aside.take().filter(|copy| copy.is_newer_than(record));
            drop(slot);
            self.saved.send_replace(record.generation);
            Ok(())
        })
    }

    fn set_aside<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async {
            step().await;
            self.slot.lock().expect("not poisoned").aside = Some(record.clone());
            Ok(())
        })
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async {
            step().await;
            let mut slot = self.slot.lock().expect("not poisoned");
            slot.kept = None;
            slot.aside = None;
            Ok(())
        })
    }
}
