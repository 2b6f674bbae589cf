//! Which file may be the store: looked at before the database's own code opens it, which would
//! read and change much of what a stranger has put there.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::bad_file::BadFile;

const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Where the header has the application's id (SQLite, "Database File Format" §1.3).
const APPLICATION_AT: usize = 68;
const HEADER: usize = 100;

/// Makes sure that `path` is an empty file or one that `application` has made, and that nobody else
/// can touch it.
pub(super) fn prepare(path: &Path, application: u32) -> Result<(), BadFile> {
    match private().create_new(true).open(path) {
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    let metadata = std::fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(BadFile::NotAFile);
    }
    if exposed(&metadata) {
        return Err(BadFile::Exposed);
    }
    let mut header = Vec::new();
    File::open(path)?.take(HEADER as u64).read_to_end(&mut header)?;
    if is_ours(&header, application) { Ok(()) } else { Err(BadFile::NotOurs) }
}

/// Whether a file that begins so is empty or ours. An empty one was left by a process that died
/// before its first commit, or waits for another's.
fn is_ours(header: &[u8], application: u32) -> bool {
    if header.is_empty() {
        return true;
    }
    header.len() == HEADER
        && header.starts_with(MAGIC)
        && header[APPLICATION_AT..].starts_with(&application.to_be_bytes())
}

/// How a new file is opened: 0600 from its first moment. The database gives the files beside it
/// the same rights.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(unix)]
fn exposed(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o077 != 0
}

#[cfg(not(unix))]
fn exposed(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_header_is_ours() {
        let is_ours = |header: &[u8]| is_ours(header, u32::from_be_bytes(*b"unls"));
        let mut header = [0; HEADER];
        assert!(is_ours(&[]));
        assert!(!is_ours(&header));
        header[..16].copy_from_slice(MAGIC);
        assert!(!is_ours(&header));
        header[APPLICATION_AT..APPLICATION_AT + 4].copy_from_slice(b"unlx");
        assert!(!is_ours(&header), "of another of our programs");
        header[APPLICATION_AT..APPLICATION_AT + 4].copy_from_slice(b"unls");
        assert!(is_ours(&header));
        assert!(!is_ours(&header[..99]));
    }
}
