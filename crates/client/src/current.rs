//! What the hot path reads: the newest token, prepared for requests.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderValue;
use unlapse_core::{Freshness, Key, Now, Policy, Record, Secret, UnixTime};
use unlapse_oauth::bearer::{CredentialError, authorization};

use crate::hold::Kept;

/// Copies of the header, so that threads do not fight over one reference count. Made when a thread
/// first asks, so that a token used by one thread costs one copy, and one that nobody uses costs none.
const SHARDS: usize = 8;

/// Of [`Served`]: the token is stale. No generation gets so far: each takes a renewal.
const STALE: u64 = 1 << 63;

/// How far the coarse clock may be behind, and a clock be slewed between two looks.
const SLACK: Duration = Duration::from_millis(100);

/// A published credential. Replaced as a whole, never changed.
pub(crate) struct Current {
    pub(crate) credential: Credential,
    /// The hot path serves between these two by the coarse wall clock; outside, both clocks are
    /// asked and the store may be looked at. A clock that is set falls outside.
    hot: (UnixTime, UnixTime),
    /// The generation, and whether it is stale: in one word, so that the hot path copies no more.
    pub(crate) served: Served,
    headers: [OnceLock<Box<HeaderValue>>; SHARDS],
}

/// Which token is served: its generation, and whether it is served beyond its end (K12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Served(u64);

impl Served {
    fn of(generation: u64, is_stale: bool) -> Self {
        Self(generation & !STALE | if is_stale { STALE } else { 0 })
    }

    pub(crate) fn generation(self) -> u64 {
        self.0 & !STALE
    }

    pub(crate) fn is_stale(self) -> bool {
        self.0 & STALE != 0
    }
}

/// What is put on requests.
pub(crate) enum Credential {
    /// `unsaved` where it does not lie in its place: seldom, and then it may be long.
    Token {
        record: Box<Record>,
        unsaved: Option<Box<Kept>>,
    },
    ApiKey {
        header: HeaderValue,
    },
}

impl Credential {
    fn token(record: Box<Record>, kept: Kept) -> Self {
        Self::Token { record, unsaved: (kept != Kept::Saved).then(|| Box::new(kept)) }
    }

    /// How well the token is kept.
    pub(crate) fn kept(&self) -> Kept {
        match self {
            Self::Token { unsaved: Some(kept), .. } => Kept::clone(kept),
            Self::Token { unsaved: None, .. } | Self::ApiKey { .. } => Kept::Saved,
        }
    }
}

impl Current {
    /// Publishes a record's token; `None` when it has none. If it is due, it is served for as long as
    /// `again` before that is looked at again.
    pub(crate) fn token(
        record: Box<Record>,
        kept: Kept,
        now: &Now,
        key: &Key,
        policy: &Policy,
        again: Duration,
    ) -> Option<Self> {
        let until = match record.freshness(key, now, policy)? {
            Freshness::Fresh { due_in } => Some(due_in.min(policy.trust)),
            // A renewal has just been tried: served without asking until it is to be tried again.
            Freshness::Due { left } => left.checked_sub(SLACK).map(|left| left.min(again)),
            Freshness::Expired => None,
        };
        let served = Served::of(record.generation, false);
        Some(Self {
            credential: Credential::token(record, kept),
            hot: hot(now, until),
            served,
            headers: Default::default(),
        })
    }

    /// Publishes a token that has ended, since its server cannot be reached (K12): for as long as
    /// `again`, and then it is to be asked for once more. `None` when that is not allowed.
    pub(crate) fn stale(
        record: Box<Record>,
        kept: Kept,
        now: &Now,
        policy: &Policy,
        again: Duration,
    ) -> Option<Self> {
        let left = record.stale_left(now, policy)?;
        let served = Served::of(record.generation, true);
        Some(Self {
            credential: Credential::token(record, kept),
            hot: hot(now, left.checked_sub(SLACK).map(|left| left.min(again))),
            served,
            headers: Default::default(),
        })
    }

    /// The same with what is known of its record by now. To look at that is no renewal, which alone
    /// finds out that a token is not stale any more: it stays so, until it is to be asked for once
    /// more. `None` when it is not stale, or no record allows that any longer.
    pub(crate) fn still_stale(
        &self,
        record: &Record,
        kept: Kept,
        now: &Now,
        policy: &Policy,
    ) -> Option<Self> {
        if !self.is_stale() || record.generation != self.generation() {
            return None;
        }
        record.stale_left(now, policy)?;
        Some(Self {
            credential: Credential::token(Box::new(record.clone()), kept),
            hot: self.hot,
            served: self.served,
            headers: Default::default(),
        })
    }

