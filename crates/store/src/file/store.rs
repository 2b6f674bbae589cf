//! The store: what is read without a lock.

use std::ffi::OsString;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use unlapse_core::{Holder, Key, StoreError, Stored};

use super::disk::{Disk, RealDisk};
use super::layout::{ASIDE, Layout, Paths, QUARANTINED, RECORD};
use super::lease::FileLease;
use super::lock::Lock;
use super::trust::{Raw, ensure_dir, look, private_dir};
use super::view::{Seen, View};
use crate::custody::Custody;
use crate::header::Header;
use crate::seal::Sealer;

/// Records in sealed files. Cheap to clone.
///
/// Its own methods are synchronous and start no thread; the contract
/// [`Store`](unlapse_core::Store) is implemented over them.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// use std::{sync::Arc, time::Duration};
/// use unlapse_core::{Grant, Key, Now, Record, Secret};
/// use unlapse_store::{FileStore, Layout, custody::KeyFile};
///
/// let custody = Arc::new(KeyFile::new(dir.path().join("key")));
/// let layout = Layout::File(dir.path().join(".code-indexer/.token"));
/// let store = FileStore::new(layout, "my-project", custody);
/// let key = Key::new("https://as.example");
///
/// let lease = store.lock(&key, Duration::from_secs(5))?;
/// let grant = Grant::bearer(Secret::new("an access token"));
/// lease.write(&Record::default().logged_in(grant, Now::default()))?;
/// drop(lease);
///
/// assert!(store.read(&key)?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct FileStore {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    layout: Layout,
    fallbacks: Vec<PathBuf>,
    sealer: Sealer,
    disk: Arc<dyn Disk>,
}

impl FileStore {
    /// Records of `project` in `layout`, sealed under what `custody` keeps. `project` is any text
    /// that other projects do not share (C2).
    pub fn new(layout: Layout, project: impl Into<String>, custody: Arc<dyn Custody>) -> Self {
        let sealer = Sealer::new(custody, project);
        let disk = Arc::new(RealDisk);
        Self { inner: Arc::new(Inner { layout, fallbacks: Vec::new(), sealer, disk }) }
    }

    /// Directories for records that their own place does not take (R5), in order: a state
    /// directory, `$XDG_RUNTIME_DIR/unlapse`, `/dev/shm/unlapse-<uid>`. They are created 0700, and
    /// passed over when they are anybody else's. Every process has to name the same ones.
    #[must_use]
    pub fn fallbacks(mut self, dirs: impl IntoIterator<Item = PathBuf>) -> Self {
        Arc::make_mut(&mut self.inner).fallbacks = dirs.into_iter().collect();
        self
    }

    /// Another disk than the operating system's.
    #[must_use]
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Self {
        Arc::make_mut(&mut self.inner).disk = disk;
        self
    }

    /// Where records rest.
    pub fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    /// The newest record of `key`, without a lock.
    ///
    /// A record that cannot be used is quarantined and reported once, as [`StoreError::Damaged`];
    /// the next read finds none. While somebody holds the lease it stays where it is, and `kept`
    /// is `None`.
    pub fn read(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        if self.owns_dir() && std::fs::symlink_metadata(self.inner.layout.dir()).is_ok() {
            // A directory that cannot be repaired is no reason to withhold a token (R10).
            let _ = ensure_dir(self.raw_disk(), self.inner.layout.dir(), true);
        }
        let view = View::of(self, &self.paths(key)?, key)?;
        let Seen::Damaged(damage) = view.own else { return Ok(view.newest()) };
        // Moved only under the lock, by what is seen under it.
        match self.lock(key, Duration::ZERO) {
            Ok(lease) => lease.read(),
            Err(_) => match view.newest() {
                Some(aside) => Ok(Some(aside)),
                None => Err(StoreError::Damaged { key: key.clone(), damage, kept: None }),
            },
        }
    }

