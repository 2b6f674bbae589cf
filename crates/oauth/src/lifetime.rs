//! How long a token lives, in the ways that servers say it.

use core::time::Duration;

use unlapse_core::{UnixTime, retry};

use crate::json::Value;

/// The longest lifetime believed: a hundred years. What a server means by more is "no end in
/// sight", and sums with it must not overflow.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Numbers from here on count milliseconds: as seconds, they lie beyond the year 5000.
const MILLIS_FROM: f64 = 1e11;

/// Reads a lifetime such as `expires_in` (RFC 6749 §5.1): seconds, as a number or a text, possibly
/// with a fraction. Negative means that it has ended; nonsense means nothing.
pub(crate) fn relative(value: &Value<'_>) -> Option<Duration> {
    number(&written(value)?).map(|secs| seconds(secs).min(LONGEST))
}

/// Reads a point in time such as `expires_at`: seconds or milliseconds since the epoch, an RFC 3339
/// or an HTTP date. What is left of it is counted by `clock`, the clock of whoever wrote it.
pub(crate) fn absolute(value: &Value<'_>, clock: UnixTime) -> Option<Duration> {
    let text = written(value)?;
    let epoch = UnixTime::default();
    let at = match number(&text) {
        Some(millis) if millis >= MILLIS_FROM => epoch.plus(seconds(millis / 1000.0)),
        Some(secs) => epoch.plus(seconds(secs)),
        None => rfc3339(&text).or_else(|| retry::http_date(&text))?,
    };
    Some(at.since(clock).min(LONGEST))
}

fn written(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.expose().trim().to_owned()),
        Value::Number(number) => Some((*number).to_owned()),
        _ => None,
    }
}

/// A decimal number; not the `inf` and `nan` that Rust would read too.
fn number(text: &str) -> Option<f64> {
    let digits_first = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits_first.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    text.parse().ok()
}

/// Saturating at both ends.
fn seconds(secs: f64) -> Duration {
    if secs <= 0.0 {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX)
}

/// Reads a date and time of RFC 3339 §5.6, to the second; without an offset it is UTC, since
/// servers that leave it out mean that.
fn rfc3339(text: &str) -> Option<UnixTime> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let [year, month, day] = numbers(date, '-')?;
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone);
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    let valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !valid {
        return None;
    }
    let local = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    u64::try_from(local - offset(zone)?).ok().map(UnixTime::from_secs)
}

/// Seconds east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    let (sign, hours) = match zone.split_at_checked(1) {
        None | Some(("Z" | "z", "")) => return Some(0),
        Some(("+", hours)) => (1, hours),
        Some(("-", hours)) => (-1, hours),
        Some(_) => return None,
    };
    let [hours, minutes] = numbers(hours, ':')?;
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn numbers<const N: usize>(text: &str, separator: char) -> Option<[i64; N]> {
    let mut numbers = [0; N];
    let mut parts = text.split(separator);
    for number in &mut numbers {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 4 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// Days from the epoch to a date of the Gregorian calendar, by counting years from March so that
/// the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unlapse_core::Secret;

    const NOW: UnixTime = UnixTime::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT

    #[test]
    fn r8_a_row_for_each_way_to_write_a_lifetime() {
        for (text, millis) in [
            ("3600", Some(3_600_000)),
            (" 3600 ", Some(3_600_000)),
            ("3600.5", Some(3_600_500)),
            ("3.6e3", Some(3_600_000)),
            ("0", Some(0)),
            ("-1", Some(0)),
            ("-1e999", Some(0)),
            ("1e999", Some(LONGEST.as_millis())),
            ("99999999999999999999999999", Some(LONGEST.as_millis())),
            ("", None),
            ("inf", None),
            ("NaN", None),
            ("-infinity", None),
            ("soon", None),
            ("1h", None),
            ("0x10", None),
        ] {
            let found = relative(&Value::Text(Secret::new(text))).map(|found| found.as_millis());
            assert_eq!(found, millis, "{text:?}");
        }
        for nothing in [Value::Null, Value::Bool(true), Value::Object, Value::Texts(Vec::new())] {
            assert_eq!(relative(&nothing), None);
        }
        assert_eq!(relative(&Value::Number("60")), Some(Duration::from_secs(60)));
    }

    #[test]
    fn c9_a_row_for_each_way_to_write_an_end() {
        for (text, secs) in [
            ("784111787", Some(10)),
            ("784111787000", Some(10)),
            ("784111700", Some(0)),
            ("0", Some(0)),
            ("-5", Some(0)),
            ("1e999", Some(LONGEST.as_secs())),
            ("3784111777", Some(3_000_000_000)),
            ("1994-11-06T08:49:47Z", Some(10)),
            ("1994-11-06t08:49:47.999z", Some(10)),
            ("1994-11-06 08:49:47", Some(10)),
            ("1994-11-06T10:49:47+02:00", Some(10)),
            ("1994-11-05T23:49:47-09:00", Some(10)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("1994-11-06", None),
            ("1994-13-06T08:49:47Z", None),
            ("1994-11-06T24:49:47Z", None),
            ("1994-11-06T08:49Z", None),
            ("1994-11-06T08:49:47+0200", None),
            ("1994-11-06T08:49:47Zx", None),
            ("1969-12-31T23:59:59Z", None),
            ("tomorrow", None),
        ] {
            let found = absolute(&Value::Text(Secret::new(text)), NOW);
            assert_eq!(found, secs.map(Duration::from_secs), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[-+0-9eE.:TZ ]{0,30}|\\PC{0,30}", now in any::<u64>()) {
            let value = Value::Text(Secret::new(text));
            let now = UnixTime::from_millis(now);
            prop_assert!(relative(&value).is_none_or(|lifetime| lifetime <= LONGEST));
            prop_assert!(absolute(&value, now).is_none_or(|lifetime| lifetime <= LONGEST));
        }

        #[test]
        fn dates_agree_with_another_calendar(
            secs in 0_i64..253_402_300_800, zone in -23_i64..=23
        ) {
            // Core writes HTTP dates by another implementation.
            let at = UnixTime::from_secs(u64::try_from(secs).expect("not negative"));
            let http = at.to_string();
            let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
            let month = months.find(&http[8..11]).expect("a month") / 3 + 1;
            let text = format!("{}-{month:02}-{}T{}Z", &http[12..16], &http[5..7], &http[17..25]);
            prop_assert_eq!(rfc3339(&text), Some(at));
            let text = text.replace('Z', &format!("{zone:+03}:00"));
            let shifted = u64::try_from(secs - zone * 3600).ok().map(UnixTime::from_secs);
            prop_assert_eq!(rfc3339(&text), shifted);
        }
    }
}
