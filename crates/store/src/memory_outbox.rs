//! The reference of the outbox's contract.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use unlapse_core::outbox::{
    Contents, EntryId, NewRequest, OutboxError, OutboxLimits, OutboxStore, Progress, QueuedRequest,
    Sender, Summary,
};
use unlapse_core::{BoxFuture, Holder, StoreError};

use crate::random;
use crate::seal::broken;

/// Requests that wait in memory, gone with the process. Cheap to clone: clones share them.
#[derive(Clone, Debug, Default)]
pub struct MemoryOutbox {
    shared: Arc<Shared>,
    limits: OutboxLimits,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    released: Condvar,
}

#[derive(Debug, Default)]
struct State {
    entries: BTreeMap<EntryId, QueuedRequest>,
    last: u64,
    senders: u64,
    /// The number of the sender that holds the right.
    holder: Option<u64>,
    fail: Option<StoreError>,
}

impl MemoryOutbox {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// How much it takes.
    #[must_use]
    pub fn limits(mut self, limits: OutboxLimits) -> Self {
        self.limits = limits;
        self
    }

    /// From now on every change fails like this; `None` ends it. For tests of others.
    pub fn fail(&self, failure: Option<StoreError>) {
        self.shared.state().fail = failure;
    }

    fn put(&self, request: NewRequest) -> Result<Summary, OutboxError> {
        let mut state = self.shared.writable()?;
        let total = state.entries.values().map(|entry| entry.to_bytes().len() as u64).sum();
        self.limits.admit(&request, state.entries.len(), total)?;
        state.last += 1;
        let id = EntryId { number: state.last, tag: random::tag().map_err(|_| broken())? };
        let idempotency_key = match request.idempotency_key {
            Some(key) => key,
            None => random::idempotency_key().map_err(|_| broken())?,
        };
        let entry = QueuedRequest {
            id,
            key: request.key,
            message: request.message,
            idempotency_key,
            queued_at: request.queued_at,
            progress: Progress::default(),
        };
        let summary = entry.summary();
        state.entries.insert(id, entry);
        Ok(summary)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writable(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        match state.fail.clone() {
            Some(failure) => Err(failure),
            None => Ok(state),
        }
    }

    fn sender(self: &Arc<Self>, wait: Duration) -> Result<MemorySender, OutboxError> {
        let held = |state: &mut State| state.holder.is_some();
        let (mut state, _) = self
            .released
            .wait_timeout_while(self.state(), wait, held)
            .unwrap_or_else(PoisonError::into_inner);
        if state.holder.is_some() {
            let holder = Holder { pid: std::process::id(), host: "this process".to_owned() };
            return Err(OutboxError::Busy { holder: Some(holder) });
        }
        state.senders += 1;
        let number = state.senders;
        state.holder = Some(number);
        Ok(MemorySender { shared: Arc::clone(self), number })
    }
}

impl OutboxStore for MemoryOutbox {
    fn append(&self, request: NewRequest) -> BoxFuture<'_, Result<Summary, OutboxError>> {
        Box::pin(async move { self.put(request) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Contents, OutboxError>> {
        Box::pin(async move {
            let entries =
                self.shared.state().entries.values().map(QueuedRequest::summary).collect();
            Ok(Contents { entries, ..Contents::default() })
        })
    }

    fn sender(&self, wait: Duration) -> BoxFuture<'_, Result<Arc<dyn Sender>, OutboxError>> {
        Box::pin(async move {
            let sender = match self.shared.sender(Duration::ZERO) {
                Err(OutboxError::Busy { .. }) if !wait.is_zero() => {
                    let shared = Arc::clone(&self.shared);
                    blocking::unblock(move || shared.sender(wait)).await
                }
                done => done,
            };
            sender.map(|sender| Arc::new(sender) as Arc<dyn Sender>)
        })
    }
}

#[derive(Debug)]
struct MemorySender {
    shared: Arc<Shared>,
    number: u64,
}

impl MemorySender {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, StoreError> {
        let mut state = self.shared.writable()?;
        if state.holder == Some(self.number) {
            Ok(change(&mut state))
        } else {
            Err(StoreError::Fenced)
        }
    }
}

impl Sender for MemorySender {
    fn load(&self, id: EntryId) -> BoxFuture<'_, Result<Option<QueuedRequest>, OutboxError>> {
        Box::pin(async move { Ok(self.shared.state().entries.get(&id).cloned()) })
    }

    fn save(&self, id: EntryId, progress: Progress) -> BoxFuture<'_, Result<(), OutboxError>> {
        Box::pin(async move {
            self.change(|state| match state.entries.get_mut(&id) {
                Some(entry) => {
                    entry.progress = progress;
                    Ok(())
                }
                None => Err(OutboxError::NoEntry { id }),
            })?
        })
    }

    fn remove(&self, id: EntryId) -> BoxFuture<'_, Result<(), OutboxError>> {
        Box::pin(async move {
            self.change(|state| state.entries.remove(&id))?;
            Ok(())
        })
    }
}

impl Drop for MemorySender {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        if state.holder == Some(self.number) {
            state.holder = None;
        }
        drop(state);
        self.shared.released.notify_all();
    }
}