    /// A token once more, for another while; not an API key, which only the ladder gives.
    pub(crate) fn again(
        &self,
        now: &Now,
        key: &Key,
        policy: &Policy,
        again: Duration,
    ) -> Option<Self> {
        match &self.credential {
            Credential::Token { record, .. } => {
                Self::token(record.clone(), self.credential.kept(), now, key, policy, again)
            }
            Credential::ApiKey { .. } => None,
        }
    }

    /// Publishes an API key, until the ladder is to be tried from its top again.
    pub(crate) fn api_key(header: HeaderValue, now: &Now, policy: &Policy) -> Self {
        Self {
            credential: Credential::ApiKey { header },
            hot: hot(now, Some(policy.round)),
            served: Served::of(0, false),
            headers: Default::default(),
        }
    }

    /// Whether it may be served without another look.
    #[inline]
    pub(crate) fn is_hot(&self, coarse: UnixTime) -> bool {
        self.hot.0 <= coarse && coarse < self.hot.1
    }

    /// Grows with each token; zero for an API key, which no record holds.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.served.generation()
    }

    /// Whether the token has ended and is served all the same (K12).
    pub(crate) fn is_stale(&self) -> bool {
        self.served.is_stale()
    }

    /// The record behind it, unless it is an API key.
    pub(crate) fn record(&self) -> Option<&Record> {
        match &self.credential {
            Credential::Token { record, .. } => Some(record),
            Credential::ApiKey { .. } => None,
        }
    }

    /// Whether it is bound to a key, so that each request takes a proof (RFC 9449 §7.1).
    pub(crate) fn is_bound(&self) -> bool {
        let token = self.record().and_then(|record| record.token.as_ref());
        token.is_some_and(unlapse_core::Token::is_dpop)
    }

    /// Whether the newest token still has to be saved (R5).
    pub(crate) fn is_unsaved(&self) -> bool {
        matches!(&self.credential, Credential::Token { unsaved: Some(_), .. })
    }

    /// Whether it is a token that lies in its place.
    pub(crate) fn is_saved(&self) -> bool {
        matches!(&self.credential, Credential::Token { unsaved: None, .. })
    }

    /// The `Authorization` header, prepared.
    pub(crate) fn header(&self) -> Result<HeaderValue, CredentialError> {
        self.prepared().map_or_else(|| self.prepare(), |header| Ok(header.clone()))
    }

    /// This thread's copy of the header, once it has one.
    #[inline]
    pub(crate) fn prepared(&self) -> Option<&HeaderValue> {
        self.headers[shard()].get().map(|header| &**header)
    }

    /// This thread's copy of the header, which it did not have yet.
    #[cold]
    fn prepare(&self) -> Result<HeaderValue, CredentialError> {
        let header = match &self.credential {
            Credential::ApiKey { header } => header.clone(),
            Credential::Token { record, .. } => {
                let token = record.token.as_ref().ok_or(CredentialError::Empty)?;
                authorization(&token.token_type, &token.access_token)?
            }
        };
        Ok(HeaderValue::clone(self.headers[shard()].get_or_init(|| Box::new(header))))
    }
}

/// From when until when it is served without asking, for so long from now.
fn hot(now: &Now, until: Option<Duration>) -> (UnixTime, UnixTime) {
    match until {
        Some(until) => (now.wall.minus(SLACK), now.wall.plus(until)),
        // Never, not even for the moment that the coarse clock is behind.
        None => (UnixTime::default(), UnixTime::default()),
    }
}

/// An API key on a request (RFC 6750 §2.1).
pub(crate) fn api_key_header(key: &Secret) -> Result<HeaderValue, CredentialError> {
    authorization("Bearer", key)
}

/// This thread's copy.
#[inline]
fn shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static SHARD: Cell<usize> = const { Cell::new(usize::MAX) });
    SHARD.with(|shard| {
        if shard.get() == usize::MAX {
            shard.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
        }
        shard.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k12_the_mark_shares_a_word_with_the_generation() {
        for generation in [0, 1, 7, STALE - 1] {
            for is_stale in [false, true] {
                let served = Served::of(generation, is_stale);
                assert_eq!((served.generation(), served.is_stale()), (generation, is_stale));
            }
        }
        // Nobody lives to see it; and it is not taken for a stale token.
        assert!(!Served::of(u64::MAX, false).is_stale());
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn c15_a_bearer_is_no_larger_for_its_mark() {
        assert_eq!(size_of::<Option<crate::Bearer>>(), size_of::<HeaderValue>() + 8);
    }
}
