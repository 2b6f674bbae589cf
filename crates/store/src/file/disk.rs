//! Every effect on the disk, behind one small trait.

#![expect(clippy::disallowed_methods, reason = "owns the disk")]

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, OFlags};

/// An open file, and the path it was opened by.
#[derive(Debug)]
pub struct DiskFile {
    /// The file.
    pub file: File,
    /// Its path when it was opened.
    pub path: PathBuf,
}

/// What the file store does to a disk. Nothing here follows a symbolic link in a path's last part.
pub trait Disk: Send + Sync {
    /// Creates a directory and those above it, 0700; one that is there is left as it is.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Sets the mode of what lies at `path`.
    fn restrict(&self, path: &Path, mode: u32) -> io::Result<()>;
    /// Creates a file, 0600, that must not be there yet; for reading and writing.
    fn create(&self, path: &Path) -> io::Result<DiskFile>;
    /// Opens for reading. Does not wait for a pipe's other end.
    fn open(&self, path: &Path) -> io::Result<DiskFile>;
    /// Opens for reading and writing; with `create`, creates it first, 0600, when it is missing.
    fn open_writable(&self, path: &Path, create: bool) -> io::Result<DiskFile>;
    /// Reads from the start, `limit` bytes at most.
    fn read(&self, file: &DiskFile, limit: usize) -> io::Result<Vec<u8>>;
    /// Sets blocks aside, so that writing the first `len` bytes needs no more room.
    fn allocate(&self, file: &DiskFile, len: u64) -> io::Result<()>;
    /// Writes `bytes` from the start on.
    fn write(&self, file: &DiskFile, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file to `len` bytes.
    fn truncate(&self, file: &DiskFile, len: u64) -> io::Result<()>;
    /// Makes the file's content durable.
    fn sync(&self, file: &DiskFile) -> io::Result<()>;
    /// Makes the directory's entries durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Puts `from` in the place of `to`, at once.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory.
    fn names(&self, path: &Path) -> io::Result<Vec<OsString>>;
}

/// The operating system's.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl RealDisk {
    fn opened(options: &mut OpenOptions, path: &Path) -> io::Result<DiskFile> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        #[expect(clippy::cast_possible_wrap, reason = "flags are bits, the kernel takes an int")]
        let file = options.custom_flags(flags.bits() as i32).open(path)?;
        Ok(DiskFile { file, path: path.to_owned() })
    }
}

impl Disk for RealDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    fn restrict(&self, path: &Path, mode: u32) -> io::Result<()> {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    }

    fn create(&self, path: &Path) -> io::Result<DiskFile> {
        let mut options = OpenOptions::new();
        Self::opened(options.read(true).write(true).create_new(true).mode(0o600), path)
    }

    fn open(&self, path: &Path) -> io::Result<DiskFile> {
        Self::opened(OpenOptions::new().read(true), path)
    }

    fn open_writable(&self, path: &Path, create: bool) -> io::Result<DiskFile> {
        let mut options = OpenOptions::new();
        Self::opened(options.read(true).write(true).create(create).mode(0o600), path)
    }

    fn read(&self, file: &DiskFile, limit: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(limit.min(8 * 1024));
        (&file.file).take(limit as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn allocate(&self, file: &DiskFile, len: u64) -> io::Result<()> {
        use rustix::io::Errno;
        match rustix::fs::fallocate(&file.file, FallocateFlags::empty(), 0, len) {
            // A file system that knows no allocation: writing is the next best thing.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                let len = usize::try_from(len).map_err(|_| io::ErrorKind::InvalidInput)?;
                file.file.write_all_at(&vec![0; len], 0)
            }
            done => Ok(done?),
        }
    }

    fn write(&self, file: &DiskFile, bytes: &[u8]) -> io::Result<()> {
        file.file.write_all_at(bytes, 0)
    }

    fn truncate(&self, file: &DiskFile, len: u64) -> io::Result<()> {
        file.file.set_len(len)
    }

    fn sync(&self, file: &DiskFile) -> io::Result<()> {
        file.file.sync_all()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        match File::open(path)?.sync_all() {
            // Some file systems have nothing to sync in a directory, and say so.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            done => done,
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn names(&self, path: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.file_name())).collect()
    }
}
