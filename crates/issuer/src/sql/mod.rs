//! What the databases share: the decision as SQL, and a session as columns.

mod advance;
mod session_row;
pub(crate) mod sweep;

use unlapse_core::UnixTime;

#[cfg(feature = "postgres")]
pub(crate) use advance::CHANGES;
pub(crate) use advance::{ASKED, advance, succession};
pub(crate) use session_row::{BadRow, COLUMNS, SessionRow};

/// A number as a column. Databases have no `u64`, and no number of ours comes near the difference.
pub(crate) fn number(count: u64) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

/// A number from a column, in which no store of ours writes a negative one.
pub(crate) fn count(number: i64) -> u64 {
    number.try_into().unwrap_or_default()
}

/// A point in time as a column.
pub(crate) fn millis(at: UnixTime) -> i64 {
    number(at.as_millis())
}

/// A duration as a column.
pub(crate) fn duration(duration: core::time::Duration) -> i64 {
    duration.as_millis().try_into().unwrap_or(i64::MAX)
}

/// A point in time from a column.
pub(crate) fn time(millis: i64) -> UnixTime {
    UnixTime::from_millis(count(millis))
}
