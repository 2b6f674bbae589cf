//! What time it is, for an issuer, and how it lets time go by.

use core::time::Duration;
use std::sync::Arc;

use unlapse_core::{BoxFuture, UnixTime};

/// Says what time it is. Injected, so that tests set it.
pub type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// The clock of the system.
#[expect(clippy::disallowed_methods, reason = "this file owns the issuer's clock")]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            // A clock before 1970 is a clock that nobody set.
            .unwrap_or_default();
        UnixTime::default().plus(since)
    })
}

/// Lets time go by. Injected, so that tests need not wait.
pub type Sleep = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// The timer of tokio.
#[expect(clippy::disallowed_methods, reason = "this file owns the issuer's clock")]
pub fn system_sleep() -> Sleep {
    Arc::new(|duration| Box::pin(tokio::time::sleep(duration)))
}

/// Says how long it has been since this call.
#[expect(clippy::disallowed_methods, reason = "this file owns the issuer's clock")]
pub(crate) fn stopwatch() -> impl FnOnce() -> Duration {
    let started = std::time::Instant::now();
    move || started.elapsed()
}
