//! When a server that did not answer is asked again. Pure: it is told what time it is.

use core::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_millis(100);

/// After many, and the longest that a server is back before it is asked.
const LONGEST: Duration = Duration::from_secs(2);

/// Whether the server is away. Of those who would wait for it, one does, now and then; the others
/// are told at once.
#[derive(Debug, Default)]
pub(super) struct Outage {
    failures: u32,
    /// Nobody is let through before, by a clock that only goes forward.
    until: Duration,
}

impl Outage {
    /// Whether a call may try at `now`.
    pub(super) fn admits(&mut self, now: Duration) -> bool {
        if self.failures == 0 {
            return true;
        }
        if now < self.until {
            return false;
        }
        // This one looks for all. Should it never tell, the next does.
        self.until = now + LONGEST;
        true
    }

    /// The server has answered.
    pub(super) fn answered(&mut self) {
        self.failures = 0;
    }

    /// The server has not answered at `now`.
    pub(super) fn failed(&mut self, now: Duration) {
        self.until = now + FIRST.saturating_mul(1 << self.failures.min(5)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j5_one_looks_and_the_others_are_told() {
        let at = Duration::from_millis;
        let mut outage = Outage::default();
        assert!(outage.admits(at(0)) && outage.admits(at(0)));
        outage.failed(at(1000));
        assert!(!outage.admits(at(1099)));
        assert!(outage.admits(at(1100)), "one");
        assert!(!outage.admits(at(1100)), "and nobody else");
        outage.failed(at(1200));
        assert!(!outage.admits(at(1399)));
        assert!(outage.admits(at(1400)));
        // It was cancelled, and told nobody.
        assert!(!outage.admits(at(3399)));
        assert!(outage.admits(at(3400)));
        outage.answered();
        assert!(outage.admits(at(3400)) && outage.admits(at(3400)));
    }

    #[test]
    fn j5_no_wait_is_longer_than_the_longest() {
        let mut outage = Outage::default();
        for _ in 0..100 {
            outage.failed(Duration::ZERO);
            assert!(outage.until <= LONGEST);
        }
        assert!(outage.admits(LONGEST));
    }
}
