//! The rest that a keeper takes once its program has settled: a renewal that began after that would be
//! cut off by the end of the process, with the refresh token spent and the answer lost (R6).

use std::sync::PoisonError;
use std::time::Duration;

use unlapse_core::Now;

use crate::sync::Mutex;

/// How long nothing is begun ahead of time after the program has settled: more than a process takes to
/// end. One that goes on misses no more than this, and whoever asks for a token has it renewed.
const REST: Duration = Duration::from_secs(30);

/// Since when the keeper rests, if it does.
#[derive(Debug, Default)]
pub(crate) struct Rest(Mutex<Option<Now>>);

impl Rest {
    /// Begins, or begins anew. Whatever was begun before can be seen once this returns.
    pub(crate) fn begin(&self, now: Now) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// What is left of it.
    pub(crate) fn left(&self, now: &Now) -> Duration {
        left(*self.0.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// Begins some work, unless the keeper rests.
    pub(crate) fn work<T>(&self, now: &Now, begin: impl FnOnce() -> T) -> Option<T> {
        let since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        left(*since, now).is_zero().then(begin)
    }
}

fn left(since: Option<Now>, now: &Now) -> Duration {
    since.map_or(Duration::ZERO, |since| REST.saturating_sub(now.elapsed(&since)))
}
