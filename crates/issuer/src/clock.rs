//! What time it is, for an issuer, and how it lets time go by.

use core::time::Duration;
use std::sync::Arc;

use unlapse_core::BoxFuture;

pub use unlapse_verify::{Clock, system_clock};

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
