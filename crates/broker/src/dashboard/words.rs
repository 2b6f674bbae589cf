//! Numbers and times as people read them.

use core::fmt;
use core::time::Duration;

use askama::filters::HtmlSafe;
use jiff::Timestamp;
use unlapse::unlapse_core::UnixTime;

/// A number with its thousands apart: `1,204,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut words = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    words
}

/// A number and what it counts: `1 connection`, `2 connections`.
pub(super) fn counted(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", count(number))
}

/// A share of a whole, rounded so that it never says all or nothing where that is not so.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if part == 0 || whole == 0 {
        return "0 %".to_owned();
    }
    if part >= whole {
        return "100 %".to_owned();
    }
    // In tenths of a per cent, rounded to the nearest.
    let tenths = (u128::from(part) * 2000 + u128::from(whole)) / (u128::from(whole) * 2);
    match tenths {
        0 => "under 0.1 %".to_owned(),
        1000.. => "over 99.9 %".to_owned(),
        _ if tenths % 10 == 0 => format!("{} %", tenths / 10),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// How long something takes: `84 ms`, `1.2 s`.
pub(super) fn took(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 if !duration.is_zero() => "under 1 ms".to_owned(),
        0..1000 => format!("{millis} ms"),
        1000..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => span(duration),
    }
}

/// A stretch of time in its two largest units at most: `42 s`, `3 h 20 min`, `12 days`.
pub(super) fn span(duration: Duration) -> String {
    let secs = duration.as_secs();
    let (minutes, hours, days) = (secs / 60, secs / 3600, secs / 86_400);
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{minutes} min"),
        3600..36_000 if minutes % 60 != 0 => format!("{hours} h {} min", minutes % 60),
        3600..172_800 => format!("{hours} h"),
        _ => format!("{} days", count(days)),
    }
}

/// A point in time, as it lies to `now`.
pub(super) fn relative(at: UnixTime, now: UnixTime) -> String {
    if at.as_secs() == now.as_secs() {
        "now".to_owned()
    } else if at > now {
        format!("in {}", span(at.since(now)))
    } else {
        format!("{} ago", span(now.since(at)))
    }
}

/// A point in time (RFC 3339), in UTC and to the second; `None`: beyond every calendar.
fn stamp(at: UnixTime) -> Option<Timestamp> {
    i64::try_from(at.as_secs()).ok().and_then(|secs| Timestamp::from_second(secs).ok())
}

/// The time of day: `21:50:03 UTC`.
pub(super) fn clock(at: UnixTime) -> String {
    stamp(at).map_or_else(String::new, |at| at.strftime("%H:%M:%S UTC").to_string())
}

/// The hour and minute: `21:50`.
pub(super) fn hour(at: UnixTime) -> String {
    stamp(at).map_or_else(String::new, |at| at.strftime("%H:%M").to_string())
}

/// A point in time on a page. Its text is made of numbers and fixed words alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    machine: String,
    words: String,
    full: String,
}

impl Moment {
    /// As it lies to `now`, with the full date where a pointer rests on it.
    pub(super) fn new(at: UnixTime, now: UnixTime) -> Self {
        let stamp = stamp(at);
        let machine = stamp.map(|at| at.to_string()).unwrap_or_default();
        let full = stamp.map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
        Self { machine, words: relative(at, now), full: full.unwrap_or_default() }
    }

    /// With the full date in sight, in UTC.
    pub(super) fn dated(at: UnixTime) -> Self {
        let moment = Self::new(at, at);
        Self { words: moment.full.trim_end_matches(" UTC").to_owned(), ..moment }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, words, full } = self;
        if machine.is_empty() {
            return f.write_str("never");
        }
        write!(f, "<time datetime=\"{machine}\" title=\"{full}\">{words}</time>")
    }
}

impl HtmlSafe for Moment {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_number() {
        for (number, words) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (1_204_567, "1,204,567"), (10_000, "10,000")]
        {
            assert_eq!(count(number), words);
        }
        assert_eq!(counted(1, "node"), "1 node");
        assert_eq!(counted(1200, "node"), "1,200 nodes");
    }

    #[test]
    fn a_share_never_says_all_or_nothing_where_that_is_not_so() {
        for (part, whole, words) in [
            (0, 10, "0 %"),
            (0, 0, "0 %"),
            (10, 10, "100 %"),
            (1, 2, "50 %"),
            (1, 3, "33.3 %"),
            (2, 3, "66.7 %"),
            (1, 10_000_000, "under 0.1 %"),
            (9_999_999, 10_000_000, "over 99.9 %"),
            (u64::MAX - 1, u64::MAX, "over 99.9 %"),
        ] {
            assert_eq!(percent(part, whole), words, "{part} of {whole}");
        }
    }

    #[test]
    fn a_row_for_each_way_to_say_a_time() {
        let ms = Duration::from_millis;
        for (duration, words) in [
            (ms(0), "0 ms"),
            (Duration::from_micros(3), "under 1 ms"),
            (ms(84), "84 ms"),
            (ms(1249), "1.2 s"),
            (ms(15_000), "15 s"),
        ] {
            assert_eq!(took(duration), words);
        }
        for (secs, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3599, "59 min"),
            (3600, "1 h"),
            (12_000, "3 h 20 min"),
            (36_060, "10 h"),
            (86_400, "24 h"),
            (172_800, "2 days"),
            (86_400 * 1200, "1,200 days"),
        ] {
            assert_eq!(span(Duration::from_secs(secs)), words, "{secs}");
        }
    }

    #[test]
    fn a_moment_lies_before_or_after() {
        let at = UnixTime::from_secs;
        assert_eq!(relative(at(1000), at(1000)), "now");
        assert_eq!(relative(at(1300), at(1000)), "in 5 min");
        assert_eq!(relative(at(700), at(1000)), "5 min ago");
        assert_eq!(clock(at(1_700_000_003)), "22:13:23 UTC");
        assert_eq!(
            Moment::new(at(1_700_000_000), at(1_700_000_060)).to_string(),
            "<time datetime=\"2023-11-14T22:13:20Z\" title=\"2023-11-14 22:13:20 UTC\">1 min \
             ago</time>"
        );
    }

    #[test]
    fn a_hostile_end_of_time_is_on_no_calendar() {
        let never = Moment::new(UnixTime::from_millis(u64::MAX), UnixTime::from_secs(1));
        assert_eq!(never.to_string(), "never");
        assert_eq!(clock(UnixTime::from_millis(u64::MAX)), "");
    }
}
