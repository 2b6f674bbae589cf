//! How a file is replaced (C5), and how the room for the next replacement is kept (R3).

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use unlapse_core::{MAX_RECORD, StoreError};

use super::disk::Disk;
use super::failure::{at, unless_missing};
use super::layout::{parent, temporary};
use super::lock::Lock;
use super::trust::{exposed, ours};

/// Bytes set aside for an answer: the largest record there is.
const RESERVED: u64 = MAX_RECORD as u64;

/// A whole, durable file that waits to be put in its place.
pub(super) struct Staged {
    path: PathBuf,
    /// Whether the name is nobody else's, so that the file can be removed when it is not needed.
    unique: bool,
}

impl Staged {
    /// Writes `bytes` to a new file beside `target`.
    pub(super) fn temporary(
        disk: &dyn Disk,
        target: &Path,
        bytes: &[u8],
    ) -> Result<Self, StoreError> {
        let path = temporary(target).map_err(at(target))?;
        let file = disk.create(&path).map_err(at(target))?;
        let written = disk.write(&file, bytes).and_then(|()| disk.sync(&file));
        let staged = Self { path, unique: true };
        written.map_err(|error| {
            staged.discard(disk);
            at(target)(error)
        })?;
        Ok(staged)
    }

    /// Writes `bytes` into the room at `reserve`; `None` when there is none that can be used.
    ///
    /// What is left after the intent was saved needs no new block, no new file and no new directory
    /// entry: the blocks are allocated, the file is there, and both names of the rename are too.
    pub(super) fn reserved(disk: &dyn Disk, reserve: &Path, bytes: &[u8]) -> Option<Self> {
        if !is_reserved(reserve) || bytes.len() > MAX_RECORD {
            return None;
        }
        let written = disk.open_writable(reserve, false).and_then(|file| {
            disk.write(&file, bytes)?;
            disk.truncate(&file, bytes.len() as u64)?;
            disk.sync(&file)
        });
        match written {
            Ok(()) => Some(Self { path: reserve.to_owned(), unique: false }),
            Err(error) => {
                tracing::warn!(%error, "the reserved room could not be used");
                None
            }
        }
    }

    /// Puts the file in `target`'s place, durably; with a lock, only while it is held (R19).
    pub(super) fn put(
        self,
        disk: &dyn Disk,
        target: &Path,
        lock: Option<&Lock>,
    ) -> Result<(), StoreError> {
        let moved = lock
            .map_or(Ok(()), Lock::check)
            .and_then(|()| disk.rename(&self.path, target).map_err(at(target)));
        if moved.is_err() {
            self.discard(disk);
        }
        moved?;
        disk.sync_dir(parent(target)).map_err(at(target))
    }

    fn discard(&self, disk: &dyn Disk) {
        if self.unique {
            // The next lease sweeps up what stays.
            let _ = disk.remove(&self.path);
        }
    }
}

/// Sets room aside at `path`. The directory entry is made durable by whatever is put there next.
pub(super) fn reserve(disk: &dyn Disk, path: &Path) -> Result<(), StoreError> {
    if is_reserved(path) {
        return Ok(());
    }
    unless_missing(disk.remove(path)).map_err(at(path))?;
    let made: io::Result<()> = disk.create(path).and_then(|file| {
        disk.allocate(&file, RESERVED)?;
        disk.sync(&file)
    });
    made.map_err(|error| {
        let _ = disk.remove(path);
        at(path)(error)
    })
}

/// Whether `path` is a file of ours with all of its blocks: a crash may have left another.
pub(super) fn is_reserved(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| {
        metadata.is_file()
            && ours(&metadata)
            && !exposed(&metadata)
            && metadata.nlink() == 1
            && metadata.len() == RESERVED
            && metadata.blocks() * 512 >= RESERVED
    })
}
