//! How often an address has shown keys that are none, in bounded memory.

use core::time::Duration;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse_core::UnixTime;

/// So many wrong keys may come from an address at once.
const BURST: u32 = 30;
/// And one more each time that this has gone by.
const EACH: Duration = Duration::from_secs(2);
/// So many addresses, and so many good keys, are remembered.
const ROOM: usize = 20_000;

/// Who has failed lately, and which keys were good here.
///
/// An address that fails too often is not asked for any more, so that guessing costs the database
/// nothing; but a key that was good here is: a neighbour behind the same address locks nobody out.
#[derive(Debug, Default)]
pub(super) struct FailedKeys(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// When all of its failures will be forgotten.
    forgotten_at: HashMap<Option<IpAddr>, UnixTime>,
    /// Digests of good keys.
    good: HashSet<[u8; 32]>,
}

impl FailedKeys {
    /// How long `peer` has to wait before a key of this digest is looked up.
    pub(super) fn wait(
        &self,
        peer: Option<IpAddr>,
        key: &[u8; 32],
        now: UnixTime,
    ) -> Option<Duration> {
        let kept = self.lock();
        if kept.good.contains(key) {
            return None;
        }
        let owed = kept.forgotten_at.get(&network(peer))?.since(now);
        let over = owed.checked_sub(EACH * (BURST - 1))?;
        (!over.is_zero()).then_some(over)
    }

    /// One more wrong key of `peer`.
    pub(super) fn failed(&self, peer: Option<IpAddr>, key: &[u8; 32], now: UnixTime) {
        let mut kept = self.lock();
        kept.good.remove(key);
        if kept.forgotten_at.len() >= ROOM {
            kept.forgotten_at.retain(|_, at| *at > now);
            if kept.forgotten_at.len() >= ROOM {
                kept.forgotten_at.clear();
            }
        }
        let at = kept.forgotten_at.entry(network(peer)).or_insert(now);
        // A clock that was set back makes nobody wait for longer than a burst.
        *at = (*at).clamp(now, now.plus(EACH * BURST)).plus(EACH).min(now.plus(EACH * BURST));
    }

    /// A key of this digest was good.
    pub(super) fn succeeded(&self, key: &[u8; 32]) {
        let mut kept = self.lock();
        if !kept.good.contains(key) {
            if kept.good.len() >= ROOM {
                kept.good.clear();
            }
            kept.good.insert(*key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Counts only: nothing in here can be half changed.
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

    #[test]
    fn guesses_are_limited_and_good_keys_are_not() {
        let at = |secs: u64| UnixTime::from_secs(1_700_000_000 + secs);
        let peer: Option<IpAddr> = "10.0.0.1".parse().ok();
        let failed = FailedKeys::default();
        for guess in 0..u8::try_from(BURST).expect("small") {
            assert_eq!(failed.wait(peer, &[guess; 32], at(0)), None, "guess {guess}");
            failed.failed(peer, &[guess; 32], at(0));
        }
        assert_eq!(failed.wait(peer, &[99; 32], at(0)), Some(EACH));
        assert_eq!(failed.wait("10.0.0.2".parse().ok(), &[99; 32], at(0)), None);
        assert_eq!(failed.wait(peer, &[99; 32], at(2)), None, "one more after a while");
        failed.succeeded(&[7; 32]);
        assert_eq!(failed.wait(peer, &[7; 32], at(0)), None);
        failed.failed(peer, &[7; 32], at(0));
        assert!(failed.wait(peer, &[7; 32], at(0)).is_some(), "a key that was revoked");
    }

    #[test]
    fn a_network_of_ipv6_is_one_and_mapped_addresses_are_ipv4() {
        let at = |text: &str| network(text.parse().ok());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
    }
}
