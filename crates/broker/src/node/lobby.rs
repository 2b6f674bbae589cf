//! Where the rows of this node are that wait for a seat.

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse::unlapse_core::{UnixTime, spread};
use unlapse_store::sql::Due;

use super::queue::{Queues, Waiting};

/// The queues of this node. A row that is dropped with them is given back.
#[derive(Default)]
pub(crate) struct Lobby(Mutex<Queues<Due>>);

impl Lobby {
    pub(super) fn queues(&self) -> MutexGuard<'_, Queues<Due>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For how long the longest queue of an app puts its rows off.
    pub(crate) fn longest(&self, now: UnixTime) -> Duration {
        self.queues().longest(now)
    }

    /// Gives back what waits: the node ends.
    pub(super) fn close(&self) {
        drop(core::mem::take(&mut *self.queues()));
    }
}

/// A row's own share of a span, in 0..1: the same whenever it is asked.
pub(super) fn share(due: &Due) -> f64 {
    spread(due.key(), due.generation())
}

impl From<Due> for Waiting<Due> {
    fn from(due: Due) -> Self {
        Self { share: share(&due), is_in_doubt: due.was_sent(), row: due }
    }
}
