//! How often a refresh is tried, and when (I2).

use std::time::Duration;

use unlapse::Error;
use unlapse_core::UnixTime;

/// How often a refresh is tried, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshOptions {
    max_retries: u32,
    initial_delay: Duration,
    max_delay: Duration,
}

/// An option is out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRefreshOptions {
    /// `max_retries`.
    #[error("max_retries is 10 at most")]
    MaxRetries,
    /// `initial_delay`.
    #[error("initial_delay is 1 ms to 1 min, and not beyond max_delay")]
    InitialDelay,
    /// `max_delay`.
    #[error("max_delay is 5 min at most")]
    MaxDelay,
}

impl Default for RefreshOptions {
    /// Three retries, after 1 s, 2 s and 4 s; 10 s at most.
    fn default() -> Self {
        Self {
            max_retries: 3,
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(10),
        }
    }
}

impl RefreshOptions {
    /// `max_retries` beyond the first try, 10 at most; `initial_delay` before the first of them, 1 ms to
    /// 1 min, doubled with each, up to `max_delay`, 5 min at most.
    pub fn new(
        max_retries: u32,
        initial_delay: Duration,
        max_delay: Duration,
    ) -> Result<Self, BadRefreshOptions> {
        if max_retries > 10 {
            return Err(BadRefreshOptions::MaxRetries);
        }
        if max_delay > Duration::from_secs(300) {
            return Err(BadRefreshOptions::MaxDelay);
        }
        let range = Duration::from_millis(1)..=Duration::from_secs(60);
        if !range.contains(&initial_delay) || initial_delay > max_delay {
            return Err(BadRefreshOptions::InitialDelay);
        }
        Ok(Self { max_retries, initial_delay, max_delay })
    }

    /// The wait after the try of this number, from one.
    pub fn delay(&self, attempt: u32) -> Duration {
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        self.initial_delay.saturating_mul(doubled).min(self.max_delay)
    }

    /// How long to wait before the next try, after the try of this number has ended with `error`; `None`:
    /// there is none. Where the provider has said when to ask again, that counts, unless it is later than
    /// anybody wants to wait.
    pub fn next(&self, error: &Error, attempt: u32, now: UnixTime) -> Option<Duration> {
        if !error.is_retryable() || attempt > self.max_retries {
            return None;
        }
        let asked = error.retry_at().map_or(Duration::ZERO, |at| at.since(now));
        (asked <= self.max_delay).then(|| asked.max(self.delay(attempt)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unlapse::Key;
    use unlapse_core::{Cause, LoginReason, StoreError};

    const NOW: UnixTime = UnixTime::from_secs(1000);

    fn away(retry_in: Option<u64>) -> Error {
        let retry_at = retry_in.map(|secs| NOW.plus(Duration::from_secs(secs)));
        Error::Temporary { key: Key::new("mail"), cause: Cause::Connect, attempts: 1, retry_at }
    }

    #[test]
    fn i2_a_row_for_each_try() {
        let options = RefreshOptions::default();
        let secs = |secs| Some(Duration::from_secs(secs));
        let over =
            Error::NeedsLogin { key: Key::new("mail"), reason: LoginReason::RefreshRejected };
        let rows = [
            (away(None), 1, secs(1)),
            (away(None), 2, secs(2)),
            (away(None), 3, secs(4)),
            (away(None), 4, None),
            (away(Some(7)), 1, secs(7)),
            (away(Some(1)), 3, secs(4)),
            (away(Some(10)), 1, secs(10)),
            (away(Some(11)), 1, None),
            (over, 1, None),
            (StoreError::Fenced.into(), 1, secs(1)),
            (StoreError::TooLarge.into(), 1, None),
        ];
        for (error, attempt, expected) in rows {
            assert_eq!(options.next(&error, attempt, NOW), expected, "{error} {attempt}");
        }
    }

    #[test]
    fn i2_options_have_ranges() {
        let ms = Duration::from_millis;
        let rows = [
            (3, 1000, 10_000, None),
            (0, 1, 1, None),
            (10, 60_000, 300_000, None),
            (11, 1000, 10_000, Some(BadRefreshOptions::MaxRetries)),
            (3, 0, 10_000, Some(BadRefreshOptions::InitialDelay)),
            (3, 60_001, 300_000, Some(BadRefreshOptions::InitialDelay)),
            (3, 1000, 999, Some(BadRefreshOptions::InitialDelay)),
            (3, 1000, 300_001, Some(BadRefreshOptions::MaxDelay)),
        ];
        for (retries, initial, max, expected) in rows {
            let made = RefreshOptions::new(retries, ms(initial), ms(max));
            assert_eq!(made.err(), expected, "{retries} {initial} {max}");
        }
    }

    proptest! {
        #[test]
        fn i10_delays_double_up_to_their_cap_and_attempts_are_counted(
            retries in 0_u32..=10,
            initial in 1_u64..=60_000,
            more in 0_u64..=240_000,
        ) {
            let (initial, max) = (Duration::from_millis(initial), Duration::from_millis(initial + more));
            let options = RefreshOptions::new(retries, initial, max).expect("in range");
            let waits: Vec<_> =
                (1..).map_while(|attempt| options.next(&away(None), attempt, NOW)).collect();
            prop_assert_eq!(waits.len(), retries as usize);
            for (n, wait) in waits.iter().enumerate() {
                prop_assert_eq!(*wait, (initial * (1 << n)).min(max));
            }
        }
    }
}
