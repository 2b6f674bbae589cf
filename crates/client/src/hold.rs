//! A renewal's grip on its record: the lease, or the knowledge that there is none.

use std::time::Duration;

use unlapse_core::{Key, Lease, Place, Record, Store, StoreError};

/// The lease, or why there is none, and how well the newest record is kept.
///
/// Without a store nothing single-use may be spent (R1, R3), but a login that spends nothing may
/// still be made and kept in memory (C16).
pub(crate) struct Hold {
    lease: Result<Box<dyn Lease>, StoreError>,
    kept: Kept,
}

/// How well the newest record is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In its place.
    Saved,
    /// Not in its place: why, and whether a copy lies aside.
    Unsaved { error: StoreError, set_aside: bool },
}

impl Hold {
    /// Takes the lease, waiting for at most `wait`. An error says who has it.
    pub(crate) async fn take(
        store: &dyn Store,
        key: &Key,
        wait: Duration,
    ) -> Result<Self, StoreError> {
        match store.lease(key, wait).await {
            Err(busy @ StoreError::Busy { .. }) => Err(busy),
            lease => Ok(Self { lease, kept: Kept::Saved }),
        }
    }

    /// The newest of what is stored and `known`, which this process could not save before.
    ///
    /// A damaged record has been set aside by the store: the error comes with an empty record, and
    /// the caller decides whether there is a way on.
    pub(crate) async fn read(&mut self, known: Option<&Record>) -> (Record, Option<StoreError>) {
        let loaded = match &mut self.lease {
            Ok(lease) => lease.load().await,
            Err(error) => Err(error.clone()),
        };
        let (stored, error) = match loaded {
            Ok(stored) => (stored, None),
            Err(error) => (None, Some(error)),
        };
        let in_place = stored.as_ref().is_some_and(|stored| stored.place == Place::Kept);
        let record = newest(stored.map(|stored| stored.record), known);
        let nothing = record == Record::default();
        if let Some(error) = &error {
            self.kept = Kept::Unsaved { error: error.clone(), set_aside: false };
        }
        if !nothing && (!in_place || known == Some(&record)) {
            // Adopted into its place before anything is spent (R19).
            self.keep(&record).await;
        }
        (record, error)
    }

    /// Makes `record` durable: in its place, else set aside (R5, R19).
    pub(crate) async fn keep(&mut self, record: &Record) -> &Kept {
        self.kept = match &mut self.lease {
            Ok(lease) => match lease.save(record).await {
                Ok(()) => Kept::Saved,
                Err(error) => {
                    let set_aside = lease.set_aside(record).await.is_ok();
                    Kept::Unsaved { error, set_aside }
                }
            },
            Err(error) => Kept::Unsaved { error: error.clone(), set_aside: false },
        };
        &self.kept
    }

    /// Makes an intent durable somewhere, or says why the refresh token must not leave (R3).
    pub(crate) async fn intend(&mut self, record: &Record) -> Result<(), StoreError> {
        match self.keep(record).await {
            Kept::Saved | Kept::Unsaved { set_aside: true, .. } => Ok(()),
            Kept::Unsaved { error, set_aside: false } => Err(error.clone()),
        }
    }

    /// Gives the lease up, and says how well the newest record is kept.
    pub(crate) fn release(self) -> Kept {
        self.kept
    }
}

/// The newer of what is stored and what is known but unsaved.
fn newest(stored: Option<Record>, known: Option<&Record>) -> Record {
    match (stored, known) {
        (Some(stored), Some(known)) if known.is_newer_than(&stored) => known.clone(),
        (Some(stored), _) => stored,
        (None, known) => known.cloned().unwrap_or_default(),
    }
}
