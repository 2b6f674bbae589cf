//! Bugs that are planted on purpose, to see that they are found. None is in the product: each
//! stands between the client and one of its effects, where a careless client would have it inside.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use unlapse_core::{
    Answer, Body, BoxFuture, Breaker, BreakerPolicy, Cause, ErrorCode, Holder, Key, Lease, Place,
    Record, Rejection, Store, StoreError, Stored,
};

use crate::host::true_wall;
use crate::process::Seat;
use crate::world::State;

/// One bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Planted {
    /// Under the lease, what was seen before is believed.
    SkipReread,
    /// A save returns before it is synced.
    SaveBeforeFsync,
    /// No intent is written.
    NoIntent,
    /// The intent is written once the answer is there.
    IntentAfterSend,
    /// A renewal ends with the caller who started it.
    DiesWithCaller,
    /// No wait has a deadline.
    NoDeadline,
    /// The lease is given up before the answer is saved.
    UnlockBeforeSave,
    /// After a failed save, the old refresh token is sent again.
    RetryOldToken,
    /// A rejected refresh token counts as a failure of the endpoint.
    BreakerCountsRejection,
    /// A 503 is taken for a rejection.
    RejectOn503,
    /// A lost lease keeps nobody from saving.
    IgnoreFence,
    /// The jitter is rolled anew by each process.
    RerolledJitter,
    /// A record that has been superseded is believed.
    AdoptOlder,
    /// The lock keeps out nobody but oneself.
    OwnLockOnly,
    /// A lost reply is taken for a request that never left.
    LostIsUnsent,
    /// What was set aside is never looked for.
    IgnoreAside,
    /// Expiry goes by the wall clock alone.
    WallClockOnly,
}

impl Planted {
    /// Every bug.
    pub const ALL: [Self; 17] = [
        Self::SkipReread,
        Self::SaveBeforeFsync,
        Self::NoIntent,
        Self::IntentAfterSend,
        Self::DiesWithCaller,
        Self::NoDeadline,
        Self::UnlockBeforeSave,
        Self::RetryOldToken,
        Self::BreakerCountsRejection,
        Self::RejectOn503,
        Self::IgnoreFence,
        Self::RerolledJitter,
        Self::AdoptOlder,
        Self::OwnLockOnly,
        Self::LostIsUnsent,
        Self::IgnoreAside,
        Self::WallClockOnly,
    ];

    /// The bug in a sentence.
    pub fn describe(self) -> &'static str {
        match self {
            Self::SkipReread => "under the lease, what was seen before is believed",
            Self::SaveBeforeFsync => "a save returns before it is synced",
            Self::NoIntent => "no intent is written",
            Self::IntentAfterSend => "the intent is written after the token has left",
            Self::DiesWithCaller => "a renewal ends with the caller who started it",
            Self::NoDeadline => "no wait has a deadline",
            Self::UnlockBeforeSave => "the lease is given up before the answer is saved",
            Self::RetryOldToken => "after a failed save, the old refresh token is sent again",
            Self::BreakerCountsRejection => "a rejected refresh token counts for the breaker",
            Self::RejectOn503 => "a 503 is taken for a rejection",
            Self::IgnoreFence => "a lost lease keeps nobody from saving",
            Self::RerolledJitter => "the jitter is rolled anew by each process",
            Self::AdoptOlder => "a superseded record is believed",
            Self::OwnLockOnly => "the lock keeps out nobody but oneself",
            Self::LostIsUnsent => "a lost reply is taken for a request that never left",
            Self::IgnoreAside => "what was set aside is never looked for",
            Self::WallClockOnly => "expiry goes by the wall clock alone",
        }
    }

    /// The refresh token that is sent.
    pub(crate) fn token(self, state: &mut State, token: Option<String>) -> Option<String> {
        if self != Self::RetryOldToken {
            return token;
        }
        let old = state.unsaved_successor_of.take();
        token.map(|token| old.unwrap_or(token))
    }

    /// What is made of an answer.
    pub(crate) fn answer(self, answer: Answer) -> Answer {
        match (self, answer) {
            (Self::RejectOn503, Answer::Replied(mut reply)) if reply.status == 503 => {
                reply.status = 400;
                reply.body = Body::Error(ErrorCode::Rejection(Rejection::InvalidGrant));
                Answer::Replied(reply)
            }
            (Self::LostIsUnsent, Answer::Lost(_)) => Answer::Unsent(Cause::Connect),
            (_, answer) => answer,
        }
    }

    /// What becomes of a breaker.
    pub(crate) fn breaker(self, state: &State, host: usize, before: Breaker) -> Option<Breaker> {
        let host = &state.hosts[host];
        let counts = self == Self::BreakerCountsRejection && host.was_rejected;
        let now = true_wall(state.now).shifted(host.wall_off);
        counts.then(|| before.failed(now, &BreakerPolicy { failures: 2, ..Default::default() }))
    }
}

