//! Which files and directories are trusted.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use unlapse_core::{Damage, MAX_RECORD, StoreError};

use super::disk::Disk;
use super::failure::at;

/// What lies in a record's place.
pub(crate) enum Raw {
    /// Nothing.
    Absent,
    /// A file of ours that nobody else could touch.
    Bytes(Vec<u8>),
    /// Something else (C3, C4).
    Damaged(Damage),
}

/// Reads the record at `path` if it is to be trusted.
pub(super) fn look(disk: &dyn Disk, path: &Path) -> Result<Raw, StoreError> {
    look_up_to(disk, path, MAX_RECORD)
}

/// Reads `path` if it is to be trusted and has `most` bytes. The size is looked at before the content.
pub(crate) fn look_up_to(disk: &dyn Disk, path: &Path, most: usize) -> Result<Raw, StoreError> {
    let file = match disk.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Raw::Absent),
        // A link, a socket, or a file of somebody else does not open.
        Err(error) => match std::fs::symlink_metadata(path) {
            Ok(metadata) if !metadata.is_file() || !ours(&metadata) => {
                return Ok(Raw::Damaged(Damage::NotAFile));
            }
            // Replaced between the two.
            Err(gone) if gone.kind() == ErrorKind::NotFound => return Ok(Raw::Absent),
            _ => return Err(unreadable(path, &error)),
        },
    };
    // Of the open file, not of the path: what is judged is what is read.
    let metadata = file.file.metadata().map_err(|error| unreadable(path, &error))?;
    if !metadata.is_file() || !ours(&metadata) {
        return Ok(Raw::Damaged(Damage::NotAFile));
    }
    if exposed(&metadata) {
        return Ok(Raw::Damaged(Damage::Exposed));
    }
    if metadata.len() > most as u64 {
        return Ok(Raw::Damaged(Damage::Oversized));
    }
    let bytes = disk.read(&file, most + 1).map_err(|error| unreadable(path, &error))?;
    if bytes.len() > most {
        return Ok(Raw::Damaged(Damage::Oversized));
    }
    Ok(Raw::Bytes(bytes))
}

/// A failure to read, which says nothing about writing.
fn unreadable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Io { place: path.display().to_string(), kind: error.kind() }
}

/// Whether it is this user's.
pub(crate) fn ours(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Whether others can read or change it.
pub(crate) fn exposed(metadata: &Metadata) -> bool {
    metadata.mode() & 0o077 != 0
}

/// Whether `dir` is a real directory of ours that nobody else can enter. A fallback directory may
/// lie where everybody can create one, and somebody else may have been there first.
pub(super) fn private_dir(dir: &Path) -> bool {
    std::fs::symlink_metadata(dir)
        .is_ok_and(|metadata| metadata.is_dir() && ours(&metadata) && !exposed(&metadata))
}

/// Creates the store's directory, 0700, and makes its entry durable; `repair` takes rights from a
/// directory of ours that has too many (C3).
pub(crate) fn ensure_dir(disk: &dyn Disk, dir: &Path, repair: bool) -> Result<(), StoreError> {
    match std::fs::metadata(dir) {
        Ok(metadata) if repair && metadata.is_dir() && ours(&metadata) && exposed(&metadata) => {
            tracing::warn!(dir = %dir.display(), "others could enter the store; repaired to 0700");
            disk.restrict(dir, 0o700).map_err(at(dir))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => create_dir(disk, dir),
        // Anything else shows when a file in it is opened.
        _ => Ok(()),
    }
}

fn create_dir(disk: &dyn Disk, dir: &Path) -> Result<(), StoreError> {
    let missing: Vec<_> = dir.ancestors().take_while(|dir| !is_there(dir)).collect();
    disk.create_dir(dir).map_err(at(dir))?;
    for created in missing {
        let above = super::layout::parent(created);
        disk.sync_dir(above).map_err(at(above))?;
    }
    Ok(())
}

fn is_there(dir: &Path) -> bool {
    dir.as_os_str().is_empty() || dir.exists()
}
