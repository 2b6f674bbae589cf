//! How often signing in may fail.

use core::time::Duration;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use unlapse::unlapse_core::UnixTime;

/// So many may fail from one address within [`WINDOW`].
const MOST: u32 = 10;
/// What failed is forgotten after that.
const WINDOW: Duration = Duration::from_secs(60);
/// So many addresses are remembered at most: some hundred KiB.
const ADDRESSES: usize = 4096;

/// Counts the keys that were refused, by where they came from. A key cannot be guessed; what is
/// limited is the work of refusing it.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<Option<IpAddr>, Failures>>);

#[derive(Clone, Copy, Debug)]
struct Failures {
    since: UnixTime,
    count: u32,
}

impl Attempts {
    /// How long somebody at `peer` has to wait; `None`: they need not.
    pub(super) fn wait(&self, peer: Option<IpAddr>, now: UnixTime) -> Option<Duration> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all.get(&network(peer)).filter(|failures| failures.count >= MOST)?;
        let left = WINDOW.saturating_sub(now.since(failures.since));
        (!left.is_zero()).then_some(left)
    }

    /// A key from `peer` was refused; whether it is the first from there within the window.
    pub(super) fn failed(&self, peer: Option<IpAddr>, now: UnixTime) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let network = network(peer);
        if all.len() >= ADDRESSES && !all.contains_key(&network) {
            all.retain(|_, failures| now.since(failures.since) < WINDOW);
            if all.len() >= ADDRESSES {
                let oldest = all.iter().min_by_key(|(_, failures)| failures.since);
                if let Some(oldest) = oldest.map(|(network, _)| *network) {
                    all.remove(&oldest);
                }
            }
        }
        let failures = all.entry(network).or_insert(Failures { since: now, count: 0 });
        if now.since(failures.since) >= WINDOW {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(1);
        failures.count == 1
    }
}

/// Whoever has one address of IPv6 has a network of them (RFC 6177 §2).
fn network(peer: Option<IpAddr>) -> Option<IpAddr> {
    peer.map(|peer| match peer.to_canonical() {
        IpAddr::V6(peer) => IpAddr::V6((u128::from(peer) & (u128::MAX << 64)).into()),
        v4 @ IpAddr::V4(_) => v4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn peer(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn whoever_fails_waits_and_nobody_else() {
        let attempts = Attempts::default();
        let thief = peer("2001:db8::1");
        for nth in 0..MOST {
            assert_eq!(attempts.wait(thief, secs(100)), None);
            assert_eq!(attempts.failed(thief, secs(100)), nth == 0, "the first is told");
        }
        assert_eq!(attempts.wait(thief, secs(100)), Some(WINDOW));
        assert_eq!(attempts.wait(peer("2001:db8::2"), secs(159)), Some(Duration::from_secs(1)));
        assert_eq!(attempts.wait(thief, secs(160)), None);
        assert_eq!(attempts.wait(peer("192.0.2.1"), secs(100)), None);
        assert_eq!(attempts.wait(None, secs(100)), None);
        assert!(attempts.failed(thief, secs(160)));
        assert_eq!(attempts.wait(thief, secs(160)), None, "the first failure of a new round");
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::default();
        for number in 0..u32::try_from(ADDRESSES).expect("small") + 7 {
            attempts.failed(Some(IpAddr::V4(number.into())), secs(100));
        }
        assert_eq!(attempts.0.lock().expect("not poisoned").len(), ADDRESSES);
    }
}
