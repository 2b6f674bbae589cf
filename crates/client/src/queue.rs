//! Whose turn it is: the keys of a set in the order in which they want their keeper.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, Weak};

use unlapse_core::{Now, UnixTime};

use crate::chore::Chore;
use crate::shared::Shared;

/// Renewals that a keeper has under way at one server, as many as requests are made there at once
/// (C12). A server that hangs holds up its own keys and nobody else's (R17).
const AT_ONE_SERVER: usize = 10;

/// Looks and saves that a keeper has under way.
const AT_THE_STORE: usize = 16;

/// What waits for its time, and what waits for its turn.
#[derive(Default)]
pub(crate) struct Queue {
    /// By the keeper's own milliseconds.
    due: BTreeMap<(u64, Place), (Weak<Shared>, Chore)>,
    /// Only lines in which somebody stands.
    lines: HashMap<Line, Standing>,
}

/// Tells two keys with the same turn apart: where it lies in memory, which is its own for as long as
/// anything points at it.
type Place = usize;

/// What a chore has to wait for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Line {
    /// The store, which is one for all.
    Store,
    /// A server, by its name in the key.
    Server(String),
}

/// A line, and how many of it are being served.
#[derive(Default)]
struct Standing {
    under_way: usize,
    /// Of the same rank, what expires first goes first.
    waiting: BTreeMap<(Rank, UnixTime, Place), (Weak<Shared>, Chore)>,
}

/// What goes first in a line: whatever has the most to lose by waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A token that this process alone has (R5).
    Unsaved,
    /// A token that serves, and nothing that stands against a better one.
    Serving,
    /// A token that serves, whose renewal failed last time: it may keep its place for long.
    Failing,
    /// A token that has ended. It comes back every round for as long as its renewal fails, and would
    /// keep those from their places that still can be renewed in time (K2).
    Ended,
}

impl Rank {
    fn of(chore: Chore, has_failed: bool, has_ended: bool) -> Self {
        match chore {
            Chore::Save => Self::Unsaved,
            _ if has_ended => Self::Ended,
            _ if has_failed => Self::Failing,
            Chore::Look | Chore::Renew => Self::Serving,
        }
    }
}

impl Line {
    /// Where this chore of a key stands.
    pub(crate) fn of(shared: &Shared, chore: Chore) -> Self {
        match chore {
            Chore::Look | Chore::Save => Self::Store,
            Chore::Renew => Self::Server(shared.renewer.key.server.clone()),
        }
    }

    fn places(&self) -> usize {
        match self {
            Self::Store => AT_THE_STORE,
            Self::Server(_) => AT_ONE_SERVER,
        }
    }
}

impl Queue {
    /// Has a key wait until `due` for its chore, instead of whatever it waited for. One whose chore
    /// is under way does not wait.
    pub(crate) fn put(&mut self, shared: &Arc<Shared>, due: u64, chore: Chore) {
        let place = place(&Arc::downgrade(shared));
        let mut upkeep = shared.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
        if upkeep.is_busy {
            return;
        }
        if let Some(before) = upkeep.due.replace(due) {
            self.due.remove(&(before, place));
        }
        self.due.insert((due, place), (Arc::downgrade(shared), chore));
    }

    /// When the next key wants to be woken.
    pub(crate) fn next(&self) -> Option<u64> {
        self.due.first_key_value().map(|((due, _), _)| *due)
    }

    /// The chores whose time has come, as many as there are places for; `passed` is what `now` is by
    /// the keeper's own milliseconds.
    pub(crate) fn start(&mut self, passed: u64, now: &Now) -> Vec<(Arc<Shared>, Chore)> {
        let mut started = Vec::new();
        while let Some(first) = self.due.first_entry()
            && first.key().0 <= passed
        {
            let ((_, place), (weak, chore)) = first.remove_entry();
            let Some(shared) = weak.upgrade() else { continue };
            let has_failed = {
                let mut upkeep = shared.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
                upkeep.due = None;
                upkeep.is_busy = true;
                upkeep.has_failed()
            };
            let rank = Rank::of(chore, has_failed, shared.valid(now).is_none());
            let line = Line::of(&shared, chore);
            let standing = self.lines.entry(line.clone()).or_default();
            standing.waiting.insert((rank, shared.ends_at(), place), (weak, chore));
            self.advance(&line, &mut started);
        }
        started
    }

    /// A chore has ended, and makes way for the next in its line.
    pub(crate) fn ended(
        &mut self,
        shared: &Weak<Shared>,
        line: &Line,
    ) -> Vec<(Arc<Shared>, Chore)> {
        if let Some(shared) = shared.upgrade() {
            shared.upkeep.lock().unwrap_or_else(PoisonError::into_inner).is_busy = false;
        }
        let mut started = Vec::new();
        if let Some(standing) = self.lines.get_mut(line) {
            standing.under_way = standing.under_way.saturating_sub(1);
            self.advance(line, &mut started);
        }
        started
    }

    fn advance(&mut self, line: &Line, started: &mut Vec<(Arc<Shared>, Chore)>) {
        let Some(standing) = self.lines.get_mut(line) else { return };
        while standing.under_way < line.places()
            && let Some((_, (shared, chore))) = standing.waiting.pop_first()
        {
            let Some(shared) = shared.upgrade() else { continue };
            standing.under_way += 1;
            started.push((shared, chore));
        }
        if standing.under_way == 0 && standing.waiting.is_empty() {
            self.lines.remove(line);
        }
    }
}

fn place(shared: &Weak<Shared>) -> Place {
    shared.as_ptr().addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k2_r5_a_row_for_each_rank() {
        let rows = [
            (Chore::Save, false, false, Rank::Unsaved),
            (Chore::Save, true, true, Rank::Unsaved),
            (Chore::Renew, false, false, Rank::Serving),
            (Chore::Renew, true, false, Rank::Failing),
            (Chore::Renew, false, true, Rank::Ended),
            (Chore::Renew, true, true, Rank::Ended),
            (Chore::Look, false, false, Rank::Serving),
            (Chore::Look, false, true, Rank::Ended),
        ];
        for (chore, has_failed, has_ended, rank) in rows {
            let found = Rank::of(chore, has_failed, has_ended);
            assert_eq!(found, rank, "{chore:?} {has_failed} {has_ended}");
        }
        // In this order they are served.
        assert!([Rank::Unsaved, Rank::Serving, Rank::Failing, Rank::Ended].is_sorted());
    }
}