    /// The exclusive right to change `key`'s record. Waits for at most `wait`, looking every
    /// 100 ms at most, then says [`StoreError::Busy`] with the holder (C6).
    pub fn lock(&self, key: &Key, wait: Duration) -> Result<FileLease, StoreError> {
        let paths = self.paths(key)?;
        if let Err(error) = ensure_dir(self.raw_disk(), paths.dir(), self.owns_dir()) {
            // The lock may still be had in a fallback, which is better than none.
            tracing::debug!(%error, "the directory of the store is not as it should be");
        }
        match Lock::take(self.raw_disk(), &paths, wait) {
            Ok(lock) => Ok(FileLease::new(self.clone(), key.clone(), paths, lock)),
            Err(Ok(holder)) => Err(StoreError::Busy { key: key.clone(), holder }),
            Err(Err(error)) => Err(error),
        }
    }

    /// Who holds the lease on `key`; `None` when nobody does, or nobody who could be named.
    pub fn holding(&self, key: &Key) -> Option<Holder> {
        Lock::holder(self.raw_disk(), &self.paths(key).ok()?)
    }

    /// Every key that has a record. Needs no sealing key: a record names its key in clear, and is
    /// listed when it lies where that key's record belongs.
    pub fn keys(&self) -> Result<Vec<Key>, StoreError> {
        let mut keys = Vec::new();
        let mut add = |path: &Path, belongs: &dyn Fn(&Paths) -> bool| {
            if let Some(key) = self.named_in(path)
                && self.paths(&key).is_ok_and(|paths| belongs(&paths))
            {
                keys.push(key);
            }
        };
        let dir = self.inner.layout.dir();
        for path in self.paths_in(dir, |name| name.ends_with(RECORD) || name.ends_with(ASIDE))? {
            add(&path, &|paths| paths.record == path || paths.aside() == path);
        }
        if let Layout::File(path) = &self.inner.layout {
            add(path, &|_| true);
        }
        for dir in self.inner.fallbacks.iter().filter(|dir| private_dir(dir)) {
            for path in self.paths_in(dir, |name| name.ends_with(ASIDE))? {
                add(&path, &|paths| paths.asides().any(|aside| aside == path));
            }
        }
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// What was quarantined here and is still kept.
    pub fn quarantined(&self) -> Result<Vec<PathBuf>, StoreError> {
        // In a directory that is not the store's own, only what was its record's.
        let ours = match &self.inner.layout {
            Layout::Directory(_) => String::new(),
            Layout::File(path) => {
                path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
            }
        };
        let kept = |name: &str| name.starts_with(&ours) && name.contains(QUARANTINED);
        let mut paths = self.paths_in(self.inner.layout.dir(), kept)?;
        for dir in self.inner.fallbacks.iter().filter(|dir| private_dir(dir)) {
            paths.extend(self.paths_in(dir, |name| name.contains(QUARANTINED))?);
        }
        paths.sort();
        Ok(paths)
    }

    pub(super) fn paths(&self, key: &Key) -> Result<Paths, StoreError> {
        let Inner { layout, fallbacks, sealer, .. } = &*self.inner;
        Paths::of(layout, fallbacks, sealer.project(), key)
    }

    pub(super) fn raw_disk(&self) -> &dyn Disk {
        &*self.inner.disk
    }

    pub(super) fn sealer(&self) -> &Sealer {
        &self.inner.sealer
    }

    pub(super) fn fallback_dirs(&self) -> &[PathBuf] {
        &self.inner.fallbacks
    }

    /// Whether the directory is the store's own to repair.
    pub(super) fn owns_dir(&self) -> bool {
        matches!(self.inner.layout, Layout::Directory(_))
    }

    /// The key that the file at `path` says it belongs to.
    fn named_in(&self, path: &Path) -> Option<Key> {
        let Ok(Raw::Bytes(bytes)) = look(self.raw_disk(), path) else { return None };
        Header::parse(&bytes).ok().map(|(header, ..)| header.key)
    }

    fn paths_in(
        &self,
        dir: &Path,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<PathBuf>, StoreError> {
        let fits = |name: &OsString| name.to_str().is_some_and(&wanted);
        match self.raw_disk().names(dir) {
            Ok(names) => Ok(names.into_iter().filter(fits).map(|name| dir.join(name)).collect()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => {
                Err(StoreError::Io { place: dir.display().to_string(), kind: error.kind() })
            }
        }
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("layout", &self.inner.layout)
            .field("fallbacks", &self.inner.fallbacks)
            .finish_non_exhaustive()
    }
}