/// A store with a bug in it.
pub(crate) struct PlantedStore {
    pub(crate) inner: Arc<dyn Store>,
    pub(crate) seat: Seat,
    pub(crate) bug: Planted,
    /// What was seen last without a lease.
    pub(crate) seen: Arc<Mutex<Option<Stored>>>,
}

impl PlantedStore {
    fn found(bug: Planted, seat: &Seat, stored: Option<Stored>) -> Option<Stored> {
        match bug {
            Planted::AdoptOlder => {
                let mut state = seat.world.state();
                let older = state.history.iter().rev().nth(1).cloned();
                let record = older.filter(|_| state.chance.of_10_000(3_000));
                record.map(|record| Stored { record, place: Place::Kept }).or(stored)
            }
            Planted::IgnoreAside => stored.filter(|stored| stored.place == Place::Kept),
            _ => stored,
        }
    }
}

impl Store for PlantedStore {
    fn load<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Stored>, StoreError>> {
        Box::pin(async move {
            let found = self.inner.load(key).await?;
            let found = Self::found(self.bug, &self.seat, found);
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&found);
            Ok(found)
        })
    }

    fn lease<'a>(
        &'a self,
        key: &'a Key,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Lease>, StoreError>> {
        Box::pin(async move {
            let lease = self.inner.lease(key, wait).await?;
            Ok(Box::new(PlantedLease {
                inner: Some(lease),
                store: Arc::clone(&self.inner),
                seat: self.seat.clone(),
                bug: self.bug,
                key: key.clone(),
                seen: Arc::clone(&self.seen),
                late: None,
                spent: None,
            }) as Box<dyn Lease>)
        })
    }

    fn holder<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        self.inner.holder(key)
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Key>, StoreError>> {
        self.inner.list()
    }
}

struct PlantedLease {
    inner: Option<Box<dyn Lease>>,
    store: Arc<dyn Store>,
    seat: Seat,
    bug: Planted,
    key: Key,
    seen: Arc<Mutex<Option<Stored>>>,
    /// An intent that is yet to be written.
    late: Option<Record>,
    /// The refresh token that the last intent was about.
    spent: Option<String>,
}

impl PlantedLease {
    async fn inner(&mut self) -> Result<&mut Box<dyn Lease>, StoreError> {
        if self.inner.is_none() {
            self.inner = Some(self.store.lease(&self.key, Duration::from_secs(5)).await?);
        }
        self.inner.as_mut().ok_or(StoreError::Fenced)
    }

    async fn save_now(&mut self, record: &Record) -> Result<(), StoreError> {
        if record.intent.is_some() {
            let token = record.token.as_ref().and_then(|token| token.refresh_token.as_ref());
            self.spent = token.map(|token| token.expose().to_owned());
            match self.bug {
                Planted::NoIntent => return Ok(()),
                Planted::IntentAfterSend => {
                    self.late = Some(record.clone());
                    return Ok(());
                }
                _ => {}
            }
        }
        if let Some(late) = self.late.take() {
            self.inner().await?.save(&late).await?;
        }
        if self.bug == Planted::UnlockBeforeSave && record.intent.is_none() {
            self.inner = None;
            self.seat.world.sleep(Duration::from_millis(20)).await;
        }
        let saved = self.inner().await?.save(record).await;
        if saved.is_err() && record.intent.is_none() && self.bug == Planted::RetryOldToken {
            self.seat.world.state().unsaved_successor_of.clone_from(&self.spent);
        }
        saved
    }
}

impl Lease for PlantedLease {
    fn load(&mut self) -> BoxFuture<'_, Result<Option<Stored>, StoreError>> {
        Box::pin(async {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if self.bug == Planted::SkipReread && seen.is_some() {
                return Ok(seen);
            }
            let found = self.inner().await?.load().await?;
            Ok(PlantedStore::found(self.bug, &self.seat, found))
        })
    }

    fn save<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.save_now(record))
    }

    fn set_aside<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move { self.inner().await?.set_aside(record).await })
    }

    fn remove(&mut self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.inner().await?.remove().await })
    }
}
