//! How long a renewal that failed is left alone.

use core::time::Duration;

/// The least.
const LEAST: Duration = Duration::from_secs(5);

/// The most while the access token is still good.
const WHILE_VALID: Duration = Duration::from_secs(15 * 60);

/// The most once it has ended.
const ONCE_ENDED: Duration = Duration::from_secs(6 * 3600);

/// How long a renewal is left alone that has failed `count` times in a row: between five seconds and a
/// bound that doubles each time, wherever `spread`, in 0..1, falls (full jitter).
pub(crate) fn backoff(count: u32, is_valid: bool, spread: f64) -> Duration {
    let most = if is_valid { WHILE_VALID } else { ONCE_ENDED };
    let bound = LEAST.saturating_mul(2_u32.saturating_pow(count.min(31))).min(most);
    LEAST + bound.saturating_sub(LEAST).mul_f64(spread.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn i8_a_row_for_each_count() {
        for (count, valid, ended) in [
            (0, 5, 5),
            (1, 10, 10),
            (2, 20, 20),
            (7, 640, 640),
            (8, 900, 1280),
            (13, 900, 21_600),
            (u32::MAX, 900, 21_600),
        ] {
            assert_eq!(backoff(count, true, 1.0), Duration::from_secs(valid), "{count}");
            assert_eq!(backoff(count, false, 1.0), Duration::from_secs(ended), "{count}");
            assert_eq!(backoff(count, false, 0.0), LEAST, "{count}");
        }
    }

    proptest! {
        #[test]
        fn i10_backoff_is_within_its_bounds_and_grows(count in 0_u32..100, valid: bool, spread in 0.0..1.0) {
            let wait = backoff(count, valid, spread);
            let most = if valid { WHILE_VALID } else { ONCE_ENDED };
            prop_assert!((LEAST..=most).contains(&wait));
            prop_assert!(backoff(count + 1, valid, spread) >= wait);
        }
    }
}
