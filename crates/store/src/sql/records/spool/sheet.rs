//! Files of entries. A batch has a file of its own for as long as one of its entries is needed; the
//! next batch writes over it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use unlapse_core::StoreError;

use super::entry::Entry;
use crate::file::{Disk, DiskFile, Raw, ensure_dir, failure, look_up_to};
use crate::sql::records::node::NodeId;

/// No batch of ours is larger.
const LARGEST: usize = 16 * 1024 * 1024;

const SHEET: &str = ".spool";
const LOCK: &str = ".spool-lock";
const DAMAGED: &str = ".spool-damaged";

/// The sheets of one node in a folder, which are its own for as long as it has the lock.
pub(super) struct Sheets {
    folder: PathBuf,
    node: String,
    /// Let go of by the kernel, however the process ends.
    _lock: DiskFile,
}

/// What was found of a node that is no more.
pub(super) struct Left {
    pub(super) entries: Vec<Entry>,
    /// Its sheets, and whether there is something in them that cannot be read.
    pub(super) sheets: Vec<(PathBuf, bool)>,
    lock: PathBuf,
    _locked: DiskFile,
}

impl Sheets {
    /// Makes the folder, 0700, and the lock of `node` in it.
    pub(super) fn open(disk: &dyn Disk, folder: &Path, node: NodeId) -> Result<Self, StoreError> {
        ensure_dir(disk, folder, true)?;
        let node = node.to_string();
        let path = folder.join(format!("{node}{LOCK}"));
        let lock = lock(disk, &path).map_err(|error| failure(&path, &error))?;
        Ok(Self { folder: folder.to_owned(), node, _lock: lock })
    }

    /// A new sheet.
    pub(super) fn create(&self, disk: &dyn Disk, number: u64) -> Result<DiskFile, StoreError> {
        let path = self.folder.join(format!("{}-{number}{SHEET}", self.node));
        let create = || {
            let file = disk.create(&path)?;
            disk.sync_dir(&self.folder)?;
            Ok(file)
        };
        create().map_err(|error| failure(&path, &error))
    }

    /// Removes the lock: the node is gone, and has left nothing.
    pub(super) fn close(&self, disk: &dyn Disk) {
        let _ = disk.remove(&self.folder.join(format!("{}{LOCK}", self.node)));
    }
}

/// A new lock. Whoever looks for what was left may have found it free, and removed it, before it was
/// locked: then it is made again.
fn lock(disk: &dyn Disk, path: &Path) -> std::io::Result<DiskFile> {
    for _ in 0..100 {
        let lock = disk.open_writable(path, true)?;
        if lock.file.try_lock().is_ok() {
            let (open, there) = (lock.file.metadata()?, std::fs::symlink_metadata(path));
            if there.is_ok_and(|there| there.ino() == open.ino()) {
                return Ok(lock);
            }
        }
        std::thread::yield_now();
    }
    Err(std::io::ErrorKind::WouldBlock.into())
}

/// Writes a sheet; durable when it returns. One that could not be written has anything in it.
pub(super) fn write(disk: &dyn Disk, sheet: &DiskFile, lines: &[u8]) -> Result<(), StoreError> {
    let written = disk.write(sheet, lines).and_then(|()| disk.sync(sheet));
    written.map_err(|error| failure(&sheet.path, &error))
}

/// What nodes have left in `folder` whose processes are gone.
pub(super) fn left(disk: &dyn Disk, folder: &Path) -> Vec<Left> {
    let Ok(names) = disk.names(folder) else { return Vec::new() };
    let names: Vec<_> = names.iter().filter_map(|name| name.to_str()).collect();
    let nodes = names.iter().filter_map(|name| name.strip_suffix(LOCK));
    let of = |node: &str| {
        let lock = folder.join(format!("{node}{LOCK}"));
        let locked = disk.open_writable(&lock, false).ok()?;
        locked.file.try_lock().ok()?;
        let (mut entries, mut sheets) = (Vec::new(), Vec::new());
        for name in &names {
            if name.starts_with(&format!("{node}-")) && name.ends_with(SHEET) {
                let path = folder.join(name);
                let is_damaged = read(disk, &path, &mut entries)?;
                sheets.push((path, is_damaged));
            }
        }
        Some(Left { entries, sheets, lock, _locked: locked })
    };
    nodes.filter_map(of).collect()
}

/// Reads a sheet; whether there is something in it that is no entry, but for a torn end: whoever
/// wrote that was told that it was not written. `None` when it cannot be looked at now.
fn read(disk: &dyn Disk, path: &Path, entries: &mut Vec<Entry>) -> Option<bool> {
    let bytes = match look_up_to(disk, path, LARGEST) {
        Ok(Raw::Bytes(bytes)) => bytes,
        Ok(Raw::Absent) => return Some(false),
        Ok(Raw::Damaged(_)) => return Some(true),
        Err(_) => return None,
    };
    let mut is_damaged = false;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match Entry::from_line(line) {
            Some(entry) => entries.push(entry),
            None => is_damaged |= line.ends_with(b"\n"),
        }
    }
    Some(is_damaged)
}

impl Left {
    /// Removes everything: what was in it is in the database. A sheet that is damaged is kept for a
    /// person to look at.
    pub(super) fn remove(self, disk: &dyn Disk) {
        for (path, is_damaged) in &self.sheets {
            if *is_damaged {
                let aside = path.with_extension(&DAMAGED[1..]);
                tracing::error!(
                    code = "store_damaged",
                    path = %aside.display(),
                    "a spool has lines that cannot be read: they are kept there"
                );
                let _ = disk.rename(path, &aside);
            } else {
                let _ = disk.remove(path);
            }
        }
        // The lock last: who comes between finds nothing to do.
        let _ = disk.remove(&self.lock);
    }
}
