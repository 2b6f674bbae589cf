//! Signals: the first asks a renewal to finish, the second ends the process (R6).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::signal::unix::{SignalKind, signal};

/// A file-size limit is an error to be handled, not a reason to die: with a handler in place, the
/// kernel lets the write fail with `EFBIG`.
pub(crate) fn ignore_file_size_signal() {
    // Without it the limit kills us, as it would any other program.
    let _ = signal_hook::flag::register(
        signal_hook::consts::signal::SIGXFSZ,
        Arc::new(AtomicBool::new(false)),
    );
}

/// Waits for SIGINT or SIGTERM, and says which it was. They are caught from the call on, not only once
/// it is waited for: what is started meanwhile must not outlive us. Needs a runtime.
pub(crate) fn interrupted() -> impl Future<Output = i32> {
    let caught = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = caught else {
            // No handler could be installed: signals do what they do by default.
            return std::future::pending().await;
        };
        tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        }
    }
}
