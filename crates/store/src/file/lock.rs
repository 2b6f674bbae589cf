//! The lease: a lock of the operating system, which the kernel frees when its holder dies.

#![expect(clippy::disallowed_methods, reason = "owns the bounded wait for a lock (C6)")]

use std::fs::TryLockError;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use unlapse_core::{Holder, StoreError};

use super::disk::{Disk, DiskFile};
use super::failure::{at, failure};
use super::layout::Paths;
use super::trust::private_dir;
use crate::host::host;

/// Milliseconds between looks at a lock that is held: quicker at first, never beyond 100 (C6).
const POLLS: [u64; 7] = [1, 2, 5, 10, 20, 50, 100];

/// Lock files that vanish under our hands before we take a pause.
const MOVES: u32 = 16;

/// The largest holder that is read from a lock file.
const MAX_HOLDER: usize = 1024;

/// A lock that is held until it is dropped.
///
/// It may span several files: where the record's own lock file cannot be created, the lock is
/// taken in a fallback directory, and whoever holds the record's own afterwards takes that one too.
#[derive(Debug)]
pub(super) struct Lock {
    files: Vec<DiskFile>,
}

/// Unlocks by word and does not leave it to the closing: a child that this program is just starting
/// has every file open until it becomes its own program, and would hold the lease for as long.
impl Drop for Lock {
    fn drop(&mut self) {
        for file in &self.files {
            unlock(file);
        }
    }
}

enum Attempt {
    Taken(Lock),
    Held(Option<Holder>),
    /// Something changed meanwhile: look again at once.
    Moved,
}

impl Lock {
    /// Waits for at most `wait`. `Err(Ok(holder))` when somebody else held it for all of it.
    pub(super) fn take(
        disk: &dyn Disk,
        paths: &Paths,
        wait: Duration,
    ) -> Result<Self, Result<Option<Holder>, StoreError>> {
        let started = Instant::now();
        let mut polls = POLLS.iter();
        let mut pause = Duration::ZERO;
        let mut moves = 0;
        loop {
            let holder = match Self::attempt(disk, paths).map_err(Err)? {
                Attempt::Taken(lock) => {
                    lock.sign(disk);
                    return Ok(lock);
                }
                Attempt::Held(holder) => holder,
                // Bounded, in case that somebody deletes lock files for sport.
                Attempt::Moved if moves < MOVES => {
                    moves += 1;
                    continue;
                }
                Attempt::Moved => None,
            };
            let left = wait.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(Ok(holder));
            }
            pause = polls.next().map_or(pause, |millis| Duration::from_millis(*millis));
            std::thread::sleep(pause.min(left));
        }
    }

    fn attempt(disk: &dyn Disk, paths: &Paths) -> Result<Attempt, StoreError> {
        let mut files = Vec::new();
        let own = open_own(disk, paths)?;
        let missing = match own {
            Ok(file) => {
                if let Some(attempt) = lock(disk, file, &mut files)? {
                    return Ok(attempt);
                }
                None
            }
            Err(why) => Some(why),
        };
        // Somebody may hold it in a fallback since before the own lock file could be created.
        for fallback in paths.fallbacks.iter().filter(|fallback| private_dir(&fallback.dir)) {
            match disk.open_writable(&fallback.lock(), false) {
                Ok(file) => {
                    if let Some(attempt) = lock(disk, file, &mut files)? {
                        return Ok(attempt);
                    }
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failure(&fallback.lock(), &error)),
            }
        }
        let Some(why) = missing else { return Ok(Attempt::Taken(Self { files })) };
        if files.is_empty() {
            let file = paths.fallbacks.iter().find_map(|fallback| {
                make_private(disk, &fallback.dir)
                    .then(|| disk.open_writable(&fallback.lock(), true).ok())?
            });
            if let Some(attempt) = lock(disk, file.ok_or(why)?, &mut files)? {
                return Ok(attempt);
            }
        }
        // If the own lock file has come into being since, whoever made it may not have seen ours.
        match open_own(disk, paths)? {
            Ok(_) => Ok(Attempt::Moved),
            Err(_) => Ok(Attempt::Taken(Self { files })),
        }
    }

    /// Says [`StoreError::Fenced`] when the lock file is not at its path any more: somebody deleted
    /// the directory, and somebody else may hold a lock on a new file of that name.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.files.first() {
            Some(file) if in_place(file) => Ok(()),
            _ => Err(StoreError::Fenced),
        }
    }

    /// Writes down who holds it, so that others can say so. Without room for that it works too.
    fn sign(&self, disk: &dyn Disk) {
        let holder = Holder { pid: std::process::id(), host: host() };
        let Ok(text) = serde_json::to_vec(&holder) else { return };
        for file in &self.files {
            let signed =
                disk.write(file, &text).and_then(|()| disk.truncate(file, text.len() as u64));
            if let Err(error) = signed {
                tracing::debug!(lock = %file.path.display(), %error, "the holder is not named");
            }
        }
    }

    /// Who holds the lock on `paths`, if anybody does who wrote it down.
    pub(super) fn holder(disk: &dyn Disk, paths: &Paths) -> Option<Holder> {
        let fallbacks = paths.fallbacks.iter().filter(|fallback| private_dir(&fallback.dir));
        std::iter::once(paths.lock()).chain(fallbacks.map(super::layout::Fallback::lock)).find_map(
            |path| {
                let file = disk.open(&path).ok()?;
                match file.file.try_lock_shared() {
                    Err(TryLockError::WouldBlock) => signed(disk, &file),
                    Ok(()) => {
                        unlock(&file);
                        None
                    }
                    Err(TryLockError::Error(_)) => None,
                }
            },
        )
    }
}

