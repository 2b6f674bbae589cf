//! The lease: what is written, under the lock.

use std::fmt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse_core::{Key, Record, StoreError, Stored};

use super::failure::{at, unless_missing};
use super::layout::{Paths, parent, temporary_of};
use super::lock::{Lock, is_alive, make_private};
use super::quarantine::quarantine;
use super::replace::{Staged, is_reserved, reserve};
use super::store::FileStore;
use super::trust::ensure_dir;
use super::view::{Seen, View, trusted_asides};

/// The exclusive right to change one key's record, over every process of this machine. Dropping it
/// gives it up; so does dying.
pub struct FileLease {
    store: FileStore,
    key: Key,
    paths: Paths,
    lock: Lock,
    /// One at a time: a caller may have dropped the future of an earlier one (R6).
    turn: Mutex<()>,
}

impl FileLease {
    pub(super) fn new(store: FileStore, key: Key, paths: Paths, lock: Lock) -> Self {
        let lease = Self { store, key, paths, lock, turn: Mutex::new(()) };
        lease.sweep();
        lease.salvage();
        lease
    }

    /// The credential it is on.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The newest record. What is damaged is quarantined.
    pub fn read(&self) -> Result<Option<Stored>, StoreError> {
        let _turn = self.turn();
        let view = View::of(&self.store, &self.paths, &self.key)?;
        for (path, damage) in &view.broken {
            quarantine(self.store.raw_disk(), path, *damage);
        }
        let Seen::Damaged(damage) = view.own else { return Ok(view.newest()) };
        let kept = quarantine(self.store.raw_disk(), &self.paths.record, damage);
        if let Some(aside) = view.newest() {
            return Ok(Some(aside));
        }
        let kept = kept.map(|path| path.display().to_string());
        Err(StoreError::Damaged { key: self.key.clone(), damage, kept })
    }

    /// Replaces the record; durable when it returns. Drops every set-aside copy that it supersedes.
    ///
    /// With an intent in it, the room for the answer is set aside before it is written (R3); the
    /// next record without one is written into that room.
    pub fn write(&self, record: &Record) -> Result<(), StoreError> {
        let _turn = self.turn();
        let disk = self.store.raw_disk();
        let sealed = self.store.sealer().seal(&self.key, record)?;
        self.lock.check()?;
        ensure_dir(disk, self.paths.dir(), self.store.owns_dir())?;
        self.refuse_second_key()?;
        let (target, room) = (&self.paths.record, self.paths.reserve());
        let staged = if record.intent.is_some() {
            // Before the intent: one that is durable without room would be a doubt for nothing.
            reserve(disk, &room)?;
            None
        } else {
            Staged::reserved(disk, &room, &sealed)
        };
        let staged = match staged {
            Some(staged) => staged,
            None => Staged::temporary(disk, target, &sealed)?,
        };
        staged.put(disk, target, Some(&self.lock))?;
        self.drop_superseded(record);
        Ok(())
    }

    /// Puts the record where the next holder finds it when its own place takes nothing (R5, R19):
    /// beside it, else in the first fallback directory that works. Needs no valid lease.
    pub fn put_aside(&self, record: &Record) -> Result<(), StoreError> {
        let _turn = self.turn();
        let disk = self.store.raw_disk();
        let sealed = self.store.sealer().seal(&self.key, record)?;
        let newer = |path: &Path| match Seen::at(&self.store, path, &self.key) {
            Ok(Seen::Good(copy)) => copy.is_newer_than(record),
            _ => false,
        };
        if trusted_asides(&self.paths).any(|path| newer(&path)) {
            // Another holder was quicker with a later one: ours is of no use any more.
            return Ok(());
        }
        let put = |path: &Path| {
            let staged = Staged::temporary(disk, path, &sealed)?;
            staged.put(disk, path, None)
        };
        let beside = ensure_dir(disk, self.paths.dir(), self.store.owns_dir())
            .and_then(|()| put(&self.paths.aside()));
        let Err(error) = beside else { return Ok(()) };
        for fallback in &self.paths.fallbacks {
            if make_private(disk, &fallback.dir) && put(&fallback.aside()).is_ok() {
                return Ok(());
            }
        }
        Err(error)
    }

    /// Removes the record and every copy of it. What was quarantined stays for `doctor`.
    pub fn delete(&self) -> Result<(), StoreError> {
        let _turn = self.turn();
        self.lock.check()?;
        self.sweep();
        let disk = self.store.raw_disk();
        // The record last: what is left by a crash meanwhile is the record, not an older copy.
        let copies: Vec<_> = trusted_asides(&self.paths).collect();
        let all = copies.into_iter().chain([self.paths.reserve(), self.paths.record.clone()]);
        let mut done = Ok(());
        for path in all {
            if std::fs::symlink_metadata(&path).is_err() {
                continue;
            }
            let removed = unless_missing(disk.remove(&path))
                .and_then(|()| disk.sync_dir(parent(&path)))
                .map_err(at(&path));
            done = done.and(removed);
        }
        done
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes temporary files of processes that died while writing. Nobody else writes to the
    /// record while we hold the lock; a copy may be set aside without it, by whoever lives.
    fn sweep(&self) {
        let disk = self.store.raw_disk();
        let places = self.paths.asides().chain([self.paths.record.clone()]);
        for target in places {
            let ours = target == self.paths.record;
            for name in disk.names(parent(&target)).unwrap_or_default() {
                let Some(writer) = temporary_of(&target, &name) else { continue };
                if ours || !is_alive(writer) {
                    let _ = disk.remove(&target.with_file_name(name));
                }
            }
        }
    }

    /// An answer that was written into its room and not moved any more: its process died between the
    /// two. It becomes a copy that was set aside, for the next record with an intent takes the room
    /// (R5). An untouched room has its full length, and is not looked into.
    fn salvage(&self) {
        let (disk, room) = (self.store.raw_disk(), self.paths.reserve());
        if is_reserved(&room) {
            return;
        }
        let Ok(Seen::Good(answer)) = Seen::at(&self.store, &room, &self.key) else { return };
        let Ok(view) = View::of(&self.store, &self.paths, &self.key) else { return };
        let known = view.newest();
        if known.is_some_and(|known| !answer.is_newer_than(&known.record)) {
            return;
        }
        let aside = self.paths.aside();
        let moved = disk.rename(&room, &aside).and_then(|()| disk.sync_dir(parent(&aside)));
        if let Err(error) = moved {
            tracing::warn!(%error, "an answer could not be moved out of its room");
        }
    }

    /// In a tool's own file, a record of another key is not written over.
    fn refuse_second_key(&self) -> Result<(), StoreError> {
        if self.store.owns_dir() {
            return Ok(());
        }
        match Seen::at(&self.store, &self.paths.record, &self.key) {
            Err(error @ StoreError::Io { kind: std::io::ErrorKind::AlreadyExists, .. }) => {
                Err(error)
            }
            _ => Ok(()),
        }
    }

    fn drop_superseded(&self, record: &Record) {
        let disk = self.store.raw_disk();
        for path in trusted_asides(&self.paths) {
            match Seen::at(&self.store, &path, &self.key) {
                // One that stays is older than the record, and ignored for that.
                Ok(Seen::Good(copy)) if !copy.is_newer_than(record) => {
                    let _ = disk.remove(&path);
                }
                Ok(Seen::Damaged(damage)) => {
                    quarantine(disk, &path, damage);
                }
                _ => {}
            }
        }
    }
}

impl fmt::Debug for FileLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileLease").field("key", &self.key).finish_non_exhaustive()
    }
}
