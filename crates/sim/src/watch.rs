//! The time that passes while the simulator runs, and the line that says how far it is.

use std::io::{self, IsTerminal, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use unlapse_sim::Progress;

/// How often the line is written anew.
const TICK: Duration = Duration::from_millis(250);

/// A stopwatch: what the simulator measures of the real world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch(Instant);

impl Watch {
    #[expect(clippy::disallowed_methods, reason = "measures the simulator, not the simulated")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A seed that differs from run to run.
#[expect(clippy::disallowed_methods, reason = "a seed that nobody chose; it is printed")]
pub(crate) fn seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // Far from the seeds that CI runs, and short enough to be read out.
    since.as_secs().wrapping_mul(1_000_000) % 1_000_000_000_000_000
}

/// Does `work`, with a line on the terminal that says how far it is.
pub(crate) fn with_line<T>(progress: &Progress, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    let watch = Watch::start();
    let (done, is_done) = mpsc::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            while is_done.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                line(&line_of(progress.runs(), progress.broken(), watch.elapsed()));
            }
            line("");
        });
        let result = work();
        drop(done);
        result
    })
}

fn line(text: &str) {
    // The cursor goes to the start of the line, and what stood there is erased.
    eprint!("\r\x1b[K{text}");
    let _ = io::stderr().flush();
}

fn line_of(runs: u64, broken: u64, elapsed: Duration) -> String {
    let broke = if broken == 0 { String::new() } else { format!(", {broken} broke a promise") };
    format!("{runs} runs in {:.0} s{broke}", elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is() {
        assert_eq!(line_of(12, 0, Duration::from_millis(2400)), "12 runs in 2 s");
        assert_eq!(line_of(12, 3, Duration::from_secs(9)), "12 runs in 9 s, 3 broke a promise");
    }

    #[test]
    fn what_is_watched_comes_back() {
        assert_eq!(with_line(&Progress::default(), || 7), 7);
    }
}
