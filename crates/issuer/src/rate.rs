//! How often something may happen, as a pure function.

use core::time::Duration;

use unlapse_core::UnixTime;

/// So many in so long. All of them may come at once; from then on one more may come each time that
/// an equal share of the time has gone by (the generic cell rate algorithm of ITU-T I.371).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many: at least 1.
    pub requests: u32,
    /// In so long: 1 ms to a day.
    pub per: Duration,
}

/// A rate is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate is at least 1 request in 1 ms to 24 h")]
pub struct BadRate;

/// What is remembered of a rate: when all of it will have come back, in microseconds since 1970.
pub(crate) type FullAt = u64;

impl Rate {
    /// So many in so long.
    pub const fn new(requests: u32, per: Duration) -> Self {
        Self { requests, per }
    }

    /// Whether both numbers are in their range.
    pub fn check(&self) -> Result<(), BadRate> {
        let per = Duration::from_millis(1)..=Duration::from_secs(86_400);
        if self.requests == 0 || !per.contains(&self.per) { Err(BadRate) } else { Ok(()) }
    }

    /// Whether one more may come at `now`: what to remember then, or how long to wait.
    pub(crate) fn admit(self, full_at: FullAt, now: UnixTime) -> Result<FullAt, Duration> {
        let (now, per) = (micros(now), self.per_micros());
        let share = (per / u64::from(self.requests).max(1)).max(1);
        let latest = now.saturating_add(per);
        // Never later than that, unless somebody has set the clock back: nobody waits for that.
        let full_at = full_at.clamp(now, latest).saturating_add(share);
        match full_at.checked_sub(latest) {
            None | Some(0) => Ok(full_at),
            Some(over) => Err(Duration::from_micros(over)),
        }
    }

    /// Whether nothing has to be remembered any more.
    pub(crate) fn is_forgotten(full_at: FullAt, now: UnixTime) -> bool {
        full_at <= micros(now)
    }

    fn per_micros(self) -> u64 {
        u64::try_from(self.per.as_micros()).unwrap_or(u64::MAX)
    }
}

fn micros(time: UnixTime) -> u64 {
    time.as_millis().saturating_mul(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(millis: u64) -> UnixTime {
        UnixTime::from_millis(1_700_000_000_000 + millis)
    }

    /// How many of `asked` come through at once.
    fn at_once(rate: Rate, full_at: &mut FullAt, now: UnixTime, asked: u32) -> u32 {
        let mut admitted = 0;
        for _ in 0..asked {
            if let Ok(next) = rate.admit(*full_at, now) {
                *full_at = next;
                admitted += 1;
            }
        }
        admitted
    }

    #[test]
    fn j2_all_at_once_and_then_one_for_each_share_of_the_time() {
        let rate = Rate::new(6, MINUTE);
        let mut full_at = 0;
        assert_eq!(at_once(rate, &mut full_at, at(0), 10), 6);
        assert_eq!(rate.admit(full_at, at(0)), Err(Duration::from_secs(10)));
        assert_eq!(rate.admit(full_at, at(9_999)), Err(Duration::from_millis(1)));
        assert_eq!(at_once(rate, &mut full_at, at(10_000), 10), 1);
        assert_eq!(at_once(rate, &mut full_at, at(40_000), 10), 3);
        assert_eq!(at_once(rate, &mut full_at, at(1_000_000), 10), 6, "no more than all of it");
    }

    #[test]
    fn j2_in_no_span_of_time_come_more_than_twice_the_rate() {
        let rate = Rate::new(100, Duration::from_secs(1));
        let mut full_at = 0;
        let admitted: u32 =
            (0..=1000).map(|millis| at_once(rate, &mut full_at, at(millis), 5)).sum();
        assert_eq!(admitted, 200);
    }

    #[test]
    fn j6_a_clock_that_is_set_back_makes_nobody_wait_for_longer_than_the_time() {
        let rate = Rate::new(2, MINUTE);
        let mut full_at = 0;
        assert_eq!(at_once(rate, &mut full_at, at(100_000_000), 3), 2);
        assert_eq!(rate.admit(full_at, at(0)), Err(Duration::from_secs(30)));
        assert!(Rate::new(1, MINUTE).admit(FullAt::MAX, at(0)).is_err(), "and nothing overflows");
    }

    #[test]
    fn j2_a_rate_has_its_range() {
        for (rate, good) in [
            (Rate::new(1, Duration::from_millis(1)), true),
            (Rate::new(u32::MAX, MINUTE * 60 * 24), true),
            (Rate::new(0, MINUTE), false),
            (Rate::new(1, Duration::ZERO), false),
            (Rate::new(1, MINUTE * 60 * 25), false),
        ] {
            assert_eq!(rate.check().is_ok(), good, "{rate:?}");
        }
    }
}
