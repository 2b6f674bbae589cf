//! What waits and what runs by itself: injected, so that tests drive it by hand.

use std::time::Duration;

use unlapse_core::{BoxFuture, UnixTime};

/// Time and tasks, for what asks the issuer by itself.
pub trait Runtime: Send + Sync {
    /// What time it is.
    fn now(&self) -> UnixTime;

    /// Waits.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Runs `task` to its end, also when whoever started it is gone.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

/// The system's clock, and the tokio runtime that it is used in.
#[cfg(feature = "tokio")]
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioRuntime;

#[cfg(feature = "tokio")]
#[expect(clippy::disallowed_methods, reason = "this file owns the sleep")]
impl Runtime for TokioRuntime {
    fn now(&self) -> UnixTime {
        crate::clock::system_clock()()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    /// Outside a runtime the task is dropped: whoever waits for it is told that it has failed.
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(task);
        }
    }
}
