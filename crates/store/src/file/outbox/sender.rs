//! The right to send: what is changed and removed, under the lock.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse_core::outbox::{EntryId, OutboxError, Progress, QueuedRequest};

use super::super::failure::{at, unless_missing};
use super::super::layout::parent;
use super::super::lock::Lock;
use super::super::quarantine::quarantine;
use super::store::{FileOutbox, Seen};

/// The exclusive right to send, over every process of this machine. Dropping it gives it up; so does
/// dying.
pub struct FileSender {
    outbox: FileOutbox,
    lock: Lock,
    /// One change at a time: a caller may have dropped the future of an earlier one (R6).
    turn: Mutex<()>,
}

impl FileSender {
    pub(super) fn new(outbox: FileOutbox, lock: Lock) -> Self {
        Self { outbox, lock, turn: Mutex::new(()) }
    }

    /// An entry, whole. One that is damaged is set aside and told, once.
    pub fn read(&self, id: EntryId) -> Result<Option<QueuedRequest>, OutboxError> {
        let _turn = self.turn();
        match self.outbox.look(id)? {
            Seen::Absent => Ok(None),
            Seen::Good(entry) => Ok(Some(*entry)),
            Seen::Damaged(damage) => {
                self.lock.check()?;
                let kept = quarantine(self.outbox.raw_disk(), &self.outbox.path(id), damage);
                let kept = kept.map(|path| path.display().to_string());
                Err(OutboxError::Damaged { id, damage, kept })
            }
        }
    }

    /// Replaces an entry's progress; durable when it returns.
    pub fn write(&self, id: EntryId, progress: Progress) -> Result<(), OutboxError> {
        let _turn = self.turn();
        self.lock.check()?;
        match self.outbox.look(id)? {
            Seen::Good(mut entry) => {
                entry.progress = progress;
                Ok(self.outbox.write(&entry, &self.lock)?)
            }
            Seen::Absent => Err(OutboxError::NoEntry { id }),
            Seen::Damaged(damage) => Err(OutboxError::Damaged { id, damage, kept: None }),
        }
    }

    /// Removes an entry; durable when it returns.
    pub fn delete(&self, id: EntryId) -> Result<(), OutboxError> {
        let _turn = self.turn();
        self.lock.check()?;
        let (disk, path) = (self.outbox.raw_disk(), self.outbox.path(id));
        let removed = unless_missing(disk.remove(&path))
            .and_then(|()| unless_missing(disk.sync_dir(parent(&path))));
        Ok(removed.map_err(at(&path))?)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for FileSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSender").field("outbox", &self.outbox).finish_non_exhaustive()
    }
}
