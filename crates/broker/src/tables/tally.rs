//! Attempts, counted by the minute: what is shown of all nodes together, without looking at each
//! attempt again.

use core::time::Duration;
use std::collections::BTreeMap;

use serde::Serialize;
use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::{Statement, Step, Value};

use super::{Attempt, Tables, unreadable};
use crate::code::Code;
use crate::millis::millis;
use crate::name::Name;
use crate::problem::Problem;

/// The table, of a part of its own.
pub(super) const STEPS: &[Step] = &[Step {
    sqlite: "CREATE TABLE renewals (
        minute INTEGER NOT NULL,
        server TEXT NOT NULL,
        code TEXT NOT NULL,
        bucket INTEGER NOT NULL,
        times INTEGER NOT NULL,
        PRIMARY KEY (minute, server, code, bucket)
    ) STRICT, WITHOUT ROWID;",
    postgres: "CREATE TABLE renewals (
        minute bigint NOT NULL,
        server text COLLATE \"C\" NOT NULL,
        code text COLLATE \"C\" NOT NULL,
        bucket bigint NOT NULL,
        times bigint NOT NULL,
        PRIMARY KEY (minute, server, code, bucket)
    ) WITH (fillfactor = 70);",
}];

/// Longest durations that are told apart, in milliseconds; what is longer is one more.
const BUCKETS: [u64; 20] = [
    5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500,
    10_000, 15_000,
];
const MINUTE: u64 = 60_000;

const ADD: Statement = Statement::each(
    "INSERT INTO renewals (minute, server, code, bucket, times)
     SELECT value ->> 'minute', value ->> 'server', value ->> 'code', value ->> 'bucket',
            value ->> 'times'
     FROM json_each($1) WHERE true
     ON CONFLICT (minute, server, code, bucket) DO UPDATE SET times = renewals.times + excluded.times",
    "INSERT INTO renewals (minute, server, code, bucket, times)
     SELECT minute, server, code, bucket, times
     FROM json_to_recordset($1::text::json) AS counted (minute bigint, server text, code text,
          bucket bigint, times bigint)
     ON CONFLICT (minute, server, code, bucket) DO UPDATE SET times = renewals.times + excluded.times",
);
/// Kept for two days.
const FORGET: Statement =
    Statement::both("DELETE FROM renewals WHERE minute < now_ms() / 60000 - 2880");
const BY_MINUTE: Statement = Statement::each(
    "SELECT minute, sum(CASE WHEN code = '' THEN times ELSE 0 END), sum(times) FROM renewals
     WHERE minute >= $1 AND substr(server, 1, length($2)) = $2 GROUP BY minute",
    "SELECT minute, sum(CASE WHEN code = '' THEN times ELSE 0 END)::bigint, sum(times)::bigint
     FROM renewals WHERE minute >= $1 AND substr(server, 1, length($2)) = $2 GROUP BY minute",
);
const BY_BUCKET: Statement = Statement::each(
    "SELECT server, bucket, sum(times) FROM renewals
     WHERE minute >= $1 AND substr(server, 1, length($2)) = $2
     GROUP BY server, bucket ORDER BY server, bucket",
    "SELECT server, bucket, sum(times)::bigint FROM renewals
     WHERE minute >= $1 AND substr(server, 1, length($2)) = $2
     GROUP BY server, bucket ORDER BY server, bucket",
);
const BY_CODE: Statement = Statement::each(
    "SELECT server, code, sum(times) FROM renewals
     WHERE minute >= $1 AND code <> '' AND substr(server, 1, length($2)) = $2
     GROUP BY server, code ORDER BY server, code",
    "SELECT server, code, sum(times)::bigint FROM renewals
     WHERE minute >= $1 AND code <> '' AND substr(server, 1, length($2)) = $2
     GROUP BY server, code ORDER BY server, code",
);

/// Attempts that are alike.
#[derive(Serialize)]
struct AddRow<'a> {
    minute: u64,
    server: &'a str,
    code: &'static str,
    bucket: usize,
    times: u64,
}

/// Attempts of the last hour, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// In each of the last 60 whole minutes, the oldest first: those that brought a token, and those
    /// that failed.
    pub(crate) minutes: Vec<(u64, u64)>,
    /// How long they took, by the server of their keys.
    pub(crate) durations: BTreeMap<String, Durations>,
    /// How often they failed, by server and reason.
    pub(crate) failed: Vec<(String, Code, u64)>,
}

/// How long attempts took: how many in each bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Durations([u64; BUCKETS.len() + 1]);

