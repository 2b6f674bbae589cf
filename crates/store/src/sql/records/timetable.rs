//! When a record is to be looked at next.

use core::time::Duration;

use unlapse_core::{Key, Record, State, UnixTime};

/// Says when a record is to be looked at next. Pure: it is asked with each save, and knows nothing
/// but the record.
pub trait Timetable: Send + Sync {
    /// When `record` is to be looked at, if nothing happens before.
    fn next(&self, key: &Key, record: &Record) -> Next;
}

/// When a record is to be looked at next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// Then; never by itself, for `None`. It counts for active records alone.
    pub due: Option<UnixTime>,
    /// Then, instead, where nobody has used the record for a week; `None` makes no difference.
    pub unused: Option<UnixTime>,
    /// What is wrong with it, as a code for people and for counting.
    pub code: Option<&'static str>,
}

/// After so long, a record counts as one that nobody uses.
pub(super) const UNUSED: Duration = Duration::from_secs(7 * 86_400);

/// So far ahead a claim, or an intent, puts the time at which the record is looked at next: should
/// its node die, another takes over as soon as its lease has ended. While the node lives, nobody does,
/// however long it takes.
pub(super) const RECOVERY: Duration = Duration::from_secs(8);

/// What of a save decides when its record is looked at next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Schedule {
    /// Never: a person has to log in.
    Off,
    /// Soon, should whoever spends the refresh token now not come back.
    Recovery,
    /// As the timetable says.
    At {
        /// Then.
        due: Option<UnixTime>,
        /// Then, where it is not used.
        unused: Option<UnixTime>,
    },
}

impl Schedule {
    /// That of `record`.
    pub(super) fn of(record: &Record, next: Next) -> Self {
        let in_flight = record.intent.is_some_and(|intent| !intent.in_doubt);
        match record.state {
            State::NeedsLogin(_) => Self::Off,
            State::Active if in_flight => Self::Recovery,
            State::Active => Self::At { due: next.due, unused: next.unused.or(next.due) },
        }
    }
}

#[cfg(test)]
mod tests {
    use unlapse_core::{LoginReason, Now};

    use super::*;

    #[test]
    fn i8_a_row_for_each_state_of_a_record() {
        let at = |secs| Some(UnixTime::from_secs(secs));
        let next = Next { due: at(5), unused: at(9), code: None };
        let active = Record::default();
        let intended = active.intend(Now::default(), false);
        let in_doubt = intended.intend(Now::default(), true);
        let ended = active.ended(LoginReason::RefreshRejected);
        for (record, next, expected) in [
            (&active, next, Schedule::At { due: at(5), unused: at(9) }),
            (&active, Next { unused: None, ..next }, Schedule::At { due: at(5), unused: at(5) }),
            (&active, Next { due: None, ..next }, Schedule::At { due: None, unused: at(9) }),
            (&active, Next::default(), Schedule::At { due: None, unused: None }),
            (&intended, next, Schedule::Recovery),
            // Its outcome is lost: it is asked again as the timetable says.
            (&in_doubt, next, Schedule::At { due: at(5), unused: at(9) }),
            (&ended, next, Schedule::Off),
        ] {
            assert_eq!(Schedule::of(record, next), expected, "{record:?}");
        }
    }
}
