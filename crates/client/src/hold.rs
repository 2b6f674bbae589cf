//! A renewal's grip on its record: the lease, and how well the newest record is kept.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use unlapse_core::{Lease, Place, Record, StoreError, WithoutStore};

use crate::one_hold::OneHold;
use crate::renew::Renewer;
use crate::sync::Mutex;
use crate::world::World;

/// How well the newest record is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In its place.
    Saved,
    /// Not in its place: why, and whether a copy lies aside.
    Unsaved { error: StoreError, set_aside: bool },
}

impl Kept {
    /// How well a record is kept that was found there.
    pub(crate) fn found(place: Place) -> Self {
        match place {
            Place::Kept => Self::Saved,
            // Why it could not be saved is known to whoever tried.
            Place::SetAside => Self::Unsaved {
                error: StoreError::ReadOnly { place: "the record's own place".to_owned() },
                set_aside: true,
            },
        }
    }
}

/// A record that this process alone has: the store took it nowhere, or aside (R5).
#[derive(Clone, Debug)]
struct Unsaved {
    record: Record,
    /// The generation in the store that it succeeds, if there was one. When the store has gone on
    /// since, by a logout or another holder, the record counts no more.
    base: Option<u64>,
}

/// What this process could not save, kept outside of any renewal, so that nothing that happens to
/// one loses it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<Option<Box<Unsaved>>>>);

impl Memory {
    /// The record that still has to be saved.
    pub(crate) fn unsaved(&self) -> Option<Record> {
        self.get().map(|unsaved| unsaved.record)
    }

    /// Forgets what is unsaved: it was cleared.
    pub(crate) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Whether there is nothing to be saved.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn get(&self) -> Option<Unsaved> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_deref().cloned()
    }

    fn put(&self, record: &Record, base: Option<u64>) {
        let unsaved = Unsaved { record: record.clone(), base };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(unsaved));
    }
}

/// The lease, or why there is none.
///
/// Without a store nothing single-use may be spent (R1, R3), unless the policy has chosen to; but a
/// login that spends nothing may still be made and kept in memory (C16).
pub(crate) struct Hold {
    lease: Result<Box<dyn Lease>, StoreError>,
    kept: Kept,
    memory: Memory,
    base: Option<u64>,
    /// Let go of after the lease. A trial has none: it is inside of another hold.
    _only: Option<Box<OneHold>>,
}

impl Hold {
    /// Takes the lease, waiting for at most `wait`. An error says who has it.
    ///
    /// Before it, the turn in this process, which a hold keeps that has no lease, or loses it.
    pub(crate) async fn take(renewer: &Renewer, wait: Duration) -> Result<Self, StoreError> {
        let Renewer { key, clock, memory, .. } = renewer;
        let World { store, turns, .. } = &*renewer.world;
        let start = clock.now();
        let only = tokio::select! {
            biased;
            only = OneHold::of(turns, key) => only,
            () = clock.sleep(wait) => {
                let holder = store.holder(key).await.ok().flatten();
                return Err(StoreError::Busy { key: key.clone(), holder });
            }
        };
        let left = wait.saturating_sub(clock.now().elapsed(&start));
        let lease = match store.lease(key, left).await {
            Err(busy @ StoreError::Busy { .. }) => return Err(busy),
            lease => lease,
        };
        let memory = memory.clone();
        Ok(Self { lease, kept: Kept::Saved, memory, base: None, _only: Some(Box::new(only)) })
    }

    /// Over a lease on trial, at a record of that generation. What it cannot save is nobody's.
    pub(crate) fn over(lease: Box<dyn Lease>, generation: u64) -> Self {
        let memory = Memory::default();
        Self { lease: Ok(lease), kept: Kept::Saved, memory, base: Some(generation), _only: None }
    }

    /// How well the newest record is kept.
    pub(crate) fn kept(&self) -> Kept {
        self.kept.clone()
    }

    /// Whether the record can be changed.
    pub(crate) fn is_leased(&self) -> bool {
        self.lease.is_ok()
    }

    /// Whether a refresh token may be spent: never without the lease (R1), unless the store that
    /// gives it is away and the policy has chosen to go on in memory (C16).
    pub(crate) fn may_spend(&self, without_store: WithoutStore) -> bool {
        match &self.lease {
            Ok(_) => true,
            Err(error) => without_store.goes_on(error),
        }
    }

    /// Holds a record in memory, that could be written nowhere.
    pub(crate) fn remember(&mut self, record: &Record, error: StoreError) {
        self.memory.put(record, self.base);
        self.kept = Kept::Unsaved { error, set_aside: false };
    }

    /// The newest of what is stored and what this process could not save; `last` is what it has
    /// seen last, for when the store says nothing.
    ///
    /// A damaged record has been set aside by the store: the error comes with an empty record. A
    /// record that cannot be read now is there all the same: nothing may be saved over it.
    pub(crate) async fn read(&mut self, last: Option<&Record>) -> (Record, Option<StoreError>) {
        let loaded = match &mut self.lease {
            Ok(lease) => lease.load().await,
            Err(error) => Err(error.clone()),
        };
        let unsaved = self.memory.get();
        match loaded {
            Ok(stored) => {
                self.base = stored.as_ref().map(|stored| stored.record.generation);
                let in_place = stored.as_ref().is_some_and(|stored| stored.place == Place::Kept);
                let stored = stored.map(|stored| stored.record);
                if let Some(unsaved) = unsaved.filter(|unsaved| unsaved.counts(stored.as_ref())) {
                    self.base = unsaved.base;
                    // Adopted into its place before anything is spent (R5, R19).
                    self.keep(&unsaved.record).await;
                    return (unsaved.record, None);
                }
                self.memory.forget();
                let found = stored.is_some();
                let record = stored.unwrap_or_default();
                if found && !in_place {
                    self.keep(&record).await;
                }
                (record, None)
            }
            Err(error @ StoreError::Damaged { .. }) => {
                let record = unsaved.map(|unsaved| unsaved.record).unwrap_or_default();
                if record != Record::default() {
                    self.keep(&record).await;
                }
                (record, Some(error))
            }
            Err(error) => {
                self.lease = Err(error.clone());
                self.kept = Kept::Unsaved { error: error.clone(), set_aside: false };
                let (record, base) = match unsaved {
                    Some(Unsaved { record, base }) => (Some(record), base),
                    None => (last.cloned(), last.map(|record| record.generation)),
                };
                self.base = base;
                (record.unwrap_or_default(), Some(error))
            }
        }
    }

