//! How often each of many has come, in bounded memory.

use core::hash::{BuildHasher as _, Hash};
use core::time::Duration;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse_core::UnixTime;

use crate::rate::{FullAt, Rate};

/// Who has come lately is remembered in two halves of this size: some 4 MiB when both are full.
const HALF: usize = 50_000;

/// Counts requests by whoever they count on.
///
/// Whoever is not remembered has its whole rate. Where more come than can be remembered, those are
/// forgotten that did not come for the longest time: to make it forget, somebody needs as many
/// addresses, clients or sessions as it remembers.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// `None` counts nothing.
    rate: Option<Rate>,
    /// Keyed with random bits of this process: nobody can aim at what another one counts on. Two
    /// that meet by chance share a rate.
    hasher: RandomState,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    newer: HashMap<u64, FullAt>,
    older: HashMap<u64, FullAt>,
}

impl Limiter {
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Self { rate, hasher: RandomState::new(), kept: Mutex::default() }
    }

    /// Counts one more of `who`, unless it has to wait: then how long.
    pub(crate) fn count(&self, who: impl Hash, now: UnixTime) -> Result<(), Duration> {
        let Some(rate) = self.rate else { return Ok(()) };
        let who = self.hasher.hash_one(who);
        let mut kept = self.lock();
        let full_at = kept.full_at(who);
        let admitted = rate.admit(full_at, now);
        // Also when it has to wait: whoever asks all the same must not be forgotten meanwhile.
        kept.keep(who, admitted.unwrap_or(full_at), now);
        admitted.map(|_| ())
    }

    /// How long `who` has to wait; `None` when it need not. Counts nothing.
    pub(crate) fn wait(&self, who: impl Hash, now: UnixTime) -> Option<Duration> {
        let full_at = self.lock().full_at(self.hasher.hash_one(who));
        self.rate?.admit(full_at, now).err()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Counts only: nothing in here can be half changed.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn full_at(&self, who: u64) -> FullAt {
        self.newer.get(&who).or_else(|| self.older.get(&who)).copied().unwrap_or_default()
    }

    fn keep(&mut self, who: u64, full_at: FullAt, now: UnixTime) {
        if self.newer.len() >= HALF && !self.newer.contains_key(&who) {
            self.newer.retain(|_, full_at| !Rate::is_forgotten(*full_at, now));
            // Half of it at least, so that a sweep costs a constant time per newcomer.
            if self.newer.len() > HALF / 2 {
                self.older = core::mem::take(&mut self.newer);
            }
        }
        self.newer.insert(who, full_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> UnixTime {
        UnixTime::from_secs(1_700_000_000 + secs)
    }

    fn limiter() -> Limiter {
        Limiter::new(Some(Rate::new(2, Duration::from_secs(60))))
    }

    #[test]
    fn j2_each_has_a_rate_of_its_own_and_off_counts_nothing() {
        let limiter = limiter();
        let counted = |who| limiter.count(who, secs(0));
        assert_eq!([counted("ada"), counted("ada")], [Ok(()); 2]);
        assert_eq!(counted("ada"), Err(Duration::from_secs(30)));
        assert_eq!(counted("bob"), Ok(()));
        assert_eq!(limiter.wait("ada", secs(0)), Some(Duration::from_secs(30)));
        assert_eq!(limiter.wait("bob", secs(0)), None);
        assert_eq!(limiter.wait("ada", secs(30)), None);
        let off = Limiter::new(None);
        assert!((0..1000).all(|_| off.count("ada", secs(0)).is_ok()));
        assert_eq!(off.wait("ada", secs(0)), None);
    }

    #[test]
    fn j2_memory_is_bounded_and_whoever_keeps_coming_stays_remembered() {
        let limiter = limiter();
        assert!((0..2).all(|_| limiter.count("ada", secs(0)).is_ok()));
        for stranger in 0..HALF * 5 {
            let _ = limiter.count(stranger, secs(0));
            let kept = limiter.lock();
            assert!(kept.newer.len() <= HALF && kept.older.len() <= HALF);
            drop(kept);
            if stranger % 10_000 == 0 {
                assert!(limiter.count("ada", secs(29)).is_err(), "{stranger}");
            }
        }
    }

    #[test]
    fn j2_whoever_has_its_whole_rate_back_takes_no_room() {
        let limiter = limiter();
        for stranger in 0..HALF {
            limiter.count(stranger, secs(0)).expect("the first");
        }
        limiter.count("ada", secs(3600)).expect("the first");
        assert_eq!(limiter.lock().newer.len(), 1);
        assert!(limiter.lock().older.is_empty());
    }
}
