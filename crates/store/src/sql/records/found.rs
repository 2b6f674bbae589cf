//! What lies in the places of a key, and which of it counts.

use std::io::ErrorKind;

use unlapse_core::{CustodyError, Damage, Key, Record, StoreError, Stored};

use super::seal::{Seal, Sealed};
use crate::Unopened;
use crate::sql::{Away, Row};

/// What was found of a key, sealed.
#[derive(Clone, Default)]
pub(super) enum Raw {
    /// It is not known, or may have changed since.
    #[default]
    Unknown,
    /// As it is.
    Known {
        /// In its own place.
        kept: Option<SealedCopy>,
        /// Set aside.
        aside: Option<SealedCopy>,
    },
}

/// A sealed record, and the generation that it is of.
#[derive(Clone)]
pub(super) struct SealedCopy {
    generation: u64,
    sealed: Sealed,
}

impl SealedCopy {
    /// From three columns: `generation`, `key_id`, `sealed`; `None` when they are `NULL`.
    pub(super) fn at(row: &Row, first: usize) -> Result<Option<Self>, Away> {
        let Some(bytes) = row.maybe_bytes(first + 2)? else { return Ok(None) };
        let generation = row.int(first)?.try_into().unwrap_or_default();
        let key_id = row.text(first + 1)?.to_owned();
        Ok(Some(Self { generation, sealed: Sealed { key_id, bytes: bytes.to_vec() } }))
    }

    /// Whether nothing will ever open it: not while its key is merely away.
    pub(super) fn is_damaged(&self, seal: &dyn Seal, key: &Key) -> bool {
        matches!(self.open(seal, key), Ok(Seen::Damaged(_)))
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn sealed(&self) -> &Sealed {
        &self.sealed
    }

    fn open(&self, seal: &dyn Seal, key: &Key) -> Result<Seen, StoreError> {
        match seal.open(key, self.generation, &self.sealed) {
            Ok(record) => Ok(Seen::Good(Box::new(record))),
            Err(Unopened::Damaged(damage)) => Ok(Seen::Damaged(damage)),
            Err(Unopened::OtherKey(_)) => Ok(Seen::Damaged(Damage::Undecryptable)),
            Err(Unopened::Custody(error)) => Err(StoreError::Custody(error)),
            Err(Unopened::OtherCustody(kind)) => Err(StoreError::Io {
                place: format!("a record sealed under {kind}, which is not the custody here"),
                kind: ErrorKind::Unsupported,
            }),
        }
    }
}

enum Seen {
    Good(Box<Record>),
    Damaged(Damage),
}

/// The newest record of `key`; its own place's when both are alike.
pub(super) fn newest(
    seal: &dyn Seal,
    key: &Key,
    kept: Option<&SealedCopy>,
    aside: Option<&SealedCopy>,
) -> Result<Option<Stored>, StoreError> {
    let aside = match aside.map(|copy| copy.open(seal, key)).transpose() {
        Ok(Some(Seen::Good(record))) => Some(record),
        Ok(Some(Seen::Damaged(damage))) => {
            tracing::warn!(%damage, "a record that was set aside cannot be used");
            None
        }
        // What cannot be read hides nothing else.
        Ok(None) | Err(_) => None,
    };
    let kept = match kept.map(|copy| copy.open(seal, key)).transpose() {
        // Nor is one written over that another key opens, and that may be the newer one.
        Err(wrong @ StoreError::Custody(CustodyError::KeyWrong)) => return Err(wrong),
        // A copy that can be read is better than a record that cannot (R10).
        Err(_) | Ok(Some(Seen::Damaged(_))) if aside.is_some() => None,
        Ok(Some(Seen::Damaged(damage))) => {
            return Err(StoreError::Damaged { key: key.clone(), damage, kept: None });
        }
        Ok(Some(Seen::Good(record))) => Some(record),
        Ok(None) => None,
        Err(error) => return Err(error),
    };
    Ok(Stored::newest(kept.map(|record| *record), aside.map(|record| *record)))
}

/// A database that is away, as the contract says it.
pub(super) fn away(_: Away) -> StoreError {
    StoreError::Io { place: "the database".to_owned(), kind: ErrorKind::NotConnected }
}
