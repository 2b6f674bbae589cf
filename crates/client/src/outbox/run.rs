//! Sending by itself, for as long as a process lives.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use unlapse_core::outbox::{Hurry, OutboxError};

use super::builder::{Inner, Outbox};
use super::line::Order;
use crate::events::{Event, Observer};

/// However soon something is due, the store is not read all the time.
const LEAST_PAUSE: Duration = Duration::from_millis(200);

impl Outbox {
    /// Sends what waits whenever it can be sent: after each [`Outbox::push`], when a wait is over, when
    /// [`Outbox::wake`] is called, and every `OutboxPolicy::round` for what other processes have put
    /// in. Never ends: run it as a task of its own, and drop that to end it.
    pub async fn run(&self) {
        let inner = &self.inner;
        let mut hurry = Hurry::No;
        loop {
            let order = Order { hurry, is_turn: true, ..Order::default() };
            let next_try = match self.flushed(order).await {
                Ok((flushed, _)) => flushed.next_try,
                // Another process is sending, or the place is away: both are asked again.
                Err(OutboxError::Busy { .. }) => None,
                Err(error) => {
                    tracing::warn!(target: "unlapse", %error, "the outbox cannot be sent");
                    None
                }
            };
            let now = inner.clock.now().wall;
            let due = next_try.map_or(inner.policy.round, |at| at.since(now).max(LEAST_PAUSE));
            hurry = tokio::select! {
                biased;
                () = inner.wake.notified() => inner.take_hurry(),
                () = inner.clock.sleep(due.min(inner.policy.round)) => Hurry::No,
            };
        }
    }

    /// Lets [`Outbox::run`] try again now, whatever waits of our own there are: the network is back,
    /// somebody has logged in.
    pub fn wake(&self) {
        self.inner.wake_in_a_hurry(Hurry::All);
    }

    /// Wakes this outbox when a token was renewed or obtained, for the lines that wait for one. A line
    /// whose token the API refuses waits on, as each try costs a renewal ([`Outbox::wake`] sends it).
    ///
    /// This is to be told what happens to a source ([`Builder::observer`](crate::Builder::observer)),
    /// which is added once it is built ([`Outbox::add_source`]).
    pub fn waker(&self) -> Observer {
        // Weakly: the outbox has the source, which has this.
        let inner = Arc::downgrade(&self.inner);
        Arc::new(move |_, event| {
            if matches!(event, Event::Renewed { .. } | Event::Adopted { .. })
                && let Some(inner) = inner.upgrade()
            {
                inner.wake_in_a_hurry(Hurry::Token);
            }
        })
    }
}

impl Inner {
    fn wake_in_a_hurry(&self, hurry: Hurry) {
        let mut wanted = self.hurry.lock().unwrap_or_else(PoisonError::into_inner);
        *wanted = hurry.max(*wanted);
        drop(wanted);
        self.wake.notify_one();
    }

    fn take_hurry(&self) -> Hurry {
        std::mem::take(&mut *self.hurry.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
