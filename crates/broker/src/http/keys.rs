//! What a node remembers of credentials, in bounded memory: whose they are for a few seconds, and how
//! often an address has shown wrong ones.

use core::time::Duration;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse::unlapse_core::UnixTime;

use super::caller::Caller;

/// So many wrong ones may come from an address at once.
const BURST: u32 = 30;
/// And one more each time that this has gone by.
const EACH: Duration = Duration::from_secs(2);
/// A good one is looked up again after so long: for so long, a node does not know that it was revoked.
const GOOD_FOR: Duration = Duration::from_secs(3);
/// So many of each are remembered.
const ROOM: usize = 20_000;

/// The digest of a credential: what is learned from the timing of its comparison leads to no credential.
pub(super) type Digest = [u8; 32];

/// What is known of credentials.
#[derive(Debug, Default)]
pub(super) struct Keys(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// When all failures of an address will be forgotten.
    forgotten_at: HashMap<Option<IpAddr>, UnixTime>,
    good: HashMap<Digest, Good>,
}

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
    /// Look it up.
    Up,
    /// Too many wrong ones came from there: not for so long. Guessing is to cost the database nothing;
    /// but one that was good here is looked up all the same, so that a neighbour behind the same address
    /// locks nobody out.
    Wait(Duration),
}

impl Keys {
    pub(super) fn look(&self, peer: Option<IpAddr>, digest: &Digest, now: UnixTime) -> Look {
        let kept = self.lock();
        if let Some(good) = kept.good.get(digest) {
            let is_fresh = good.seen_at <= now && now.since(good.seen_at) < GOOD_FOR;
            let lives = good.ends_at.is_none_or(|end| end > now);
            return if is_fresh && lives { Look::Good(good.caller.clone()) } else { Look::Up };
        }
        let owed = kept.forgotten_at.get(&network(peer)).map(|at| at.since(now));
        match owed.and_then(|owed| owed.checked_sub(EACH * (BURST - 1))) {
            Some(over) if !over.is_zero() => Look::Wait(over),
            _ => Look::Up,
        }
    }

    /// It was wrong.
    pub(super) fn failed(&self, peer: Option<IpAddr>, digest: &Digest, now: UnixTime) {
        let mut kept = self.lock();
        kept.good.remove(digest);
        if kept.forgotten_at.len() >= ROOM {
            kept.forgotten_at.retain(|_, at| *at > now);
            if kept.forgotten_at.len() >= ROOM {
                kept.forgotten_at.clear();
            }
        }
        let latest = now.plus(EACH * BURST);
        let at = kept.forgotten_at.entry(network(peer)).or_insert(now);
        // A clock that was set back makes nobody wait for longer than a burst.
        *at = (*at).clamp(now, latest).plus(EACH).min(latest);
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
        if kept.good.len() >= ROOM && !kept.good.contains_key(&digest) {
            kept.good.clear();
        }
        kept.good.insert(digest, Good { caller: caller.clone(), seen_at: now, ends_at });
    }

    /// The API key of this id was revoked here.
    pub(super) fn forget(&self, id: &str) {
        let name = Caller::key_name(id);
        self.lock().good.retain(|_, good| good.caller.actor.name != name);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Whole values are put in and taken out: nothing in here can be half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever has one address of IPv6 has all of its /64.
fn network(peer: Option<IpAddr>) -> Option<IpAddr> {
    peer.map(|peer| match peer.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    })
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
    fn guesses_are_limited_and_good_keys_are_not() {
        let peer: Option<IpAddr> = "10.0.0.1".parse().ok();
        let keys = Keys::default();
        for guess in 0..u8::try_from(BURST).expect("small") {
            assert_eq!(keys.look(peer, &[guess; 32], at(0)), Look::Up, "guess {guess}");
            keys.failed(peer, &[guess; 32], at(0));
        }
        assert_eq!(keys.look(peer, &[99; 32], at(0)), Look::Wait(EACH));
        assert_eq!(keys.look("10.0.0.2".parse().ok(), &[99; 32], at(0)), Look::Up);
        assert_eq!(keys.look(peer, &[99; 32], at(2)), Look::Up, "one more after a while");
        keys.succeeded([7; 32], &caller("a"), None, at(0));
        assert_eq!(keys.look(peer, &[7; 32], at(0)), Look::Good(caller("a")));
        assert_eq!(keys.look(peer, &[7; 32], at(60)), Look::Up, "looked up, though others guess");
        keys.failed(peer, &[7; 32], at(0));
        assert!(matches!(keys.look(peer, &[7; 32], at(0)), Look::Wait(_)), "one that was revoked");
    }

    #[test]
    fn a_key_is_looked_up_again_after_a_moment_and_after_its_end() {
        let keys = Keys::default();
        keys.succeeded([1; 32], &caller("a"), Some(at(2)), at(0));
        assert_eq!(keys.look(None, &[1; 32], at(1)), Look::Good(caller("a")));
        assert_eq!(keys.look(None, &[1; 32], at(2)), Look::Up, "it has ended");
        keys.succeeded([2; 32], &caller("b"), None, at(10));
        assert_eq!(keys.look(None, &[2; 32], at(12)), Look::Good(caller("b")));
        assert_eq!(keys.look(None, &[2; 32], at(13)), Look::Up);
        assert_eq!(keys.look(None, &[2; 32], at(9)), Look::Up, "a clock that was set back");
        keys.forget("b");
        keys.failed(None, &[2; 32], at(10));
        assert_eq!(keys.look(None, &[2; 32], at(10)), Look::Up);
    }

    #[test]
    fn a_network_of_ipv6_is_one_and_mapped_addresses_are_ipv4() {
        let at = |text: &str| network(text.parse().ok());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
    }
}
