//! The outbox: what is put in, and what is looked at without a lock.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use unlapse_core::outbox::{
    Contents, EntryId, NewRequest, OutboxError, OutboxLimits, Progress, QueuedRequest, Summary,
};
use unlapse_core::{Damage, StoreError};

use super::super::disk::{Disk, RealDisk};
use super::super::lock::Lock;
use super::super::replace::Staged;
use super::super::trust::{Raw, ensure_dir, look_up_to};
use super::place::{Name, Place, len};
use super::sealed;
use super::sender::FileSender;
use crate::custody::Custody;
use crate::random;
use crate::seal::{Sealer, Unopened, broken};

/// Longest wait for another process that is putting something in: it takes milliseconds.
const APPEND_WAIT: Duration = Duration::from_secs(10);

/// The largest file that is looked into: the content that the limits may allow, and a head.
const MAX_FILE: usize = OutboxLimits::MAX_BODY + 256 * 1024;

/// Requests that wait, in sealed files of a directory (K12). Cheap to clone.
///
/// Its own methods are synchronous and start no thread; the contract
/// [`OutboxStore`](unlapse_core::outbox::OutboxStore) is implemented over them.
#[derive(Clone)]
pub struct FileOutbox {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    place: Place,
    sealer: Sealer,
    limits: OutboxLimits,
    disk: Arc<dyn Disk>,
}

/// What a look at one entry shows.
pub(super) enum Seen {
    Absent,
    Good(Box<QueuedRequest>),
    Damaged(Damage),
}

impl FileOutbox {
    /// Requests of `project` in the directory `dir`, which is the outbox's own (0700), sealed under
    /// what `custody` keeps. `project` is any text that other projects do not share (C2).
    pub fn new(
        dir: impl Into<PathBuf>,
        project: impl Into<String>,
        custody: Arc<dyn Custody>,
    ) -> Self {
        let inner = Inner {
            place: Place(dir.into()),
            sealer: Sealer::new(custody, project),
            limits: OutboxLimits::default(),
            disk: Arc::new(RealDisk),
        };
        Self { inner: Arc::new(inner) }
    }

    /// How much it takes.
    #[must_use]
    pub fn limits(mut self, limits: OutboxLimits) -> Self {
        Arc::make_mut(&mut self.inner).limits = limits;
        self
    }

    /// Another disk than the operating system's.
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Self {
        Arc::make_mut(&mut self.inner).disk = disk;
        self
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.inner.place.0
    }

    /// Puts a request at the end of the line; durable when it returns. Nothing of it is there after an
    /// error.
    pub fn put(&self, request: NewRequest) -> Result<Summary, OutboxError> {
        // What is refused whatever else is there makes no directory.
        self.inner.limits.admit(&request, 0, 0)?;
        let disk = self.raw_disk();
        ensure_dir(disk, self.dir(), true)?;
        let lock = self.lock(&self.inner.place.append_lock(), APPEND_WAIT)?;
        let files = self.inner.place.files(disk)?;
        Place::sweep(disk, &files);
        let entries = || files.iter().filter(|(name, _)| matches!(name, Name::Entry(_)));
        let total = entries().map(|(_, path)| len(path)).sum();
        self.inner.limits.admit(&request, entries().count(), total)?;
        if let Some((_, newest)) = entries().next_back()
            && let Ok(Raw::Bytes(bytes)) = look_up_to(disk, newest, MAX_FILE)
        {
            sealed::follow(&self.inner.sealer, &bytes)?;
        }
        let last = files.iter().map(|(name, _)| match name {
            Name::Entry(id) | Name::Quarantined(id) => id.number,
            Name::Temporary(_) => 0,
        });
        let number = last.max().unwrap_or(0).checked_add(1).ok_or_else(broken)?;
        let id = EntryId { number, tag: random::tag().map_err(|_| broken())? };
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
        if let Err(error) = self.write(&entry, &lock) {
            // Moved into its place, and not durable there: half queued is not queued.
            let _ = disk.remove(&self.inner.place.entry(id));
            return Err(error.into());
        }
        Ok(entry.summary())
    }