    /// Makes `record` durable: in its place, else set aside, else in memory until it can be (R5,
    /// R19).
    pub(crate) async fn keep(&mut self, record: &Record) -> &Kept {
        let is_news = self.is_news(record);
        self.kept = self.try_keep(record, is_news).await;
        match &self.kept {
            Kept::Saved => self.memory.forget(),
            Kept::Unsaved { error: StoreError::Fenced, .. } if !is_news => {}
            Kept::Unsaved { .. } => self.memory.put(record, self.base),
        }
        &self.kept
    }

    /// Whether a record has a token that the store has not: what a holder without its lease may
    /// still leave for the next (R19). Anything else that it has to say could hide what the next
    /// has begun.
    fn is_news(&self, record: &Record) -> bool {
        self.base.is_none_or(|base| record.generation > base)
    }

    /// Makes `record` durable somewhere, or says why it is not, and then nothing has happened: what
    /// follows from it must not be done. An intent (R3), or what a person brings.
    pub(crate) async fn commit(&mut self, record: &Record) -> Result<(), StoreError> {
        // Without the lease nothing may follow, wherever this could be written (R1).
        let kept = self.try_keep(record, false).await;
        match &kept {
            Kept::Saved => self.memory.forget(),
            Kept::Unsaved { error, set_aside } if *set_aside && keeps_lease(error) => {
                self.memory.put(record, self.base);
            }
            Kept::Unsaved { error, .. } => return Err(error.clone()),
        }
        self.kept = kept;
        Ok(())
    }

    async fn try_keep(&mut self, record: &Record, outlives_lease: bool) -> Kept {
        match &mut self.lease {
            Ok(lease) => match lease.save(record).await {
                Ok(()) => {
                    self.base = Some(record.generation);
                    Kept::Saved
                }
                Err(StoreError::Fenced) if !outlives_lease => {
                    Kept::Unsaved { error: StoreError::Fenced, set_aside: false }
                }
                Err(error) => {
                    let set_aside = lease.set_aside(record).await.is_ok();
                    Kept::Unsaved { error, set_aside }
                }
            },
            Err(error) => Kept::Unsaved { error: error.clone(), set_aside: false },
        }
    }

    /// Puts `cleared`, which has no secret, in the record's place; every copy is superseded by it. In
    /// one stroke: whoever dies over it has cleared the record, or not. Where there is no room even
    /// for that, the record is removed.
    pub(crate) async fn clear(&mut self, cleared: &Record) -> Result<(), StoreError> {
        match &mut self.lease {
            Ok(lease) => {
                if lease.save(cleared).await.is_err() {
                    lease.remove().await?;
                    // There may be room now. The mark helps others to notice sooner, and has whoever
                    // logs in next count on from it; a copy of it does as well.
                    if lease.save(cleared).await.is_err() {
                        let _ = lease.set_aside(cleared).await;
                    }
                }
                self.memory.forget();
                Ok(())
            }
            Err(error) => Err(error.clone()),
        }
    }

    /// Gives the lease up, and says how well the newest record is kept.
    pub(crate) fn release(self) -> Kept {
        self.kept
    }
}

/// Whether a save that failed like this says nothing against the lease: the record's place takes
/// nothing, and that is all. After any other failure, somebody else may have the lease by now.
fn keeps_lease(error: &StoreError) -> bool {
    matches!(error, StoreError::Full { .. } | StoreError::ReadOnly { .. } | StoreError::TooLarge)
}

impl Unsaved {
    /// Whether the store is still where this record began, or at a copy of it.
    fn counts(&self, stored: Option<&Record>) -> bool {
        match (stored, self.base) {
            (Some(stored), Some(base)) => {
                self.record.is_newer_than(stored) && stored.generation == base
            }
            (None, None) => true,
            // Removed by hand; or something came to be where nothing was.
            (None, Some(_)) => false,
            (Some(stored), None) => self.record.is_newer_than(stored) && stored.token.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(generation: u64, revision: u64) -> Record {
        Record { generation, revision, ..Record::default() }
    }

    #[test]
    fn r5_k9_an_unsaved_record_counts_while_the_store_is_where_it_began() {
        let unsaved = |base| Unsaved { record: record(5, 20), base };
        let rows = [
            (Some(4), Some(record(4, 18)), true),
            // Another holder has begun to spend the same token: ours is its successor.
            (Some(4), Some(record(4, 30)), true),
            // Somebody has logged out, or renewed.
            (Some(4), Some(record(5, 19)), false),
            (Some(4), Some(record(6, 1)), false),
            // Removed by hand.
            (Some(4), None, false),
            // There was nothing, and there is nothing.
            (None, None, true),
        ];
        for (base, stored, expected) in rows {
            assert_eq!(unsaved(base).counts(stored.as_ref()), expected, "{base:?} {stored:?}");
        }
    }
}
