//! Renewals by the minute, how long providers take, and what fails.

use super::app_name;
use crate::code::Code;
use crate::dashboard::chart::{Line, ceiling, line};
use crate::dashboard::facts::{Failed, Latency, Minute};
use crate::dashboard::words::{count, percent, took};
use crate::name::Name;

/// Renewals of the last hour.
pub(in crate::dashboard) struct RateChart {
    pub(in crate::dashboard) renewed: Line,
    pub(in crate::dashboard) failed: Line,
    /// What the upper edge stands for.
    pub(in crate::dashboard) top: String,
    /// In the last whole minute.
    pub(in crate::dashboard) latest: String,
    /// The same in a sentence.
    pub(in crate::dashboard) sentence: String,
    /// How many minutes it shows.
    pub(in crate::dashboard) minutes: usize,
}

impl RateChart {
    /// Of these minutes, the oldest first.
    pub(super) fn new(minutes: &[Minute]) -> Self {
        let renewed: Vec<_> = minutes.iter().map(|minute| minute.renewed).collect();
        let failed: Vec<_> = minutes.iter().map(|minute| minute.failed).collect();
        let sum = |all: &[u64]| all.iter().fold(0_u64, |sum, one| sum.saturating_add(*one));
        let (good, bad) = (sum(&renewed), sum(&failed));
        let most = renewed.iter().chain(&failed).copied().max().unwrap_or_default();
        let top = ceiling(most);
        let sentence = match good.saturating_add(bad) {
            0 => "Nothing was renewed.".to_owned(),
            all => format!(
                "{} renewed, {} failed ({}); {} a minute at most.",
                count(good),
                count(bad),
                percent(bad, all),
                count(most)
            ),
        };
        Self {
            renewed: line(&renewed, top),
            failed: line(&failed, top),
            top: count(top),
            latest: count(minutes.last().map_or(0, |minute| minute.renewed)),
            sentence,
            minutes: minutes.len(),
        }
    }
}

/// How long a provider takes.
pub(in crate::dashboard) struct LatencyRow {
    pub(in crate::dashboard) app: String,
    pub(in crate::dashboard) count: String,
    pub(in crate::dashboard) p50: String,
    pub(in crate::dashboard) p95: String,
    pub(in crate::dashboard) p99: String,
}

/// The slowest first.
pub(super) fn latencies(all: &[Latency], tenant: Option<&Name>) -> Vec<LatencyRow> {
    let mut all: Vec<_> = all.iter().collect();
    all.sort_by_key(|it| (core::cmp::Reverse(it.p95), it.app.clone()));
    let row = |it: &Latency| LatencyRow {
        app: app_name(&it.app, tenant),
        count: count(it.count),
        p50: took(it.p50),
        p95: took(it.p95),
        p99: took(it.p99),
    };
    all.into_iter().map(row).collect()
}

/// How often something failed.
pub(in crate::dashboard) struct ErrorRow {
    pub(in crate::dashboard) app: String,
    pub(in crate::dashboard) code: Code,
    pub(in crate::dashboard) count: String,
}

/// The most frequent first.
pub(super) fn errors(all: &[Failed], tenant: Option<&Name>) -> Vec<ErrorRow> {
    let mut all: Vec<_> = all.iter().filter(|it| it.count > 0).collect();
    all.sort_by_key(|it| (core::cmp::Reverse(it.count), it.app.clone(), it.code));
    let row = |it: &Failed| ErrorRow {
        app: app_name(&it.app, tenant),
        code: it.code,
        count: count(it.count),
    };
    all.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn i7_a_sentence_for_the_hour() {
        let minute = |renewed, failed| Minute { renewed, failed };
        let say = |minutes: &[Minute]| RateChart::new(minutes).sentence;
        assert_eq!(say(&[]), "Nothing was renewed.");
        assert_eq!(say(&[minute(0, 0)]), "Nothing was renewed.");
        let minutes = [minute(1999, 1), minute(1000, 0)];
        assert_eq!(say(&minutes), "2,999 renewed, 1 failed (under 0.1 %); 1,999 a minute at most.");
        let chart = RateChart::new(&minutes);
        assert_eq!((&*chart.latest, &*chart.top, chart.minutes), ("1,000", "2,000", 2));
        assert_eq!(chart.renewed.points, "0,0.05 1,50");
    }

    #[test]
    fn i7_the_slowest_and_the_most_frequent_come_first() {
        let ms = Duration::from_millis;
        let latency = |app: &str, p95: u64| Latency {
            app: app.to_owned(),
            count: 1,
            p50: ms(1),
            p95: ms(p95),
            p99: ms(p95),
        };
        let rows = latencies(&[latency("a/x", 10), latency("a/y", 2000)], None);
        assert_eq!((&*rows[0].app, &*rows[0].p95), ("a/y", "2.0 s"));
        let failed = |count| Failed { app: "a/x".to_owned(), code: Code::ProviderDown, count };
        let rows = errors(&[failed(2), failed(0), failed(30)], None);
        assert_eq!(rows.iter().map(|row| &*row.count).collect::<Vec<_>>(), ["30", "2"]);
    }
}
