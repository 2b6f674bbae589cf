//! What comes due in the next hours.

use core::time::Duration;

use unlapse::unlapse_core::UnixTime;

use crate::dashboard::chart::{Column, ceiling, columns};
use crate::dashboard::words::{count, counted, hour};

const HOUR: Duration = Duration::from_secs(3600);

/// A column for each hour.
pub(in crate::dashboard) struct DueChart {
    pub(in crate::dashboard) columns: Vec<Column>,
    /// How wide all of them are.
    pub(in crate::dashboard) width: usize,
    /// What the upper edge stands for.
    pub(in crate::dashboard) top: String,
    /// Below the chart: every sixth hour.
    pub(in crate::dashboard) labels: Vec<String>,
    /// The same in a sentence.
    pub(in crate::dashboard) sentence: String,
    /// The same in a table: from when, and how many.
    pub(in crate::dashboard) rows: Vec<(String, String)>,
}

impl DueChart {
    /// Of the hours from `now` on.
    pub(super) fn new(overdue: u64, hours: &[u64], now: UnixTime) -> Self {
        let most = hours.iter().copied().max().unwrap_or_default();
        let top = ceiling(most);
        let from = |number: usize| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            hour(now.plus(HOUR.saturating_mul(number)))
        };
        Self {
            columns: columns(hours, top),
            width: hours.len().max(1) * 10,
            top: count(top),
            labels: (0..hours.len()).step_by(6).map(from).collect(),
            sentence: sentence(overdue, hours, most, from),
            rows: hours.iter().enumerate().map(|(at, due)| (from(at), count(*due))).collect(),
        }
    }
}

fn sentence(overdue: u64, hours: &[u64], most: u64, from: impl Fn(usize) -> String) -> String {
    let all = hours.iter().fold(overdue, |sum, due| sum.saturating_add(*due));
    if all == 0 {
        return "Nothing comes due.".to_owned();
    }
    let now =
        if overdue == 0 { String::new() } else { format!(", {} of them now", count(overdue)) };
    let all = counted(all, "renewal");
    match hours.iter().position(|due| *due == most) {
        Some(at) if most > 0 => {
            let peak = counted(most, "renewal");
            format!("{all} in {} h{now}; most in the hour from {}: {peak}.", hours.len(), from(at))
        }
        _ => format!("{all}{now}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_for_each_day() {
        let now = UnixTime::from_secs(1_700_000_000);
        let say = |overdue: u64, hours: &[u64]| DueChart::new(overdue, hours, now).sentence;
        assert_eq!(say(0, &[0, 0]), "Nothing comes due.");
        assert_eq!(say(0, &[]), "Nothing comes due.");
        assert_eq!(say(1, &[0]), "1 renewal, 1 of them now.");
        assert_eq!(
            say(3, &[10, 1200]),
            "1,213 renewals in 2 h, 3 of them now; most in the hour from 23:13: 1,200 renewals."
        );
    }

    #[test]
    fn every_hour_has_its_column_and_every_sixth_its_label() {
        let chart = DueChart::new(0, &[7; 24], UnixTime::from_secs(1_700_000_000));
        assert_eq!(chart.columns.len(), 24);
        assert_eq!(chart.width, 240);
        assert_eq!(chart.top, "8");
        assert_eq!(chart.labels, ["22:13", "04:13", "10:13", "16:13"]);
        assert_eq!(chart.rows[1], ("23:13".to_owned(), "7".to_owned()));
    }
}
