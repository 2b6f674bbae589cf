//! When to ask again.

use core::time::Duration;

use crate::policy::Policy;
use crate::time::UnixTime;

/// A source of randomness that is given its seed: `SplitMix64`. Spreads retries; keeps no secret.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice that fall the same way for the same seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The delay before attempt `attempt + 1`, after `attempt` failed ones: full jitter over
/// `base · 2^(attempt - 1)`, capped; or what the server asked for, capped, when that is more (R15).
pub fn delay(attempt: u32, policy: &Policy, wanted: Option<Duration>, dice: &mut Dice) -> Duration {
    let doublings = attempt.saturating_sub(1).min(31);
    let ceiling = policy.base_delay.saturating_mul(1 << doublings).min(policy.max_delay);
    let millis = crate::time::millis(ceiling);
    let jittered = Duration::from_millis(dice.roll() % millis.saturating_add(1).max(1));
    match wanted {
        // Exactly what was asked plus a little: a thousand clients told "in 5 s" should not all
        // come in the same millisecond.
        Some(wanted) => wanted.min(policy.max_delay).saturating_add(jittered / 10),
        None => jittered,
    }
}

/// Reads a `Retry-After` header (RFC 9110 §10.2.3): seconds, or a date held against `now`.
/// A date that has passed means now; anything else means nothing.
pub fn retry_after(value: &str, now: UnixTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that overflow still mean "very long", which the caller caps.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    http_date(value).map(|at| at.since(now))
}

/// Reads an HTTP date (RFC 9110 §5.6.7), as in `Date`.
pub fn http_date(value: &str) -> Option<UnixTime> {
    let at = httpdate::parse_http_date(value.trim()).ok()?;
    let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(UnixTime::from_secs(since.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn r15_retry_after_in_seconds_and_as_a_date() {
        let now = UnixTime::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        let rows = [
            ("5", Some(5)),
            (" 120 ", Some(120)),
            ("0", Some(0)),
            ("99999999999999999999999", Some(u64::from(u32::MAX))),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Sunday, 06-Nov-94 08:49:47 GMT", Some(10)),
            ("Sun Nov  6 08:49:47 1994", Some(10)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
        ];
        for (text, secs) in rows {
            assert_eq!(retry_after(text, now), secs.map(Duration::from_secs), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn r15_backoff_stays_in_its_bounds(
            attempt in 0_u32..1000, seed in any::<u64>(), wanted in proptest::option::of(0_u64..1000)
        ) {
            let policy = Policy::default();
            let wanted = wanted.map(Duration::from_secs);
            let wait = delay(attempt, &policy, wanted, &mut Dice::new(seed));
            let exponent = attempt.saturating_sub(1).min(20);
            let ceiling = Duration::from_secs(1 << exponent).min(policy.max_delay);
            if let Some(wanted) = wanted {
                let asked = wanted.min(policy.max_delay);
                prop_assert!(wait >= asked && wait <= asked + ceiling / 10);
            } else {
                prop_assert!(wait <= ceiling);
            }
        }

        #[test]
        fn retry_after_never_panics(text in "\\PC*", now in any::<u64>()) {
            let _ = retry_after(&text, UnixTime::from_millis(now));
        }
    }

    #[test]
    fn r15_full_jitter_uses_the_whole_range() {
        let policy = Policy::default();
        let mut dice = Dice::new(1);
        let waits: Vec<_> = (0..200).map(|_| delay(3, &policy, None, &mut dice)).collect();
        assert!(waits.iter().any(|wait| *wait < Duration::from_millis(400)));
        assert!(waits.iter().any(|wait| *wait > Duration::from_millis(3600)));
    }
}
