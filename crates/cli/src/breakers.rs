//! Breakers that every process of a user shares: a small file for each token endpoint (R16).
#![expect(clippy::disallowed_methods, reason = "this file owns the breakers' files")]

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use unlapse::Breakers;
use unlapse_core::Breaker;

/// Breakers in a directory. No secret in them, and nothing is lost with them: a breaker that cannot
/// be read is closed, and one that cannot be written protects a little less.
pub(crate) struct FileBreakers {
    dir: PathBuf,
    /// How often a lock is looked at before it is done without.
    looks: u32,
    /// A lock was waited for in vain: its holder was stopped, and is not waited for again.
    is_stuck: AtomicBool,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    endpoint: String,
    breaker: Breaker,
}

/// The size of every breaker's file, filled up with spaces. A file that is overwritten and never
/// replaced, cut or removed frees no room. Freeing it, which is what a `rename` over an older file
/// does too, can wait for the disk: seconds on a busy one, and with the lock in hand.
const SIZE: usize = 4096;

/// Nobody's token waits longer for a breaker: half a second, or what so many looks take on a machine
/// that is too busy to make them in time. Its holder is as busy then.
const LOOKS: u32 = 500;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

impl FileBreakers {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, looks: LOOKS, is_stuck: AtomicBool::new(false) }
    }

    /// Closes all of them, and says of which endpoints.
    pub(crate) fn reset(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| self.close(&entry.path())).collect()
    }

    /// The endpoint whose breaker was not closed before.
    fn close(&self, path: &Path) -> Option<String> {
        let file = self.to_change(path).ok()?;
        let Kept { endpoint, breaker } = file.read()?;
        let closed = Breaker::default();
        (breaker != closed && file.write(&endpoint, closed).is_ok()).then_some(endpoint)
    }

    fn path(&self, endpoint: &str) -> PathBuf {
        // Names a file; a collision is met by comparing the endpoint inside.
        let mut hasher = DefaultHasher::new();
        endpoint.hash(&mut hasher);
        self.dir.join(format!("{:016x}.json", hasher.finish()))
    }

    /// One change at a time, over all processes, and nobody reads half of it.
    fn to_change(&self, path: &Path) -> io::Result<Locked> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Ok(self.lock(options.open(path)?, File::try_lock))
    }

    /// Waits for as long as many others may take, and no longer: a holder that was stopped must not
    /// stop every renewal with it. Without the lock, or where the file system has none, a count may
    /// be lost, or a second trial made.
    fn lock(&self, file: File, attempt: fn(&File) -> Result<(), TryLockError>) -> Locked {
        let looks = if self.is_stuck.load(Ordering::Relaxed) { 1 } else { self.looks };
        let is_held = |look| {
            if look > 0 {
                std::thread::sleep(BETWEEN_LOOKS);
            }
            matches!(attempt(&file), Err(TryLockError::WouldBlock))
        };
        let is_stuck = (0..looks).all(is_held);
        self.is_stuck.store(is_stuck, Ordering::Relaxed);
        if is_stuck {
            tracing::debug!("a breaker is used without its lock");
        }
        Locked(file)
    }
}

impl Breakers for FileBreakers {
    fn read(&self, endpoint: &str) -> Breaker {
        let Ok(file) = File::open(self.path(endpoint)) else { return Breaker::default() };
        self.lock(file, File::try_lock_shared).breaker(endpoint)
    }

    fn update(&self, endpoint: &str, change: &mut dyn FnMut(Breaker) -> Breaker) {
        // What changes nothing, as in every renewal while all is well, makes no file.
        let seen = self.read(endpoint);
        if change(seen) == seen {
            return;
        }
        let changed = self.to_change(&self.path(endpoint)).and_then(|file| {
            let breaker = change(file.breaker(endpoint));
            file.write(endpoint, breaker)
        });
        if let Err(error) = changed {
            tracing::debug!(%error, "the breaker could not be kept");
        }
    }
}

/// A breaker's file and the lock on it, which the system frees when its holder dies.
struct Locked(File);

impl Locked {
    fn breaker(&self, endpoint: &str) -> Breaker {
        let kept = self.read().filter(|kept| kept.endpoint == endpoint);
        kept.map(|kept| kept.breaker).unwrap_or_default()
    }

    fn read(&self) -> Option<Kept> {
        let mut bytes = Vec::with_capacity(SIZE);
        (&self.0).take(SIZE as u64).read_to_end(&mut bytes).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    fn write(&self, endpoint: &str, breaker: Breaker) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(&Kept { endpoint: endpoint.to_owned(), breaker })?;
        if bytes.len() > SIZE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        bytes.resize(SIZE, b' ');
        self.0.write_all_at(&bytes, 0)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // By word: a child that is just being started has the descriptor too.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
#[path = "breakers_tests.rs"]
mod tests;
