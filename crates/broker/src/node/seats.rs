//! How many renewals are under way at once, and whose: an app that hangs leaves room for the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Seats for renewals under way.
pub(crate) struct Seats {
    taken: Mutex<Taken>,
    /// One was given back.
    free: Notify,
    most: usize,
    most_of_one: usize,
}

#[derive(Default)]
struct Taken {
    all: usize,
    of: HashMap<String, usize>,
}

/// A seat, given back when dropped.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    app: String,
}

impl Seats {
    /// `most` at once, of which one app has half at most: connections that fail or hang never have
    /// all.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        let most = most.max(2);
        let (taken, free) = (Mutex::default(), Notify::new());
        Arc::new(Self { taken, free, most, most_of_one: most.div_ceil(2) })
    }

    /// A seat for a renewal of `app`, if there is one.
    pub(crate) fn take(self: &Arc<Self>, app: &str) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.most {
            return None;
        }
        let of = taken.of.entry(app.to_owned()).or_default();
        if *of >= self.most_of_one {
            return None;
        }
        *of += 1;
        taken.all += 1;
        Some(Seat { seats: Arc::clone(self), app: app.to_owned() })
    }

    /// How many are free.
    pub(crate) fn free(&self) -> usize {
        self.most - self.taken().min(self.most)
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Ends when one is given back after this call.
    pub(super) fn freed(&self) -> impl Future<Output = ()> + Send {
        self.free.notified()
    }

    /// Waits until one may be free.
    pub(crate) async fn wait(&self) {
        let freed = self.freed();
        if self.free() == 0 {
            freed.await;
        }
    }

    /// Waits until none is taken.
    pub(crate) async fn emptied(&self) {
        loop {
            let freed = self.freed();
            if self.taken() == 0 {
                return;
            }
            freed.await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        if let Some(of) = taken.of.get_mut(&self.app) {
            *of -= 1;
            if *of == 0 {
                taken.of.remove(&self.app);
            }
        }
        drop(taken);
        self.seats.free.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failing_connections_never_take_every_seat() {
        let seats = Seats::new(4);
        let hanging: Vec<_> = (0..4).filter_map(|_| seats.take("hanging")).collect();
        assert_eq!((hanging.len(), seats.free()), (2, 2));
        let others: Vec<_> =
            ["a", "b", "c"].into_iter().filter_map(|app| seats.take(app)).collect();
        assert_eq!((others.len(), seats.free()), (2, 0));
        drop(hanging);
        assert_eq!(seats.free(), 2);
        assert!(seats.take("hanging").is_some());
        drop(others);
        assert_eq!(seats.taken(), 0);
    }
}
