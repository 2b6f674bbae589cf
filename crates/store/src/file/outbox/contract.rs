//! The core's contract over the synchronous outbox, on any executor.
//!
//! Each call runs on a thread of its own. A caller that drops its future changes nothing: what was
//! begun is ended there, and the lock is given up after it (R6).

use std::sync::Arc;
use std::time::Duration;

use blocking::unblock;
use unlapse_core::BoxFuture;
use unlapse_core::outbox::{
    Contents, EntryId, NewRequest, OutboxError, OutboxStore, Progress, QueuedRequest, Sender,
    Summary,
};

use super::sender::FileSender;
use super::store::FileOutbox;

impl OutboxStore for FileOutbox {
    fn append(&self, request: NewRequest) -> BoxFuture<'_, Result<Summary, OutboxError>> {
        let outbox = self.clone();
        Box::pin(unblock(move || outbox.put(request)))
    }

    fn list(&self) -> BoxFuture<'_, Result<Contents, OutboxError>> {
        let outbox = self.clone();
        Box::pin(unblock(move || outbox.contents()))
    }

    fn sender(&self, wait: Duration) -> BoxFuture<'_, Result<Arc<dyn Sender>, OutboxError>> {
        let outbox = self.clone();
        Box::pin(async move {
            let sender = unblock(move || outbox.lock_sender(wait)).await?;
            Ok(Arc::new(Shared(Arc::new(sender))) as Arc<dyn Sender>)
        })
    }
}

/// A right to send that outlives the future of a call on it.
struct Shared(Arc<FileSender>);

impl Sender for Shared {
    fn load(&self, id: EntryId) -> BoxFuture<'_, Result<Option<QueuedRequest>, OutboxError>> {
        let sender = Arc::clone(&self.0);
        Box::pin(unblock(move || sender.read(id)))
    }

    fn save(&self, id: EntryId, progress: Progress) -> BoxFuture<'_, Result<(), OutboxError>> {
        let sender = Arc::clone(&self.0);
        Box::pin(unblock(move || sender.write(id, progress)))
    }

    fn remove(&self, id: EntryId) -> BoxFuture<'_, Result<(), OutboxError>> {
        let sender = Arc::clone(&self.0);
        Box::pin(unblock(move || sender.delete(id)))
    }
}
