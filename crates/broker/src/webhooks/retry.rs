//! When a webhook that did not arrive is sent again.

use core::time::Duration;

/// The delays, as Standard Webhooks 1.0 proposes them: together two days, beyond a weekend's outage. The
/// last is repeated until the delivery is too old.
const DELAYS: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(300),
    Duration::from_secs(1800),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(5 * 3600),
    Duration::from_secs(10 * 3600),
    Duration::from_secs(14 * 3600),
    Duration::from_secs(20 * 3600),
];

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The receiver has it: it answered with a 2xx.
    Yes,
    /// It answered otherwise, or not at all; with how long it asks to be left alone.
    No {
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// It answered 410: it wants no more of them.
    Gone,
}

/// What to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing more.
    Done,
    /// Send it again after so long.
    Again(Duration),
}

/// What to do after so many attempts, the last of which ended so. `chance` is any number: it spreads
/// those that failed together.
pub fn next(attempts: u32, delivered: Delivered, chance: u32) -> Next {
    let retry_after = match delivered {
        Delivered::Yes | Delivered::Gone => return Next::Done,
        Delivered::No { retry_after } => retry_after.unwrap_or_default(),
    };
    let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
    let longest = DELAYS[DELAYS.len() - 1];
    let delay = DELAYS.get(index).copied().unwrap_or(longest);
    // Up to a fifth more; and nobody is waited for longer than the last delay.
    let delay = delay + delay.mul_f64(0.2 * f64::from(chance) / f64::from(u32::MAX));
    Next::Again(delay.max(retry_after.min(longest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_webhooks_a_row_for_each_attempt() {
        let no = |secs: Option<u64>| Delivered::No { retry_after: secs.map(Duration::from_secs) };
        let again = |secs| Next::Again(Duration::from_secs(secs));
        for (attempts, delivered, chance, expected) in [
            (1, Delivered::Yes, 0, Next::Done),
            (9, Delivered::Yes, 0, Next::Done),
            (1, Delivered::Gone, 0, Next::Done),
            (1, no(None), 0, again(5)),
            (1, no(None), u32::MAX, again(6)),
            (2, no(None), 0, again(300)),
            (2, no(None), u32::MAX, again(360)),
            (2, no(Some(10)), 0, again(300)),
            (2, no(Some(900)), 0, again(900)),
            (1, no(Some(u64::MAX)), 0, again(72_000)),
            (3, no(None), 0, again(1800)),
            (8, no(None), 0, again(72_000)),
            (9, no(None), 0, again(72_000)),
            (u32::MAX, no(None), 0, again(72_000)),
            (0, no(None), 0, again(5)),
        ] {
            assert_eq!(next(attempts, delivered, chance), expected, "{attempts} {delivered:?}");
        }
    }

    #[test]
    fn the_listed_ones_fit_into_three_days() {
        let all: Duration = DELAYS.iter().map(|delay| delay.mul_f64(1.2)).sum();
        assert!(all < Duration::from_secs(3 * 86_400), "{all:?}");
        assert!(DELAYS.is_sorted());
    }
}
