//! When to ask again (R15, I10).

use core::time::Duration;

use proptest::option;
use proptest::prelude::*;
use unlapse_core::retry::{delay, http_date, retry_after};
use unlapse_core::{Dice, Policy, UnixTime};

use crate::any;

/// `base · 2^(attempt - 1)`, at most the policy's maximum, by doubling.
fn ceiling(attempt: u32, policy: &Policy) -> Duration {
    let doubled = (1..attempt.min(64)).fold(policy.base_delay, |delay, _| delay.saturating_mul(2));
    doubled.min(policy.max_delay)
}

proptest! {
    #[test]
    fn r15_backoff_doubles_up_to_its_maximum(
        attempt in 0_u32..40, policy in any::policy(), seed in any::<u64>()
    ) {
        let wait = delay(attempt, &policy, None, &mut Dice::new(seed));
        prop_assert!(wait <= ceiling(attempt, &policy), "{wait:?}");
    }

    #[test]
    fn r15_what_the_server_asks_for_is_obeyed_up_to_the_maximum(
        attempt in 0_u32..40, policy in any::policy(), seed in any::<u64>(), asked in any::span(0..900)
    ) {
        let wait = delay(attempt, &policy, Some(asked), &mut Dice::new(seed));
        let obeyed = asked.min(policy.max_delay);
        prop_assert!(wait >= obeyed);
        prop_assert!(wait <= obeyed + ceiling(attempt, &policy) / 10);
    }

    /// R15: full jitter. The waits of many attempts fill the range, and come from the seed alone.
    #[test]
    fn r15_jitter_is_full_and_comes_from_the_seed(
        attempt in 1_u32..8, policy in any::policy(), seed in any::<u64>()
    ) {
        let policy = Policy { base_delay: policy.base_delay.max(Duration::from_secs(1)), ..policy };
        let waits = |seed| {
            let mut dice = Dice::new(seed);
            (0..64).map(|_| delay(attempt, &policy, None, &mut dice)).collect::<Vec<_>>()
        };
        let found = waits(seed);
        prop_assert_eq!(&found, &waits(seed));
        let top = ceiling(attempt, &policy);
        // A fair die misses a third of its range 64 times in a row once in 10^11.
        prop_assert!(found.iter().any(|wait| *wait < top / 3), "none in the lower third");
        prop_assert!(found.iter().any(|wait| *wait > top / 3 * 2), "none in the upper third");
    }

    #[test]
    fn r15_extremes_do_not_overflow(
        attempt in any::<u32>(), seed in any::<u64>(), asked in option::of(any::<u64>())
    ) {
        let longest = Duration::MAX;
        let policy = Policy { base_delay: longest, max_delay: longest, ..Policy::default() };
        let asked = asked.map(Duration::from_secs);
        prop_assert!(delay(attempt, &policy, asked, &mut Dice::new(seed)) <= longest);
    }

    /// A date and the seconds to it are the same wish.
    #[test]
    fn r15_a_date_and_its_seconds_are_one_wish(now in 0_u64..250_000_000_000, seconds in 0_u64..3600) {
        let (now, at) = (UnixTime::from_secs(now), UnixTime::from_secs(now + seconds));
        let wanted = Some(Duration::from_secs(seconds));
        prop_assert_eq!(retry_after(&seconds.to_string(), now), wanted);
        prop_assert_eq!(retry_after(&at.to_string(), now), wanted);
        prop_assert_eq!(http_date(&at.to_string()), Some(at));
    }
}
