//! The contract of every outbox store (conformance suite: `unlapse_store::conformance::outbox`).

use core::time::Duration;
use std::sync::Arc;

use super::entry::{EntryId, NewRequest, Progress, QueuedRequest, Summary};
use super::error::OutboxError;
use crate::store::BoxFuture;

/// Where requests wait.
pub trait OutboxStore: Send + Sync {
    /// Puts a request at the end of the line; durable when it returns. Nothing of it is there after an
    /// error. A missing idempotency key is drawn.
    fn append(&self, request: NewRequest) -> BoxFuture<'_, Result<Summary, OutboxError>>;

    /// What waits, in order, read without a lock.
    fn list(&self) -> BoxFuture<'_, Result<Contents, OutboxError>>;

    /// The exclusive right to send, over every process that can reach the store. Waits for at most
    /// `wait`, then says [`OutboxError::Busy`] with the holder.
    fn sender(&self, wait: Duration) -> BoxFuture<'_, Result<Arc<dyn Sender>, OutboxError>>;
}

/// The exclusive right to send, to change what waits and to remove it. Dropping the last handle gives
/// it up. Every change says [`StoreError::Fenced`](crate::StoreError::Fenced) when it was lost.
pub trait Sender: Send + Sync {
    /// An entry, whole. `None`: there is no such entry. One that is damaged is set aside and told as
    /// [`OutboxError::Damaged`], once.
    fn load(&self, id: EntryId) -> BoxFuture<'_, Result<Option<QueuedRequest>, OutboxError>>;

    /// Replaces an entry's progress; durable when it returns. Says [`OutboxError::NoEntry`] when there
    /// is no such entry.
    fn save(&self, id: EntryId, progress: Progress) -> BoxFuture<'_, Result<(), OutboxError>>;

    /// Removes an entry; durable when it returns. One that is not there is no error.
    fn remove(&self, id: EntryId) -> BoxFuture<'_, Result<(), OutboxError>>;
}

/// What an outbox holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// What waits and what was refused, first in first.
    pub entries: Vec<Summary>,
    /// Names of what cannot be used: never sent, in nobody's way, kept for a person to see.
    pub unreadable: Vec<String>,
    /// Those of them that were not set aside yet: loading one does so.
    pub damaged: Vec<EntryId>,
}
