//! Which of two published records is the newer.

use unlapse_core::{Record, UnixTime};

/// How new a published record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    generation: u64,
    revision: u64,
    stored_at: UnixTime,
}

impl Mark {
    pub(crate) fn of(record: &Record) -> Self {
        Self {
            generation: record.generation,
            revision: record.revision,
            stored_at: record.stored_at,
        }
    }

    /// Whether a record of this mark comes too late. A lower generation that was stored later is a
    /// login that began anew, after the records were removed by hand.
    pub(crate) fn supersedes(self, other: Self) -> bool {
        (self.generation, self.revision) > (other.generation, other.revision)
            && self.stored_at >= other.stored_at
    }
}
