//! Waiting for other processes, which tell nobody when they are done.

use std::time::{Duration, Instant};

/// How often to look.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until there is something, or until `limit` is over: then `None`.
pub(crate) fn until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if start.elapsed() >= limit {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}
