//! Points in time as they stand in replies (RFC 3339).

use serde::{Serialize, Serializer};
use unlapse::unlapse_core::UnixTime;

/// A point in time, in UTC and with milliseconds: `2026-11-21T21:45:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp(pub(crate) UnixTime);

impl Timestamp {
    /// As text. What lies after the year 9999 is shown as its end: a hostile lifetime may be any number.
    pub(crate) fn to_text(self) -> String {
        const END: i64 = 253_402_207_200_000;
        let millis = i64::try_from(self.0.as_millis()).unwrap_or(END).min(END);
        let at = jiff::Timestamp::from_millisecond(millis)
            .expect("jiff knows every millisecond from 1970 to the year 9999");
        format!("{at:.3}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_every_point_in_time_has_a_text() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_297_500_007, "2026-11-21T21:45:00.007Z"),
            (u64::MAX, "9999-12-30T22:00:00.000Z"),
        ] {
            assert_eq!(Timestamp(UnixTime::from_millis(millis)).to_text(), text);
        }
    }
}
