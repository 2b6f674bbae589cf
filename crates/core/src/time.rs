//! Points in time as plain numbers. The core never asks what time it is: it is told.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on the wall clock: milliseconds since 1970-01-01T00:00:00Z.
///
/// Milliseconds rather than the seconds of RFC 6749, because retries, leases and tokens that live
/// for seconds need the finer step.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixTime(u64);

impl UnixTime {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// From whole seconds since the epoch, as in a JWT's `exp` (RFC 7519 §4.1.4).
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// This point and `duration` more, at most the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This point by a clock that is `millis` ahead of the one that told it.
    #[must_use]
    pub fn shifted(self, millis: i64) -> Self {
        Self(self.0.saturating_add_signed(millis))
    }

    /// This point and `duration` less, at least the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

impl fmt::Display for UnixTime {
    /// An HTTP date (RFC 9110 §5.6.7), which every reader of logs knows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // httpdate ends with the year 9999; a hostile `expires_in` does not.
        const END: u64 = 253_402_300_799;
        let at = std::time::UNIX_EPOCH + Duration::from_secs(self.as_secs().min(END));
        f.write_str(&httpdate::fmt_http_date(at))
    }
}

/// A point on the boot-time clock, which runs through suspend and which nobody can set.
///
/// Two points compare only within one boot of one machine; `boot` tells boots apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootTime {
    /// Names the boot, so that a record carried to another machine is not misread; zero where it
    /// has no name.
    pub boot: u64,
    /// Milliseconds since that boot.
    pub millis: u64,
}

impl BootTime {
    /// Time from `earlier` to `self`, or `None` when they belong to different boots.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        (self.boot == earlier.boot && self.boot != 0)
            .then(|| Duration::from_millis(self.millis.saturating_sub(earlier.millis)))
    }
}

/// What both clocks say at one moment. Every decision takes it as an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// The wall clock, which may be wrong or be set.
    pub wall: UnixTime,
    /// The boot-time clock.
    pub boot: BootTime,
}

impl Now {
    /// Time since `earlier` by whichever clock says more (R11): a clock set back hides nothing.
    pub fn since(&self, earlier: &Self) -> Duration {
        let wall = self.wall.since(earlier.wall);
        self.boot.since(earlier.boot).map_or(wall, |boot| boot.max(wall))
    }

    /// Time that has passed since `start` in one process: by the boot-time clock, which nobody can
    /// set. For waits, not for what outlives a boot.
    pub fn elapsed(&self, start: &Self) -> Duration {
        self.boot.since(start.boot).unwrap_or_else(|| self.wall.since(start.wall))
    }

    /// Whether less than `duration` has surely passed since `earlier`. When the wall clock is before
    /// it and no boot-time clock can tell, nothing is sure.
    pub fn within(&self, duration: Duration, earlier: &Self) -> bool {
        match self.boot.since(earlier.boot) {
            Some(boot) => boot.max(self.wall.since(earlier.wall)) < duration,
            None => self.wall >= earlier.wall && self.wall.since(earlier.wall) < duration,
        }
    }

    /// Both clocks moved on by `duration`.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self {
            wall: self.wall.plus(duration),
            boot: BootTime {
                boot: self.boot.boot,
                millis: self.boot.millis.saturating_add(millis(duration)),
            },
        }
    }
}

/// `duration` in milliseconds, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall: u64, boot: u64, millis: u64) -> Now {
        Now { wall: UnixTime::from_millis(wall), boot: BootTime { boot, millis } }
    }

    #[test]
    fn r11_the_later_clock_counts() {
        let sent = at(10_000, 1, 500);
        // Set back by an hour: the boot clock still says 9 s.
        assert_eq!(at(0, 1, 9_500).since(&sent), Duration::from_secs(9));
        // Another boot: only the wall clock can be compared.
        assert_eq!(at(13_000, 2, 99_999).since(&sent), Duration::from_secs(3));
    }

    #[test]
    fn r15_a_clock_that_is_set_shortens_no_wait() {
        let start = at(10_000, 1, 500);
        assert_eq!(at(9_000_000, 1, 700).elapsed(&start), Duration::from_millis(200));
        assert_eq!(at(0, 1, 700).elapsed(&start), Duration::from_millis(200));
        assert_eq!(at(13_000, 2, 0).elapsed(&start), Duration::from_secs(3));
    }

    #[test]
    fn r11_a_clock_set_back_by_a_reboot_makes_nothing_recent() {
        let sent = at(10_000, 1, 500);
        let limit = Duration::from_secs(30);
        assert!(at(15_000, 2, 0).within(limit, &sent));
        assert!(!at(9_000, 2, 0).within(limit, &sent));
        assert!(at(9_000, 1, 5_500).within(limit, &sent));
        assert!(!at(9_000, 1, 40_000).within(limit, &sent));
    }

    #[test]
    fn extremes_saturate() {
        let end = UnixTime::from_secs(u64::MAX);
        assert_eq!(end.plus(Duration::MAX), end);
        assert_eq!(UnixTime::default().minus(Duration::MAX), UnixTime::default());
        assert!(end.to_string().contains("9999"));
    }
}
