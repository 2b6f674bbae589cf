//! The same pieces, with a point before each operation where another thread may go first.
//!
//! Locks and flags are shuttle's. The published pointer and the signals are the real ones of
//! `arc-swap` and tokio: one step each, which is what their own proofs give us.

pub(crate) use shuttle::sync::{Mutex, atomic::AtomicBool};

use std::sync::Arc;
use std::time::Duration;

/// Another thread goes first, if the schedule says so.
fn point() {
    // What is dropped by a panic is dropped in one step: shuttle is ending the schedule.
    if !std::thread::panicking() {
        shuttle::thread::sleep(Duration::ZERO);
    }
}

/// `std::sync::Mutex`, for what a panic locks as it drops things: shuttle's would let others run in the
/// middle of it, and poison what they hold. There is no point while it is held.
#[derive(Default)]
pub(crate) struct BriefMutex<T>(std::sync::Mutex<T>);

impl<T> BriefMutex<T> {
    pub(crate) fn lock(&self) -> std::sync::LockResult<std::sync::MutexGuard<'_, T>> {
        point();
        self.0.lock()
    }
}

/// `tokio::sync::Mutex`.
#[derive(Default)]
pub(crate) struct AsyncMutex<T>(Arc<tokio::sync::Mutex<T>>);

impl<T> AsyncMutex<T> {
    pub(crate) async fn lock_owned(self: Arc<Self>) -> tokio::sync::OwnedMutexGuard<T> {
        point();
        Arc::clone(&self.0).lock_owned().await
    }
}

/// `arc_swap::ArcSwapOption`.
pub(crate) struct ArcSwapOption<T>(arc_swap::ArcSwapOption<T>);

impl<T> ArcSwapOption<T> {
    pub(crate) fn empty() -> Self {
        Self(arc_swap::ArcSwapOption::empty())
    }

    pub(crate) fn load(&self) -> arc_swap::Guard<Option<Arc<T>>> {
        point();
        self.0.load()
    }

    pub(crate) fn load_full(&self) -> Option<Arc<T>> {
        point();
        self.0.load_full()
    }

    pub(crate) fn store(&self, next: Option<Arc<T>>) {
        point();
        self.0.store(next);
    }
}

/// `tokio::sync::Notify`.
pub(crate) struct Notify(tokio::sync::Notify);

impl Notify {
    pub(crate) fn new() -> Self {
        Self(tokio::sync::Notify::new())
    }

    pub(crate) fn notify_one(&self) {
        point();
        self.0.notify_one();
    }

    pub(crate) async fn notified(&self) {
        point();
        self.0.notified().await;
    }
}

/// `tokio::sync::watch`.
pub(crate) mod watch {
    use std::ops::Deref;

    use super::point;
    use tokio::sync::watch::{self, error::RecvError};

    pub(crate) struct Sender<T>(watch::Sender<T>);

    #[derive(Clone)]
    pub(crate) struct Receiver<T>(watch::Receiver<T>);

    pub(crate) fn channel<T>(first: T) -> (Sender<T>, Receiver<T>) {
        let (sender, receiver) = watch::channel(first);
        (Sender(sender), Receiver(receiver))
    }

    impl<T> Sender<T> {
        pub(crate) fn send_replace(&self, next: T) -> T {
            point();
            self.0.send_replace(next)
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            // To close the channel is a step as well.
            point();
        }
    }

    impl<T> Receiver<T> {
        pub(crate) fn has_changed(&self) -> Result<bool, RecvError> {
            point();
            self.0.has_changed()
        }

        pub(crate) fn borrow(&self) -> impl Deref<Target = T> {
            point();
            self.0.borrow()
        }

        pub(crate) async fn wait_for(
            &mut self,
            met: impl FnMut(&T) -> bool,
        ) -> Result<impl Deref<Target = T>, RecvError> {
            point();
            self.0.wait_for(met).await
        }
    }
}
