//! The contract of every store (conformance suite: `unlapse_store::conformance`).

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::key::Key;
use crate::record::Record;

/// A future in a box, so that stores can be held as `dyn`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where records rest.
pub trait Store: Send + Sync {
    /// The newest record of `key`, read without a lock. A reader sees a whole record or none,
    /// whatever writers do meanwhile.
    fn load<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Stored>, StoreError>>;

    /// The exclusive right to change `key`'s record, over every process that can reach the store.
    /// Waits for at most `wait`, then says [`StoreError::Busy`] with the holder.
    fn lease<'a>(
        &'a self,
        key: &'a Key,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Lease>, StoreError>>;

    /// Who holds the lease on `key` now, where the store can tell.
    fn holder<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Holder>, StoreError>>;

    /// Every key that has a record.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Key>, StoreError>>;
}

/// The exclusive right to change one key's record. Dropping it gives it up.
///
/// Saving demands a lease by type: nothing can be written without one.
pub trait Lease: Send + Sync {
    /// The newest record, as [`Store::load`], but under the lease: it cannot change meanwhile.
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>>;

    /// Replaces the record; durable when it returns. Says [`StoreError::Fenced`] when the lease was
    /// lost (R19). Saving a record with an intent also sets aside the room that the answer will
    /// need (R3). A successful save drops every set-aside copy that it supersedes.
    fn save<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Puts a record where the next holder finds it, when it cannot be saved: the lease was lost
    /// (R19), or the disk takes nothing (R5). Somewhere else than the record's own place, as
    /// durable as can be had. Needs no valid lease.
    fn set_aside<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Removes the record and every copy: logout, clear, security event.
    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// A record as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The record.
    pub record: Record,
    /// Where it lies.
    pub place: Place,
}

impl Stored {
    /// The newer of a record in its own place and a copy that was set aside; its own place's when
    /// both are alike.
    pub fn newest(kept: Option<Record>, aside: Option<Record>) -> Option<Self> {
        let found = |place| move |record| Self { record, place };
        match (kept, aside) {
            (Some(own), Some(copy)) if copy.is_newer_than(&own) => {
                Some(copy).map(found(Place::SetAside))
            }
            (Some(own), _) => Some(own).map(found(Place::Kept)),
            (None, copy) => copy.map(found(Place::SetAside)),
        }
    }
}

/// Where a record was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In its own place.
    Kept,
    /// Only set aside, since it could not be saved: it still has to be (R5, R19).
    SetAside,
}

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// The name of its host.
    pub host: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}
