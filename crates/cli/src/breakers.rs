//! Breakers that every process of a user shares: a small file for each token endpoint (R16).
#![expect(clippy::disallowed_methods, reason = "this file owns the breakers' files")]

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions, TryLockError};
use std::hash::{Hash as _, Hasher as _};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
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

/// Larger than any breaker there is.
const MAX_FILE: u64 = 4096;

/// Ends the name of a breaker's lock.
const LOCK: &str = "lock";

/// A change takes well under a millisecond, unless the disk or the machine has much else to do. So
/// many looks are half a second; longer than that nobody's token waits for a breaker.
const LOOKS: u32 = 500;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);

impl FileBreakers {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, looks: LOOKS, is_stuck: AtomicBool::new(false) }
    }

    /// Closes all of them, and says of which endpoints.
    pub(crate) fn reset(&self) -> Vec<String> {
        let mut endpoints = Vec::new();
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let _lock = match path.extension().and_then(OsStr::to_str) {
                // It stays where it is: whoever removes one lets two in.
                Some(LOCK) => continue,
                Some("json") => Lock::take(&path, self.looks).ok(),
                // What somebody left who died while writing.
                _ => None,
            };
            if let Some(kept) = read(&path) {
                endpoints.push(kept.endpoint);
            }
            let _ = fs::remove_file(path);
        }
        endpoints
    }

    fn path(&self, endpoint: &str) -> PathBuf {
        // Names a file; a collision is met by comparing the endpoint inside.
        let mut hasher = DefaultHasher::new();
        endpoint.hash(&mut hasher);
        self.dir.join(format!("{:016x}.json", hasher.finish()))
    }
}

impl Breakers for FileBreakers {
    fn read(&self, endpoint: &str) -> Breaker {
        let kept = read(&self.path(endpoint)).filter(|kept| kept.endpoint == endpoint);
        kept.map(|kept| kept.breaker).unwrap_or_default()
    }

    fn update(&self, endpoint: &str, change: &mut dyn FnMut(Breaker) -> Breaker) {
        // A file is replaced whole: what changes nothing, as in every renewal while all is well,
        // needs no lock.
        let seen = self.read(endpoint);
        if change(seen) == seen {
            return;
        }
        let _lock = self.lock(endpoint);
        let before = self.read(endpoint);
        let after = change(before);
        if after != before {
            self.write(endpoint, after);
        }
    }
}

impl FileBreakers {
    /// One change at a time, over all processes; `None` when the lock is not to be had.
    fn lock(&self, endpoint: &str) -> Option<Lock> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).ok()?;
        let looks = if self.is_stuck.load(Ordering::Relaxed) { 1 } else { self.looks };
        let lock = Lock::take(&self.path(endpoint), looks);
        self.is_stuck.store(matches!(lock, Err(Untaken::Held)), Ordering::Relaxed);
        lock.ok()
    }

    fn write(&self, endpoint: &str, breaker: Breaker) {
        let path = self.path(endpoint);
        if breaker == Breaker::default() {
            let _ = fs::remove_file(path);
            return;
        }
        let kept = Kept { endpoint: endpoint.to_owned(), breaker };
        let written = (|| -> std::io::Result<()> {
            let staged = path.with_extension(format!("{}.tmp", std::process::id()));
            let mut file = private().truncate(true).open(&staged)?;
            file.write_all(&serde_json::to_vec(&kept)?)?;
            fs::rename(&staged, &path).inspect_err(|_| drop(fs::remove_file(&staged)))
        })();
        if let Err(error) = written {
            tracing::debug!(%error, "the breaker could not be kept");
        }
    }
}

/// The right to change one breaker. The system frees it when its holder dies.
struct Lock(fs::File);

impl Lock {
    /// Waits for as long as many others may take, and no longer: a holder that was stopped must not
    /// stop every renewal with it. Without the lock a count may be lost, or a second trial made.
    fn take(breaker: &Path, looks: u32) -> Result<Self, Untaken> {
        let file = private().open(breaker.with_extension(LOCK)).map_err(|_| Untaken::Unusable)?;
        for look in 0..looks {
            if look > 0 {
                std::thread::sleep(BETWEEN_LOOKS);
            }
            match file.try_lock() {
                Ok(()) => return Ok(Self(file)),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(_)) => return Err(Untaken::Unusable),
            }
        }
        tracing::debug!(breaker = %breaker.display(), "changed without its lock");
        Err(Untaken::Held)
    }
}

/// Why a lock is not to be had.
enum Untaken {
    /// Somebody has held it for all of the wait.
    Held,
    /// It cannot be made, or the file system does not lock.
    Unusable,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // By word: a child that is just being started has the descriptor too.
        let _ = self.0.unlock();
    }
}

/// A file to be written, for this user alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn read(path: &Path) -> Option<Kept> {
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
#[path = "breakers_tests.rs"]
mod tests;
