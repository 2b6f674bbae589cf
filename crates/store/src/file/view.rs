//! What lies in the places of a key, and which of it counts.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use unlapse_core::{CustodyError, Damage, Key, Record, StoreError, Stored};

use super::layout::{Fallback, Paths};
use super::store::FileStore;
use super::trust::{Raw, look, private_dir};
use crate::seal::Unopened;

/// What a look at one file shows.
pub(super) enum Seen {
    Absent,
    Good(Box<Record>),
    Damaged(Damage),
}

/// What a look at every place of a key shows.
pub(super) struct View {
    pub(super) own: Seen,
    /// The newest good copy that was set aside.
    pub(super) aside: Option<Box<Record>>,
    /// Copies that were set aside and cannot be used.
    pub(super) broken: Vec<(PathBuf, Damage)>,
}

impl View {
    /// Looks at every place of `key`.
    pub(super) fn of(store: &FileStore, paths: &Paths, key: &Key) -> Result<Self, StoreError> {
        // Set-aside copies first: a writer saves the record before it drops them, so that whoever
        // finds them gone finds what superseded them.
        let (mut aside, mut broken) = (None::<Box<Record>>, Vec::new());
        for path in trusted_asides(paths) {
            match Seen::at(store, &path, key) {
                Ok(Seen::Good(copy)) => {
                    if aside.as_ref().is_none_or(|newest| copy.is_newer_than(newest)) {
                        aside = Some(copy);
                    }
                }
                Ok(Seen::Damaged(damage)) => broken.push((path, damage)),
                // What cannot be read hides nothing else.
                Ok(Seen::Absent) | Err(_) => {}
            }
        }
        let own = match Seen::at(store, &paths.record, key) {
            // Nor is one written over that another key opens, and that may be the newer one.
            wrong @ Err(StoreError::Custody(CustodyError::KeyWrong)) => wrong?,
            // A copy that can be read is better than a record that cannot (R10).
            Err(_) if aside.is_some() => Seen::Absent,
            own => own?,
        };
        Ok(Self { own, aside, broken })
    }

    /// The newest good record; the own place's when both are alike.
    pub(super) fn newest(self) -> Option<Stored> {
        let own = match self.own {
            Seen::Good(own) => Some(*own),
            Seen::Absent | Seen::Damaged(_) => None,
        };
        Stored::newest(own, self.aside.map(|aside| *aside))
    }
}

impl Seen {
    /// Looks at one file.
    pub(super) fn at(store: &FileStore, path: &Path, key: &Key) -> Result<Self, StoreError> {
        let bytes = match look(store.raw_disk(), path)? {
            Raw::Absent => return Ok(Self::Absent),
            Raw::Damaged(damage) => return Ok(Self::Damaged(damage)),
            Raw::Bytes(bytes) => bytes,
        };
        match store.sealer().open(key, &bytes) {
            Ok(record) => Ok(Self::Good(Box::new(record))),
            Err(Unopened::Damaged(damage)) => Ok(Self::Damaged(damage)),
            Err(Unopened::Custody(error)) => Err(StoreError::Custody(error)),
            Err(Unopened::OtherCustody(kind)) => Err(StoreError::Io {
                place: format!(
                    "{} is sealed under {kind}, which is not the custody that is configured",
                    path.display()
                ),
                kind: ErrorKind::Unsupported,
            }),
            Err(Unopened::OtherKey(other)) if !store.owns_dir() => Err(StoreError::Io {
                place: format!(
                    "{} holds the record of {other}, and a file holds one",
                    path.display()
                ),
                kind: ErrorKind::AlreadyExists,
            }),
            Err(Unopened::OtherKey(_)) => Ok(Self::Damaged(Damage::Undecryptable)),
        }
    }
}

/// Where a copy may lie that is to be believed.
pub(super) fn trusted_asides(paths: &Paths) -> impl Iterator<Item = PathBuf> {
    let fallbacks = paths.fallbacks.iter().filter(|fallback| private_dir(&fallback.dir));
    std::iter::once(paths.aside()).chain(fallbacks.map(Fallback::aside))
}
