//! Waiting with a deadline.

use std::time::{Duration, Instant};

/// Longest wait for anything that should happen on a loaded machine.
pub const WAIT: Duration = Duration::from_secs(60);

/// How often to look.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until `done`; panics after [`WAIT`], naming `what` did not happen.
#[track_caller]
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < WAIT, "not within {WAIT:?}: {what}");
        std::thread::sleep(PAUSE);
    }
}
