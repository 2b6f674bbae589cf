//! A store of one process.

mod denials;
mod sessions;
mod tickets;

use core::future::ready;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use unlapse_core::{BoxFuture, UnixTime};

use self::sessions::KeptSessions;
use self::tickets::KeptTickets;
use crate::audit_log::{AuditEntry, AuditLog};
use crate::denials::Denial;
use crate::kept_keys::{KeptKey, KeptKeys};
use crate::store::{Store, Unavailable};

/// Keeps everything for as long as the process lives: for tests, demonstrations, and services whose
/// logins may end with them. Of the audit log, the newest 10,000 entries.
#[derive(Debug, Default)]
pub struct MemoryStore {
    sessions: Mutex<KeptSessions>,
    tickets: Mutex<KeptTickets>,
    denials: Mutex<VecDeque<Denial>>,
    keys: Mutex<BTreeMap<String, KeptKey>>,
    audit: Mutex<VecDeque<AuditEntry>>,
    news: Notify,
}

const ENTRIES: usize = 10_000;

/// What a store in memory answers with: at once, and always.
fn done<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, Unavailable>> {
    Box::pin(ready(Ok(value)))
}

/// Every change under a lock of ours is whole in itself: a panic elsewhere leaves nothing half.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryStore {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The newest entries of the audit log, the oldest first.
    pub fn audit_entries(&self) -> Vec<AuditEntry> {
        locked(&self.audit).iter().cloned().collect()
    }

    fn sessions(&self) -> MutexGuard<'_, KeptSessions> {
        locked(&self.sessions)
    }

    fn tickets(&self) -> MutexGuard<'_, KeptTickets> {
        locked(&self.tickets)
    }

    fn denials_lock(&self) -> MutexGuard<'_, VecDeque<Denial>> {
        locked(&self.denials)
    }
}

impl KeptKeys for MemoryStore {
    fn keys(&self) -> BoxFuture<'_, Result<Vec<KeptKey>, Unavailable>> {
        done(locked(&self.keys).values().cloned().collect())
    }

    fn insert_key<'a>(
        &'a self,
        kid: &'a str,
        document: &'a [u8],
    ) -> BoxFuture<'a, Result<bool, Unavailable>> {
        let mut keys = locked(&self.keys);
        let fresh = !keys.contains_key(kid);
        if fresh {
            let key = KeptKey { kid: kid.to_owned(), version: 1, document: document.to_vec() };
            keys.insert(kid.to_owned(), key);
        }
        done(fresh)
    }

    fn replace_key<'a>(&'a self, key: &'a KeptKey) -> BoxFuture<'a, Result<bool, Unavailable>> {
        let mut keys = locked(&self.keys);
        let found = keys.get_mut(&key.kid).filter(|kept| kept.version == key.version);
        let replaced = found.map(|kept| {
            *kept = KeptKey { version: key.version + 1, ..key.clone() };
        });
        done(replaced.is_some())
    }

    fn remove_key<'a>(&'a self, kid: &'a str) -> BoxFuture<'a, Result<(), Unavailable>> {
        locked(&self.keys).remove(kid);
        done(())
    }
}

impl AuditLog for MemoryStore {
    fn append<'a>(&'a self, entries: &'a [AuditEntry]) -> BoxFuture<'a, Result<(), Unavailable>> {
        let mut audit = locked(&self.audit);
        audit.extend(entries.iter().cloned());
        let over = audit.len().saturating_sub(ENTRIES);
        audit.drain(..over);
        done(())
    }
}

impl Store for MemoryStore {
    fn sweep(&self, now: UnixTime) -> BoxFuture<'_, Result<u64, Unavailable>> {
        let swept = self.sessions().sweep(now) + self.tickets().sweep(now);
        done(u64::try_from(swept).unwrap_or(u64::MAX))
    }
}
