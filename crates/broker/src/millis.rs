//! Durations as numbers: in replies, and for the database.

use core::time::Duration;

/// Whole milliseconds; as many as there can be, where it is longer.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_is_a_number() {
        for (duration, expected) in [
            (Duration::ZERO, 0),
            (Duration::from_micros(1999), 1),
            (Duration::from_secs(3600), 3_600_000),
            (Duration::MAX, u64::MAX),
        ] {
            assert_eq!(millis(duration), expected);
        }
    }
}
