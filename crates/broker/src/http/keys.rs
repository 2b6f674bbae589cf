//! The credentials that a node knows, in bounded memory: whose they are, for a few seconds.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse::unlapse_core::UnixTime;

use super::caller::Caller;

/// A good one is looked up again after so long: for so long, a node does not know that it was revoked.
const GOOD_FOR: Duration = Duration::from_secs(3);
/// So many are remembered.
const ROOM: usize = 20_000;

/// The digest of a credential: what is learned from the timing of its comparison leads to no credential.
pub(super) type Digest = [u8; 32];

/// What is known of credentials.
#[derive(Debug, Default)]
pub(super) struct Keys(Mutex<HashMap<Digest, Good>>);

#[derive(Debug)]
struct Good {
    caller: Caller,
    seen_at: UnixTime,
    ends_at: Option<UnixTime>,
}

/// What to do with a credential.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// It was good a moment ago.
    Good(Caller),
    /// Look it up: it was good here, and is no guess.
    Again,
    /// Look it up, in its turn: it may be a guess.
    New,
}

impl Keys {
    pub(super) fn look(&self, digest: &Digest, now: UnixTime) -> Look {
        let kept = self.lock();
        let Some(good) = kept.get(digest) else { return Look::New };
        let is_fresh = good.seen_at <= now && now.since(good.seen_at) < GOOD_FOR;
        let lives = good.ends_at.is_none_or(|end| end > now);
        if is_fresh && lives { Look::Good(good.caller.clone()) } else { Look::Again }
    }

    /// It was wrong.
    pub(super) fn failed(&self, digest: &Digest) {
        self.lock().remove(digest);
    }

    /// It was good, until `ends_at`.
    pub(super) fn succeeded(
        &self,
        digest: Digest,
        caller: &Caller,
        ends_at: Option<UnixTime>,
        now: UnixTime,
    ) {
        let mut kept = self.lock();
        if kept.len() >= ROOM && !kept.contains_key(&digest) {
            kept.clear();
        }
        kept.insert(digest, Good { caller: caller.clone(), seen_at: now, ends_at });
    }

    /// The API key of this id was revoked here.
    pub(super) fn forget(&self, id: &str) {
        let name = Caller::key_name(id);
        self.lock().retain(|_, good| good.caller.actor.name != name);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, Good>> {
        // Whole values are put in and taken out: nothing in here can be half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Actor;
    use crate::verb::Verbs;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(1_700_000_000 + secs)
    }

    fn caller(id: &str) -> Caller {
        let actor = Actor { tenant: None, name: Caller::key_name(id) };
        Caller { actor, verbs: Verbs::default() }
    }

    #[test]
    fn a_key_is_looked_up_again_after_a_moment_and_after_its_end() {
        let keys = Keys::default();
        assert_eq!(keys.look(&[1; 32], at(0)), Look::New);
        keys.succeeded([1; 32], &caller("a"), Some(at(2)), at(0));
        assert_eq!(keys.look(&[1; 32], at(1)), Look::Good(caller("a")));
        assert_eq!(keys.look(&[1; 32], at(2)), Look::Again, "it has ended");
        keys.succeeded([2; 32], &caller("b"), None, at(10));
        assert_eq!(keys.look(&[2; 32], at(12)), Look::Good(caller("b")));
        assert_eq!(keys.look(&[2; 32], at(13)), Look::Again);
        assert_eq!(keys.look(&[2; 32], at(9)), Look::Again, "a clock that was set back");
        keys.forget("b");
        assert_eq!(keys.look(&[2; 32], at(10)), Look::New);
        keys.failed(&[1; 32]);
        assert_eq!(keys.look(&[1; 32], at(10)), Look::New, "it was revoked");
    }

    #[test]
    fn memory_is_bounded() {
        let keys = Keys::default();
        for number in 0..=ROOM {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            keys.succeeded(digest, &caller("a"), None, at(0));
        }
        assert!(keys.lock().len() <= ROOM);
    }
}
