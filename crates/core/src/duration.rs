//! Durations as people write them: `300s`, `24h`, `500ms`.

use core::time::Duration;

/// The text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number and `ms`, `s`, `m`, `h` or `d`, like `300s`")]
pub struct BadDuration;

const UNITS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads `300s`, `24h`, `500ms`, `5m`, `90d`. A unit is demanded: a bare number is ambiguous.
pub fn parse(text: &str) -> Result<Duration, BadDuration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(BadDuration)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| BadDuration)?;
    let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(BadDuration)?;
    number.checked_mul(*millis).map(Duration::from_millis).ok_or(BadDuration)
}

/// Writes the shortest text that [`parse`] reads back to the same milliseconds.
pub fn format(duration: Duration) -> String {
    let millis = crate::time::millis(duration);
    let (unit, size) = UNITS
        .iter()
        .rev()
        .find(|(_, size)| millis != 0 && millis.is_multiple_of(*size))
        .copied()
        .unwrap_or(("s", 1000));
    format!("{}{unit}", millis / size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reads_what_it_wrote(millis in 0_u64..1_000_000_000_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn what_is_no_duration() {
        for bad in ["", "5", "s", "5 s", "-5s", "5w", "1.5h", "99999999999999999999s"] {
            assert_eq!(parse(bad), Err(BadDuration), "{bad}");
        }
    }
}
