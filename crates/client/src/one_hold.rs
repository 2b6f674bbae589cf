//! One hold of a key at a time in this process, whatever its store says (R1).

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;
use unlapse_core::Key;

use crate::sync::{AsyncMutex, BriefMutex};

/// The keys that are held or waited for. A key that is neither costs nothing here.
#[derive(Default)]
pub(crate) struct Turns(BriefMutex<HashMap<Key, Turn>>);

struct Turn {
    lock: Arc<AsyncMutex<()>>,
    /// Who has it or waits for it.
    users: usize,
}

/// The turn of a key in this process. A hold without a lease would not be seen by the next, which
/// would send the same refresh token.
pub(crate) struct OneHold {
    /// Let go of before the place among the users.
    _turn: OwnedMutexGuard<()>,
    _place: Place,
}

impl OneHold {
    /// Waits for the turn of `key`.
    pub(crate) async fn of(turns: &Arc<Turns>, key: &Key) -> Self {
        let (place, lock) = Place::take(turns, key);
        Self { _turn: lock.lock_owned().await, _place: place }
    }
}

impl Turns {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who have or await the turn of a key; the last of them leaves nothing.
struct Place {
    turns: Arc<Turns>,
    key: Key,
}

impl Place {
    fn take(turns: &Arc<Turns>, key: &Key) -> (Self, Arc<AsyncMutex<()>>) {
        let mut all = turns.all();
        let turn =
            all.entry(key.clone()).or_insert_with(|| Turn { lock: Arc::default(), users: 0 });
        turn.users += 1;
        let lock = Arc::clone(&turn.lock);
        drop(all);
        (Self { turns: Arc::clone(turns), key: key.clone() }, lock)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.turns.all();
        if let Some(turn) = all.get_mut(&self.key) {
            turn.users -= 1;
            if turn.users == 0 {
                all.remove(&self.key);
            }
        }
    }
}

#[cfg(all(test, not(unlapse_shuttle)))]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ended) => Some(ended),
            Poll::Pending => None,
        }
    }

    #[test]
    fn r1_one_hold_of_a_key_at_a_time_and_nothing_is_left_of_them() {
        let turns = Arc::new(Turns::default());
        let (acme, other) = (Key::new("acme"), Key::new("other"));
        let first = poll(pin!(OneHold::of(&turns, &acme)));
        assert!(first.is_some());
        {
            let mut second = pin!(OneHold::of(&turns, &acme));
            assert!(poll(second.as_mut()).is_none());
            assert!(poll(pin!(OneHold::of(&turns, &other))).is_some());
            drop(first);
            assert!(poll(second.as_mut()).is_some());
        }
        // Whoever gave up waiting is not waited for.
        let first = poll(pin!(OneHold::of(&turns, &acme)));
        assert!(poll(pin!(OneHold::of(&turns, &acme))).is_none());
        drop(first);
        assert!(turns.all().is_empty());
    }
}
