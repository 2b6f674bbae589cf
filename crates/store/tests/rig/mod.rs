//! Stores in directories of their own, and children that are this test binary again.
#![allow(
    clippy::disallowed_methods,
    reason = "tests touch files, and wait, as an attacker or a neighbour does"
)]
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use unlapse_core::Key;
pub use unlapse_store::conformance::record;
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

pub const WAIT: Duration = Duration::from_secs(30);

pub fn key() -> Key {
    Key::new("https://as.example").account("ann")
}

/// A store whose key file and fallback lie beside its directory.
pub struct Rig {
    pub root: TempDir,
}

impl Rig {
    pub fn new() -> Self {
        Self { root: tempfile::tempdir().expect("a directory") }
    }

    pub fn dir(&self) -> PathBuf {
        self.root.path().join("store")
    }

    pub fn fallback(&self) -> PathBuf {
        self.root.path().join("fallback")
    }

    pub fn store(&self) -> FileStore {
        store(self.root.path())
    }

    /// The one record's file.
    pub fn record_path(&self) -> PathBuf {
        only(&self.dir(), ".token")
    }
}

pub fn store(root: &Path) -> FileStore {
    let custody = Arc::new(KeyFile::new(root.join("keys").join("key")));
    FileStore::new(Layout::Directory(root.join("store")), "project", custody)
        .fallbacks([root.join("fallback")])
}

/// The names in `dir` that end like this.
pub fn names(dir: &Path, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.to_string_lossy().ends_with(end)).collect()
}

pub fn only(dir: &Path, end: &str) -> PathBuf {
    let found = names(dir, end);
    assert_eq!(found.len(), 1, "one {end} in {}: {found:?}", dir.display());
    found.into_iter().next().expect("one")
}

/// This test binary again, running the ignored test `name` with `root` and `arg`.
pub fn child(name: &str, root: &Path, arg: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(["--exact", name, "--nocapture", "--ignored", "--test-threads=1"]);
    command.env("STORE_ROOT", root).env("STORE_ARG", arg);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// What [`child`] passed; `None` when a child was started by hand, where it has nothing to do.
pub fn passed() -> Option<(PathBuf, String)> {
    let root = std::env::var_os("STORE_ROOT")?;
    Some((root.into(), std::env::var("STORE_ARG").ok()?))
}

/// Waits for `done` for as long as a loaded machine may take.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = std::time::Instant::now();
    while !done() {
        assert!(started.elapsed() < WAIT, "{what} within {WAIT:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Says why a test cannot run here: the quick run leaves it out, the full one (`UNLAPSE_SUITES=full`)
/// fails for it.
#[track_caller]
#[allow(clippy::print_stderr, reason = "a test that cannot run here says why")]
pub fn cannot_run(why: &str) {
    let is_full = std::env::var("UNLAPSE_SUITES").is_ok_and(|suites| suites == "full");
    assert!(!is_full, "the full run leaves no test out, and this one cannot run here: {why}");
    eprintln!("skipped: {why}");
}

/// A child that is killed when the test ends early.
pub struct Reaped(pub Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
