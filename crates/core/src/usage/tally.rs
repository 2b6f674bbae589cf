//! How often each program used each credential.

use core::time::Duration;
use std::collections::BTreeMap;

use super::entry::{Deed, Ending, Entry};
use crate::key::Key;
use crate::time::UnixTime;

/// What one program did with one credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// The credential.
    pub key: Key,
    /// The program.
    pub program: String,
    /// Tokens that it was given.
    pub served: u64,
    /// Renewals for which the server was asked, or which failed before it could be.
    pub renewals: u64,
    /// Those of them that brought a token.
    pub succeeded: u64,
    /// Requests that they made.
    pub attempts: u64,
    /// How long they took; `None` when there were none.
    pub duration: Option<Percentiles>,
    /// The last time that it did anything.
    pub last: UnixTime,
}

/// How long something took: so many per cent of it took no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of them.
    pub p50: Duration,
    /// 95 of a hundred.
    pub p95: Duration,
    /// 99 of a hundred.
    pub p99: Duration,
}

impl Tally {
    /// The part of its renewals that brought a token, from 0 to 1; `None` when there were none.
    pub fn success_rate(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "nobody makes 2^52 renewals")]
        (self.renewals > 0).then(|| self.succeeded as f64 / self.renewals as f64)
    }
}

impl Percentiles {
    /// By nearest rank.
    fn of(mut durations: Vec<Duration>) -> Option<Self> {
        durations.sort_unstable();
        let rank = |percent: usize| {
            let rank = (durations.len() * percent).div_ceil(100);
            durations.get(rank.checked_sub(1)?).copied()
        };
        Some(Self { p50: rank(50)?, p95: rank(95)?, p99: rank(99)? })
    }
}

/// Counts the journal, by credential and program.
pub fn tallies(entries: &[Entry]) -> Vec<Tally> {
    let mut rows: BTreeMap<(&Key, &str), (Tally, Vec<Duration>)> = BTreeMap::new();
    for entry in entries {
        let (tally, durations) =
            rows.entry((&entry.key, &entry.program)).or_insert_with(|| (empty(entry), Vec::new()));
        tally.last = tally.last.max(entry.at);
        match &entry.deed {
            Deed::Served { count } => tally.served = tally.served.saturating_add(*count),
            // Somebody else's token, or a good one: nothing was renewed.
            Deed::Renewed { outcome: Ending::Adopted, .. } => {}
            Deed::Renewed { outcome, attempts, duration, .. } => {
                tally.renewals += 1;
                tally.succeeded += u64::from(*outcome == Ending::Renewed);
                tally.attempts = tally.attempts.saturating_add(u64::from(*attempts));
                durations.push(*duration);
            }
            _ => {}
        }
    }
    let rows = rows.into_values();
    rows.map(|(tally, took)| Tally { duration: Percentiles::of(took), ..tally }).collect()
}

fn empty(entry: &Entry) -> Tally {
    Tally {
        key: entry.key.clone(),
        program: entry.program.clone(),
        served: 0,
        renewals: 0,
        succeeded: 0,
        attempts: 0,
        duration: None,
        last: entry.at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(program: &str, at: u64, deed: Deed) -> Entry {
        let (key, at) = (Key::new("acme"), UnixTime::from_secs(at));
        Entry { at, key, program: program.to_owned(), pid: 1, host: "h1".to_owned(), deed }
    }

    fn renewal(outcome: Ending, attempts: u32, millis: u64) -> Deed {
        Deed::Renewed {
            outcome,
            code: None,
            attempts,
            duration: Duration::from_millis(millis),
            automatic: false,
            generation: 1,
            lifetime: None,
        }
    }

    #[test]
    fn k11_a_row_for_each_program() {
        let entries = [
            entry("curl", 1, Deed::Served { count: 3 }),
            entry("curl", 2, renewal(Ending::Renewed, 2, 100)),
            entry("curl", 3, renewal(Ending::Failed, 3, 900)),
            entry("curl", 4, renewal(Ending::Adopted, 0, 1)),
            entry("cron", 9, Deed::Served { count: 1 }),
            entry("curl", 5, Deed::Served { count: 2 }),
        ];
        let tallies = tallies(&entries);
        let [cron, curl] = &tallies[..] else { panic!("{tallies:?}") };
        assert_eq!((cron.served, cron.renewals, cron.success_rate()), (1, 0, None));
        assert_eq!((curl.served, curl.renewals, curl.succeeded, curl.attempts), (5, 2, 1, 5));
        assert_eq!(curl.success_rate(), Some(0.5));
        assert_eq!(curl.duration.map(|took| took.p50), Some(Duration::from_millis(100)));
        assert_eq!(curl.last, UnixTime::from_secs(5));
    }

    #[test]
    fn i7_percentiles_are_by_nearest_rank() {
        let millis = |all: Vec<u64>| all.into_iter().map(Duration::from_millis).collect();
        let of = |all: Vec<u64>| {
            let took = Percentiles::of(millis(all))?;
            Some([took.p50, took.p95, took.p99].map(|took| took.as_millis()))
        };
        assert_eq!(of(vec![]), None);
        assert_eq!(of(vec![7]), Some([7, 7, 7]));
        assert_eq!(of(vec![2, 1]), Some([1, 2, 2]));
        assert_eq!(of((1..=100).rev().collect()), Some([50, 95, 99]));
        assert_eq!(of((1..=1000).collect()), Some([500, 950, 990]));
    }
}
