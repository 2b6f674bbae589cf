//! Signals: the first asks a renewal to finish, the second ends the process (R6).

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::signal::unix::{SignalKind, signal};

/// A file-size limit is an error to be handled, not a reason to die: with a handler in place, the
/// kernel lets the write fail with `EFBIG`. Where the signal is ignored already it does so too, and it
/// stays ignored: what `exec` becomes inherits that, as it would without us, but no handler.
#[expect(clippy::disallowed_methods, reason = "nothing else says how a signal was handed down")]
pub(crate) fn ignore_file_size_signal() {
    let signal = signal_hook::consts::signal::SIGXFSZ;
    // Only Linux has it. Elsewhere the command begins with the signal's default.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if is_ignored(&status, signal) {
        return;
    }
    // Without it the limit kills us, as it would any other program.
    let _ = signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)));
}

/// Whether a process of this `status` (proc(5)) ignores `signal`.
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_state_of_a_signal() {
        let status =
            |mask: &str| format!("Name:\tunlapse\nSigBlk:\tffffffffffffffff\nSigIgn:\t{mask}\n");
        for (mask, ignored) in [
            ("0000000001000000", true),
            ("0000000001001000", true),
            ("0000000000001000", false),
            ("fffffffffeffffff", false),
            ("", false),
            ("no mask", false),
        ] {
            assert_eq!(is_ignored(&status(mask), 25), ignored, "{mask}");
        }
        assert!(!is_ignored("", 25), "it is not told");
    }
}
