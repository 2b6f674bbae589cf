//! How many requests are answered at once: the rest is told to come back, instead of a queue without
//! end.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use unlapse::unlapse_core::UnixTime;

use super::refusal::Refusal;
use crate::code::Code;
use crate::problem::Problem;

/// When to come back. Requests take milliseconds; a crowd is gone by then.
const BREATH: Duration = Duration::from_secs(1);

/// A door of bounded width.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Semaphore>);

impl Gate {
    /// For so many at once.
    pub(super) fn new(width: usize) -> Self {
        Self(Arc::new(Semaphore::new(width.min(Semaphore::MAX_PERMITS))))
    }

    /// Room for one more until it is dropped, or when to come back.
    pub(super) fn enter(&self, now: UnixTime) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.0).try_acquire_owned().map_err(|_| {
            let problem =
                Problem::new(Code::Overloaded, "more requests than can be answered at once");
            problem.retry_at(Some(now.plus(BREATH))).into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_no_room_is_told_when_to_come_back() {
        let gate = Gate::new(1);
        let now = UnixTime::from_secs(1_700_000_000);
        let first = gate.enter(now).expect("room");
        let refused = gate.enter(now).expect_err("no room");
        assert_eq!(refused.problem().code, Code::Overloaded);
        assert_eq!(refused.problem().retry_at, Some(now.plus(BREATH)));
        drop(first);
        assert!(gate.enter(now).is_ok());
    }
}