/// Creates a fallback directory where there is none; whether it is private afterwards.
pub(super) fn make_private(disk: &dyn Disk, dir: &std::path::Path) -> bool {
    if std::fs::symlink_metadata(dir).is_err() {
        // Whether it came to be is looked at, not believed.
        let _ = disk.create_dir(dir);
    }
    private_dir(dir)
}

/// The record's own lock file, or why there cannot be one.
fn open_own(disk: &dyn Disk, paths: &Paths) -> Result<Result<DiskFile, StoreError>, StoreError> {
    let path = paths.lock();
    let why = match disk.open_writable(&path, true) {
        Ok(file) => return Ok(Ok(file)),
        Err(error) => failure(&path, &error),
    };
    match why {
        StoreError::ReadOnly { .. } => match disk.open(&path) {
            // A read-only disk: what is there can still be locked.
            Ok(file) => Ok(Ok(file)),
            Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(Err(why)),
            Err(_) => Err(why),
        },
        // No room for a lock file, or the directory could not be created.
        StoreError::Full { .. } | StoreError::Io { kind: ErrorKind::NotFound, .. } => Ok(Err(why)),
        _ => Err(why),
    }
}

/// Locks `file` and puts it to the others; otherwise says what came of it.
fn lock(
    disk: &dyn Disk,
    file: DiskFile,
    files: &mut Vec<DiskFile>,
) -> Result<Option<Attempt>, StoreError> {
    if !file.file.metadata().map_err(at(&file.path))?.is_file() {
        let place = format!("the lock {}", file.path.display());
        return Err(StoreError::Io { place, kind: ErrorKind::InvalidInput });
    }
    match file.file.try_lock() {
        Ok(()) if in_place(&file) => {
            files.push(file);
            Ok(None)
        }
        Ok(()) => {
            unlock(&file);
            Ok(Some(Attempt::Moved))
        }
        Err(TryLockError::WouldBlock) => Ok(Some(Attempt::Held(signed(disk, &file)))),
        Err(TryLockError::Error(error)) => Err(failure(&file.path, &error)),
    }
}

fn unlock(file: &DiskFile) {
    if let Err(error) = file.file.unlock() {
        tracing::debug!(lock = %file.path.display(), %error, "left to the closing");
    }
}

/// Who wrote down that it holds the lock. On a read-only disk that may have been somebody before.
fn signed(disk: &dyn Disk, file: &DiskFile) -> Option<Holder> {
    let holder: Holder = serde_json::from_slice(&disk.read(file, MAX_HOLDER).ok()?).ok()?;
    (holder.host != host() || is_alive(holder.pid)).then_some(holder)
}

/// Whether a process of this id lives on this host; in doubt, it does.
pub(super) fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Whether the open file is the one that lies at its path.
fn in_place(file: &DiskFile) -> bool {
    let (Ok(open), Ok(there)) = (file.file.metadata(), std::fs::symlink_metadata(&file.path))
    else {
        return false;
    };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

#[cfg(test)]
mod tests {
    use unlapse_core::Key;

    use super::super::disk::RealDisk;
    use super::super::layout::Layout;
    use super::*;

    #[test]
    fn c6_released_is_released_while_a_child_still_has_the_file_open() {
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::Directory(dir.path().to_owned());
        let paths = Paths::of(&layout, &[], "project", &Key::new("k")).expect("paths");
        let lock = Lock::take(&RealDisk, &paths, Duration::ZERO).expect("free");
        // What a fork has until it becomes its own program.
        let inherited = lock.files[0].file.try_clone().expect("a second descriptor");
        drop(lock);
        assert!(Lock::holder(&RealDisk, &paths).is_none());
        Lock::take(&RealDisk, &paths, Duration::ZERO).expect("free at once");
        drop(inherited);
    }
}
