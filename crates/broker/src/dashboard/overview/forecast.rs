//! What is going to be the matter.

use unlapse::unlapse_core::UnixTime;

use super::app_name;
use crate::dashboard::facts::Overview;
use crate::dashboard::words::{count, counted, hour};
use crate::name::Name;

/// In sentences; none where nothing is in sight.
pub(super) fn forecast(facts: &Overview, tenant: Option<&Name>, now: UnixTime) -> Vec<String> {
    let sum = |within: fn(&crate::dashboard::facts::Ends) -> u64| {
        facts.ends.iter().fold(0_u64, |sum, it| sum.saturating_add(within(it)))
    };
    let (week, fortnight, month) = (sum(|it| it.week), sum(|it| it.fortnight), sum(|it| it.month));
    let mut said = Vec::new();
    if fortnight > 0 {
        let verb = if fortnight == 1 { "needs" } else { "need" };
        said.push(format!(
            "{} {verb} a new consent within 14 days.",
            counted(fortnight, "connection")
        ));
    }
    if month > 0 {
        let end = if month == 1 { "ends" } else { "end" };
        let of_week =
            if week > 0 { format!(", {} of them within 7", count(week)) } else { String::new() };
        said.push(format!("{} {end} within 30 days{of_week}.", counted(month, "refresh token")));
    }
    let mut most: Vec<_> = facts.ends.iter().filter(|it| it.fortnight > 0).collect();
    most.sort_by_key(|it| (core::cmp::Reverse(it.fortnight), it.app.clone()));
    if facts.ends.len() > 1 {
        let named = most.iter().take(3);
        let named =
            named.map(|it| format!("{} ({})", app_name(&it.app, tenant), count(it.fortnight)));
        let named: Vec<_> = named.collect();
        if !named.is_empty() {
            said.push(format!("Most of these consents are of {}.", named.join(", ")));
        }
    }
    said.extend(peak(&facts.due, now));
    said
}

/// The load at the next peak.
fn peak(due: &[u64], now: UnixTime) -> Option<String> {
    let (at, most) =
        due.iter().copied().enumerate().max_by_key(|(at, due)| (*due, core::cmp::Reverse(*at)))?;
    // Rounded up: a peak of one an hour is not nothing a second.
    let rate = match most {
        0 => return None,
        1..3600 => format!("{} a minute", count(most.div_ceil(60))),
        _ => format!("{} a second", count(most.div_ceil(3600))),
    };
    let at = u32::try_from(at).unwrap_or(u32::MAX);
    let from = hour(now.plus(core::time::Duration::from_secs(3600).saturating_mul(at)));
    Some(format!("The next peak is in the hour from {from}: about {rate}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::facts::Ends;

    #[test]
    fn a_sentence_for_each_thing_in_sight() {
        let now = UnixTime::from_secs(1_700_000_000);
        assert_eq!(forecast(&Overview::default(), None, now), Vec::<String>::new());
        let ends = |app: &str, week, fortnight, month| Ends {
            app: app.to_owned(),
            week,
            fortnight,
            month,
        };
        let one = Overview { ends: vec![ends("a/x", 0, 1, 1)], ..Overview::default() };
        assert_eq!(
            forecast(&one, None, now),
            [
                "1 connection needs a new consent within 14 days.",
                "1 refresh token ends within 30 days."
            ]
        );
        let many = Overview {
            ends: vec![ends("a/x", 5, 12, 2000), ends("a/y", 0, 400, 400)],
            due: vec![10, 36_000, 20],
            ..Overview::default()
        };
        let own = "a".parse().expect("a name");
        assert_eq!(
            forecast(&many, Some(&own), now),
            [
                "412 connections need a new consent within 14 days.",
                "2,400 refresh tokens end within 30 days, 5 of them within 7.",
                "Most of these consents are of y (400), x (12).",
                "The next peak is in the hour from 23:13: about 10 a second."
            ]
        );
    }
}
