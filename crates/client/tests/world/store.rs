use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use unlapse_core::{BoxFuture, Holder, Key, Lease, Record, Store, StoreError, Stored};

/// One key's record, with every write counted and any of them failing on demand.
#[derive(Default)]
pub struct WorldStore {
    pub kept: Arc<Mutex<Option<Record>>>,
    pub aside: Arc<Mutex<Option<Record>>>,
    faults: Arc<Faults>,
    lock: Mutex<Arc<tokio::sync::Mutex<()>>>,
}

#[derive(Default)]
struct Faults {
    /// Writes so far, kept and set aside.
    writes: AtomicUsize,
    saves: Mutex<Option<StoreError>>,
    asides: Mutex<Option<StoreError>>,
    away: Mutex<Option<StoreError>>,
    /// Saves from this one on fail.
    from: AtomicUsize,
    /// How often a lease was lost: one that was taken before is worth nothing.
    epoch: AtomicUsize,
    /// Removing fails.
    removes: Mutex<Option<StoreError>>,
    /// Reads fail, although there is a lease.
    reads: Mutex<Option<StoreError>>,
    /// How often the record was read without a lease.
    looks: AtomicUsize,
    /// Between what a read without a lease finds and its return.
    look_takes: Mutex<Duration>,
    /// The largest record that is taken, in bytes; zero: any.
    largest: AtomicUsize,
}

impl Faults {
    fn fits(&self, record: &Record) -> Result<(), StoreError> {
        let largest = self.largest.load(Ordering::SeqCst);
        if largest > 0 && record.to_bytes().len() > largest {
            return Err(StoreError::TooLarge);
        }
        Ok(())
    }
}

impl WorldStore {
    /// Every save fails from the `from`th of now on; with `asides`, so does setting aside.
    pub fn fail_saves(&self, from: usize, error: StoreError, asides: bool) {
        self.faults.writes.store(0, Ordering::SeqCst);
        self.faults.from.store(from, Ordering::SeqCst);
        *self.faults.asides.lock().unwrap() = asides.then(|| error.clone());
        *self.faults.saves.lock().unwrap() = Some(error);
    }

    /// Whoever has the lease has lost it without knowing, and the next may have it.
    pub fn lose_lease(&self) {
        self.faults.epoch.fetch_add(1, Ordering::SeqCst);
        *self.lock.lock().unwrap() = Arc::default();
    }

    /// Not even a lease can be had.
    pub fn go_away(&self, error: StoreError) {
        *self.faults.away.lock().unwrap() = Some(error);
    }

    pub fn heal(&self) {
        *self.faults.saves.lock().unwrap() = None;
        *self.faults.asides.lock().unwrap() = None;
        *self.faults.away.lock().unwrap() = None;
        *self.faults.reads.lock().unwrap() = None;
        self.fail_removes(None);
    }

    /// Nothing can be removed, or again.
    pub fn fail_removes(&self, error: Option<StoreError>) {
        *self.faults.removes.lock().unwrap() = error;
    }

    /// A lease can be had, but under it nothing can be read.
    pub fn fail_reads(&self, error: StoreError) {
        *self.faults.reads.lock().unwrap() = Some(error);
    }

    /// A read without a lease finds what it finds, and comes back so much later.
    pub fn slow_looks(&self, takes: Duration) {
        *self.faults.look_takes.lock().unwrap() = takes;
    }

    /// Records beyond so many bytes are too large from now on.
    pub fn limit(&self, bytes: usize) {
        self.faults.largest.store(bytes, Ordering::SeqCst);
    }

    /// Reads without a lease so far.
    pub fn looks(&self) -> usize {
        self.faults.looks.load(Ordering::SeqCst)
    }

    pub fn record(&self) -> Record {
        self.kept.lock().unwrap().clone().unwrap_or_default()
    }

    fn newest(kept: &Mutex<Option<Record>>, aside: &Mutex<Option<Record>>) -> Option<Stored> {
        let kept = kept.lock().unwrap().clone();
        let aside = aside.lock().unwrap().clone();
        Stored::newest(kept, aside)
    }

    fn away(&self) -> Result<(), StoreError> {
        self.faults.away.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

impl Store for WorldStore {
    fn load<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move {
            self.away()?;
            self.faults.looks.fetch_add(1, Ordering::SeqCst);
            let found = Self::newest(&self.kept, &self.aside);
            let takes = *self.faults.look_takes.lock().unwrap();
            if !takes.is_zero() {
                #[allow(clippy::disallowed_methods, reason = "the world owns its clock")]
                tokio::time::sleep(takes).await;
            }
            Ok(found)
        })
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Lease>, StoreError>> {
        Box::pin(async move {
            self.away()?;
            let epoch = self.faults.epoch.load(Ordering::SeqCst);
            let lock = Arc::clone(&*self.lock.lock().unwrap());
            #[allow(clippy::disallowed_methods, reason = "the world owns its clock")]
            let guard = tokio::time::timeout(wait, lock.lock_owned()).await;
            let guard = guard.map_err(|_| StoreError::Busy {
                key: key.clone(),
                holder: Some(Holder { pid: 42, host: "here".to_owned() }),
            })?;
            Ok(Box::new(WorldLease {
                kept: Arc::clone(&self.kept),
                aside: Arc::clone(&self.aside),
                faults: Arc::clone(&self.faults),
                epoch,
                _guard: guard,
            }) as Box<dyn Lease>)
        })
    }

    fn holder<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

struct WorldLease {
    kept: Arc<Mutex<Option<Record>>>,
    aside: Arc<Mutex<Option<Record>>>,
    faults: Arc<Faults>,
    /// The epoch in which it was taken.
    epoch: usize,
    _guard: OwnedMutexGuard<()>,
}

impl WorldLease {
    fn fence(&self) -> Result<(), StoreError> {
        let now = self.faults.epoch.load(Ordering::SeqCst);
        if now == self.epoch { Ok(()) } else { Err(StoreError::Fenced) }
    }
}

impl Lease for WorldLease {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        Box::pin(async {
            if let Some(error) = self.faults.reads.lock().unwrap().clone() {
                return Err(error);
            }
            Ok(WorldStore::newest(&self.kept, &self.aside))
        })
    }

    fn save<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.fence()?;
            self.faults.fits(record)?;
            let write = self.faults.writes.fetch_add(1, Ordering::SeqCst);
            if write >= self.faults.from.load(Ordering::SeqCst)
                && let Some(error) = self.faults.saves.lock().unwrap().clone()
            {
                return Err(error);
            }
            *self.kept.lock().unwrap() = Some(record.clone());
            let mut aside = self.aside.lock().unwrap();
            if aside.as_ref().is_some_and(|aside| !aside.is_newer_than(record)) {
                *aside = None;
            }
            Ok(())
        })
    }

    fn set_aside<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            if let Some(error) = self.faults.asides.lock().unwrap().clone() {
                return Err(error);
            }
            self.faults.fits(record)?;
            *self.aside.lock().unwrap() = Some(record.clone());
            Ok(())
        })
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.fence()?;
            if let Some(error) = self.faults.removes.lock().unwrap().clone() {
                return Err(error);
            }
            *self.kept.lock().unwrap() = None;
            *self.aside.lock().unwrap() = None;
            Ok(())
        })
    }
}
