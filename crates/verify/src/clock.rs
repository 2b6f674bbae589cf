//! What time it is, for a verifier.

use std::sync::Arc;

use unlapse_core::UnixTime;

/// Says what time it is. Injected, so that tests set it.
pub type Clock = Arc<dyn Fn() -> UnixTime + Send + Sync>;

/// The clock of the system.
#[expect(clippy::disallowed_methods, reason = "this file owns the verifier's clock")]
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            // A clock before 1970 is a clock that nobody set.
            .unwrap_or_default();
        UnixTime::default().plus(since)
    })
}
