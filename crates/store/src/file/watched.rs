//! A disk that asks before each effect, so that one can fail or be the last.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskFile, RealDisk};

/// What is about to be done to the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskStep {
    /// What.
    pub operation: DiskOperation,
    /// To what; a rename's target.
    pub path: PathBuf,
}

/// The operations of a [`Disk`], but for those that only look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the trait's methods")]
pub enum DiskOperation {
    CreateDir,
    Restrict,
    Create,
    OpenWritable,
    Allocate,
    Write,
    Truncate,
    Sync,
    SyncDir,
    Rename,
    Remove,
}

/// A [`RealDisk`] that asks `before` each effect: an error takes the effect's place, and a process
/// that ends there ends between two effects. For tests, simulators and drills.
pub struct WatchedDisk<F> {
    before: F,
}

impl<F: Fn(&DiskStep) -> io::Result<()> + Send + Sync> WatchedDisk<F> {
    /// Asks `before` each effect.
    pub fn new(before: F) -> Self {
        Self { before }
    }

    fn ask(&self, operation: DiskOperation, path: &Path) -> io::Result<()> {
        (self.before)(&DiskStep { operation, path: path.to_owned() })
    }
}

impl<F: Fn(&DiskStep) -> io::Result<()> + Send + Sync> Disk for WatchedDisk<F> {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(DiskOperation::CreateDir, path)?;
        RealDisk.create_dir(path)
    }

    fn restrict(&self, path: &Path, mode: u32) -> io::Result<()> {
        self.ask(DiskOperation::Restrict, path)?;
        RealDisk.restrict(path, mode)
    }

    fn create(&self, path: &Path) -> io::Result<DiskFile> {
        self.ask(DiskOperation::Create, path)?;
        RealDisk.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<DiskFile> {
        RealDisk.open(path)
    }

    fn open_writable(&self, path: &Path, create: bool) -> io::Result<DiskFile> {
        self.ask(DiskOperation::OpenWritable, path)?;
        RealDisk.open_writable(path, create)
    }

    fn read(&self, file: &DiskFile, limit: usize) -> io::Result<Vec<u8>> {
        RealDisk.read(file, limit)
    }

    fn allocate(&self, file: &DiskFile, len: u64) -> io::Result<()> {
        self.ask(DiskOperation::Allocate, &file.path)?;
        RealDisk.allocate(file, len)
    }

    fn write(&self, file: &DiskFile, bytes: &[u8]) -> io::Result<()> {
        self.ask(DiskOperation::Write, &file.path)?;
        // In two halves, so that there is a torn write to end in.
        let (first, _) = bytes.split_at(bytes.len() / 2);
        RealDisk.write(file, first)?;
        self.ask(DiskOperation::Write, &file.path)?;
        RealDisk.write(file, bytes)
    }

    fn truncate(&self, file: &DiskFile, len: u64) -> io::Result<()> {
        self.ask(DiskOperation::Truncate, &file.path)?;
        RealDisk.truncate(file, len)
    }

    fn sync(&self, file: &DiskFile) -> io::Result<()> {
        self.ask(DiskOperation::Sync, &file.path)?;
        RealDisk.sync(file)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.ask(DiskOperation::SyncDir, path)?;
        RealDisk.sync_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(DiskOperation::Rename, to)?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.ask(DiskOperation::Remove, path)?;
        RealDisk.remove(path)
    }

    fn names(&self, path: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.names(path)
    }
}
