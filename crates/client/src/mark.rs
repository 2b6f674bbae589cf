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

    pub(crate) fn generation(self) -> u64 {
        self.generation
    }

    /// The mark after `next` was published. Time does not go back in it: a clock that was set back
    /// would make what is late look like a login that began anew.
    pub(crate) fn then(self, next: Self) -> Self {
        Self { stored_at: next.stored_at.max(self.stored_at), ..next }
    }

    /// Whether a record of this mark comes too late. A lower generation that was stored later is a
    /// login that began anew, after the records were removed by hand.
    pub(crate) fn supersedes(self, other: Self) -> bool {
        (self.generation, self.revision) > (other.generation, other.revision)
            && self.stored_at >= other.stored_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(generation: u64, revision: u64, stored_at: u64) -> Mark {
        Mark { generation, revision, stored_at: UnixTime::from_secs(stored_at) }
    }

    #[test]
    fn k9_r13_what_comes_too_late() {
        let rows = [
            // The same again, a later revision, a later generation.
            (mark(5, 9, 100), mark(5, 9, 100), false),
            (mark(5, 9, 100), mark(5, 10, 100), false),
            (mark(5, 9, 100), mark(6, 1, 200), false),
            // Read before it was renewed.
            (mark(5, 9, 100), mark(4, 8, 50), true),
            (mark(5, 9, 100), mark(5, 8, 100), true),
            // A login that began anew, after the records were removed by hand.
            (mark(5, 9, 100), mark(1, 1, 200), false),
        ];
        for (newest, other, late) in rows {
            assert_eq!(newest.supersedes(other), late, "{newest:?} {other:?}");
        }
    }

    #[test]
    fn k9_r11_a_clock_set_back_makes_nothing_late_look_new() {
        let before = mark(5, 9, 100);
        // Cleared an hour earlier, by the clock.
        let cleared = before.then(mark(6, 10, 40));
        assert!(cleared.supersedes(before));
        assert_eq!(cleared, mark(6, 10, 100));
    }
}