    /// What waits, in order, without a lock. What cannot be used is named, and left where it is until
    /// somebody sends.
    pub fn contents(&self) -> Result<Contents, OutboxError> {
        let mut contents = Contents::default();
        for (name, path) in self.inner.place.files(self.raw_disk())? {
            match name {
                Name::Entry(id) => match self.look(id)? {
                    // Sent meanwhile.
                    Seen::Absent => {}
                    Seen::Good(entry) => contents.entries.push(entry.summary()),
                    Seen::Damaged(_) => {
                        contents.unreadable.push(path.display().to_string());
                        contents.damaged.push(id);
                    }
                },
                Name::Quarantined(_) => contents.unreadable.push(path.display().to_string()),
                Name::Temporary(_) => {}
            }
        }
        Ok(contents)
    }

    /// The exclusive right to send. Waits for at most `wait`.
    pub fn lock_sender(&self, wait: Duration) -> Result<FileSender, OutboxError> {
        ensure_dir(self.raw_disk(), self.dir(), true)?;
        let lock = self.lock(&self.inner.place.send_lock(), wait)?;
        Place::sweep(self.raw_disk(), &self.inner.place.files(self.raw_disk())?);
        Ok(FileSender::new(self.clone(), lock))
    }

    pub(super) fn raw_disk(&self) -> &dyn Disk {
        &*self.inner.disk
    }

    pub(super) fn path(&self, id: EntryId) -> PathBuf {
        self.inner.place.entry(id)
    }

    /// Looks at one entry.
    pub(super) fn look(&self, id: EntryId) -> Result<Seen, StoreError> {
        let path = self.path(id);
        let bytes = match look_up_to(self.raw_disk(), &path, MAX_FILE)? {
            Raw::Absent => return Ok(Seen::Absent),
            // The bound of a record is not the one that was broken.
            Raw::Damaged(Damage::Oversized) => return Ok(Seen::Damaged(Damage::Corrupt)),
            Raw::Damaged(damage) => return Ok(Seen::Damaged(damage)),
            Raw::Bytes(bytes) => bytes,
        };
        match sealed::open(&self.inner.sealer, id, &bytes) {
            Ok(entry) => Ok(Seen::Good(Box::new(entry))),
            Err(Unopened::Damaged(damage)) => Ok(Seen::Damaged(damage)),
            Err(Unopened::OtherKey(_)) => Ok(Seen::Damaged(Damage::Undecryptable)),
            Err(Unopened::Custody(error)) => Err(StoreError::Custody(error)),
            Err(Unopened::OtherCustody(kind)) => Err(StoreError::Io {
                place: format!(
                    "{} is sealed under {kind}, which is not the custody that is configured",
                    path.display()
                ),
                kind: ErrorKind::Unsupported,
            }),
        }
    }

    /// Puts an entry in its place, whole and durable, while `lock` is held.
    pub(super) fn write(&self, entry: &QueuedRequest, lock: &Lock) -> Result<(), StoreError> {
        let sealed = sealed::seal(&self.inner.sealer, entry)?;
        let path = self.path(entry.id);
        Staged::temporary(self.raw_disk(), &path, &sealed)?.put(self.raw_disk(), &path, Some(lock))
    }

    fn lock(
        &self,
        paths: &super::super::layout::Paths,
        wait: Duration,
    ) -> Result<Lock, OutboxError> {
        Lock::take(self.raw_disk(), paths, wait).map_err(|failed| match failed {
            Ok(holder) => OutboxError::Busy { holder },
            Err(error) => error.into(),
        })
    }
}

impl fmt::Debug for FileOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileOutbox").field("dir", &self.dir()).finish_non_exhaustive()
    }
}
