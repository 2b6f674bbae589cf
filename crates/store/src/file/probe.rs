//! What `doctor` asks of a store.

use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use unlapse_core::StoreError;

use super::disk::Disk;
use super::failure::at;
use super::layout::temporary;
use super::replace::Staged;
use super::store::FileStore;
use super::trust::{ensure_dir, exposed, ours, private_dir};

/// What was found where records rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The directory that was looked at.
    pub dir: PathBuf,
    /// Whose it is and who can enter it, before anything was done to it.
    pub permissions: Permissions,
    /// Whether a file can be created there and made durable.
    pub writable: Result<(), StoreError>,
    /// Whether two descriptors exclude each other there: on some network file systems they do not,
    /// and nothing keeps two processes from renewing at once. `Err` when it could not be tried.
    pub locks: Result<bool, StoreError>,
    /// Each fallback directory, and whether it is there and private.
    pub fallbacks: Vec<(PathBuf, bool)>,
    /// What was quarantined and is still kept.
    pub quarantined: Vec<PathBuf>,
}

/// Who can enter a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permissions {
    /// It does not exist yet.
    Missing,
    /// This user alone.
    Private,
    /// Others too. In a directory of the store's own, that is repaired.
    Open,
    /// It is somebody else's.
    NotOurs,
    /// It is no directory.
    NotADirectory,
}

impl FileStore {
    /// Tries what a renewal needs, without touching a record.
    pub fn probe(&self) -> Result<Probe, StoreError> {
        let dir = self.layout().dir().to_owned();
        let permissions = permissions(&dir);
        let writable = ensure_dir(self.raw_disk(), &dir, self.owns_dir());
        let trial = dir.join("probe");
        let writable = writable.and_then(|()| {
            let staged = temporary(&trial).map_err(at(&trial))?;
            let written = Staged::temporary(self.raw_disk(), &staged, b"probe")
                .and_then(|file| file.put(self.raw_disk(), &staged, None));
            // Whatever came of it, nothing of it stays.
            let _ = self.raw_disk().remove(&staged);
            written
        });
        let fallbacks = self.fallback_dirs().iter();
        Ok(Probe {
            locks: writable.clone().and_then(|()| excludes(self.raw_disk(), &trial)),
            permissions,
            writable,
            fallbacks: fallbacks.map(|dir| (dir.clone(), private_dir(dir))).collect(),
            quarantined: self.quarantined()?,
            dir,
        })
    }
}

fn permissions(dir: &Path) -> Permissions {
    match std::fs::metadata(dir) {
        Err(_) => Permissions::Missing,
        Ok(metadata) if !metadata.is_dir() => Permissions::NotADirectory,
        Ok(metadata) if !ours(&metadata) => Permissions::NotOurs,
        Ok(metadata) if exposed(&metadata) => Permissions::Open,
        Ok(_) => Permissions::Private,
    }
}

/// Whether a second descriptor is kept out while a first one holds the lock, and let in after.
fn excludes(disk: &dyn Disk, trial: &Path) -> Result<bool, StoreError> {
    let path = temporary(trial).map_err(at(trial))?;
    let tried = disk.create(&path).and_then(|first| {
        let second = disk.open_writable(&path, false)?;
        let held = first.file.try_lock().is_ok();
        let kept_out = matches!(second.file.try_lock(), Err(TryLockError::WouldBlock));
        drop(first);
        Ok(held && kept_out && second.file.try_lock().is_ok())
    });
    let _ = disk.remove(&path);
    tried.map_err(at(trial))
}