impl Durations {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// What so many per cent of them did not exceed: as exact as the buckets are, whose width is half
    /// of their end or less.
    pub(crate) fn percentile(&self, percent: u64) -> Duration {
        let rank = (u128::from(self.count()) * u128::from(percent)).div_ceil(100).max(1);
        let mut before = 0_u128;
        for (at, times) in self.0.iter().enumerate() {
            let times = u128::from(*times);
            if before + times >= rank {
                let from = at.checked_sub(1).map_or(0, |at| BUCKETS[at]);
                let to = BUCKETS.get(at).copied().unwrap_or(from);
                let share = u128::from(to - from) * (rank - before) / times.max(1);
                return Duration::from_millis(from + u64::try_from(share).unwrap_or_default());
            }
            before += times;
        }
        Duration::ZERO
    }
}

fn bucket(duration: Duration) -> usize {
    let millis = millis(duration);
    BUCKETS.iter().position(|most| millis <= *most).unwrap_or(BUCKETS.len())
}

/// What counts these attempts, for the transaction that keeps them. In the order of the index, so
/// that no two nodes wait for one another.
pub(super) fn counted(attempts: &[Attempt]) -> Vec<(Statement, Vec<Value>)> {
    let mut all: BTreeMap<(u64, String, &'static str, usize), u64> = BTreeMap::new();
    for Attempt { id, at, tried } in attempts {
        let code = tried.code.map_or("", Code::as_str);
        let minute = at.as_millis().min(i64::MAX as u64) / MINUTE;
        *all.entry((minute, id.key().server, code, bucket(tried.duration))).or_default() += 1;
    }
    let rows: Vec<_> = all
        .iter()
        .map(|((minute, server, code, bucket), times)| AddRow {
            minute: *minute,
            server,
            code,
            bucket: *bucket,
            times: *times,
        })
        .collect();
    vec![(ADD, vec![super::apps::json(&rows).into()]), (FORGET, Vec::new())]
}

impl Tables {
    /// Attempts of the hour before `now`, of a tenant or of all: three statements, whose cost is that
    /// of the apps and not that of the attempts.
    pub(crate) async fn tally(
        &self,
        tenant: Option<&Name>,
        now: UnixTime,
    ) -> Result<Tally, Problem> {
        let first = (now.as_millis() / MINUTE).saturating_sub(60);
        let server = tenant.map(|tenant| format!("{tenant}/")).unwrap_or_default();
        let params = || vec![Value::from(first), Value::from(server.as_str())];
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        let mut tally = Tally { minutes: vec![(0, 0); 60], ..Tally::default() };
        for row in self.database.query(BY_MINUTE, params()).await? {
            let at = usize::try_from(number(row.int(0)?).saturating_sub(first)).unwrap_or(60);
            if let Some(minute) = tally.minutes.get_mut(at) {
                let renewed = number(row.int(1)?);
                *minute = (renewed, number(row.int(2)?).saturating_sub(renewed));
            }
        }
        for row in self.database.query(BY_BUCKET, params()).await? {
            let durations = tally.durations.entry(row.text(0)?.to_owned()).or_default();
            let bucket = usize::try_from(row.int(1)?).unwrap_or(BUCKETS.len());
            let times = durations.0.get_mut(bucket).ok_or_else(|| unreadable("a duration"))?;
            *times = number(row.int(2)?);
        }
        for row in self.database.query(BY_CODE, params()).await? {
            let code = Code::named(row.text(1)?).unwrap_or(Code::GetTokenError);
            tally.failed.push((row.text(0)?.to_owned(), code, number(row.int(2)?)));
        }
        Ok(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durations(millis: &[u64]) -> Durations {
        let mut all = Durations::default();
        for millis in millis {
            all.0[bucket(Duration::from_millis(*millis))] += 1;
        }
        all
    }

    #[test]
    fn i7_percentiles_are_as_exact_as_the_buckets() {
        assert_eq!(durations(&[]).percentile(50), Duration::ZERO);
        assert_eq!(durations(&[0]).percentile(50), Duration::from_millis(5));
        // Whatever is slower than the slowest bucket is at least that slow.
        assert_eq!(durations(&[60_000]).percentile(99), Duration::from_secs(15));
        let hundred: Vec<_> = (1..=100).collect();
        let hundred = durations(&hundred);
        assert_eq!(hundred.count(), 100);
        for (percent, exact) in [(50, 50), (95, 95), (99, 99), (100, 100)] {
            assert_eq!(hundred.percentile(percent), Duration::from_millis(exact), "p{percent}");
        }
        let skewed = durations(&[&[80; 97][..], &[4000; 3]].concat());
        assert!(skewed.percentile(50) <= Duration::from_millis(100));
        assert!(skewed.percentile(99) > Duration::from_secs(3));
    }

    #[test]
    fn a_bucket_ends_where_the_next_begins() {
        assert!(BUCKETS.is_sorted());
        for (millis, at) in [(0, 0), (5, 0), (6, 1), (15_000, 19), (15_001, 20), (u64::MAX, 20)] {
            assert_eq!(bucket(Duration::from_millis(millis)), at, "{millis}");
        }
    }
}
