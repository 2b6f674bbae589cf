//! Who is told what happens: the log, an observer, and whoever has subscribed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};
use unlapse_core::Key;

use crate::events::Event;
use crate::renew::Renewer;
use crate::trace;

/// Who has subscribed, to a source or to a set of them.
#[derive(Default)]
pub(crate) struct Feed {
    /// Made by the first who subscribes: most sources have nobody.
    subscribers: OnceLock<broadcast::Sender<Arc<Happening>>>,
}

/// An event, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happening {
    /// The credential.
    pub key: Key,
    /// What happened.
    pub event: Event,
}

/// The events of a [`TokenSource`](crate::TokenSource), for a task that reads them at its own pace.
///
/// Holds [`CAPACITY`](Self::CAPACITY) events. A reader that is slower than that loses the oldest,
/// and learns how many from [`missed`](Self::missed): no renewal ever waits for a reader.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Arc<Happening>>,
    missed: u64,
}

impl Renewer {
    /// Logs an event and passes it on.
    pub(crate) fn tell(&self, event: &Event) {
        trace::log(&self.key, event);
        #[cfg(feature = "metrics")]
        crate::metrics::count(&self.key, event);
        if let Some(observer) = &self.world.observer {
            // A renewal outlives whoever watches it.
            if catch_unwind(AssertUnwindSafe(|| observer(&self.key, event))).is_err() {
                tracing::error!(target: "unlapse", "the observer panicked");
            }
        }
        self.feed.pass(&self.key, event);
        self.world.feed.pass(&self.key, event);
    }
}

impl Feed {
    fn pass(&self, key: &Key, event: &Event) {
        if let Some(subscribers) = self.subscribers.get()
            && subscribers.receiver_count() > 0
        {
            let happening = Happening { key: key.clone(), event: event.clone() };
            // The last of them may have gone meanwhile.
            let _ = subscribers.send(Arc::new(happening));
        }
    }

    /// Everything from here on.
    pub(crate) fn subscribe(&self) -> Subscription {
        let subscribers =
            self.subscribers.get_or_init(|| broadcast::Sender::new(Subscription::CAPACITY));
        Subscription { receiver: subscribers.subscribe(), missed: 0 }
    }
}

impl Subscription {
    /// How many events are kept for a reader who is busy.
    pub const CAPACITY: usize = 256;

    /// The next event, waited for. `None`: the source is gone, and so are its renewals.
    ///
    /// A call that is dropped loses nothing.
    pub async fn next(&mut self) -> Option<Arc<Happening>> {
        loop {
            match self.receiver.recv().await {
                Ok(happening) => return Some(happening),
                Err(RecvError::Lagged(missed)) => self.missed += missed,
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Option<Arc<Happening>> {
        loop {
            match self.receiver.try_recv() {
                Ok(happening) => return Some(happening),
                Err(TryRecvError::Lagged(missed)) => self.missed += missed,
                Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
            }
        }
    }

    /// How many events have been lost so far, since they were not read in time. Grows when the event
    /// after the gap is read.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}
