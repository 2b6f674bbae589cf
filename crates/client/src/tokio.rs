//! Clock and tasks from tokio and the operating system.
#![expect(clippy::disallowed_methods, reason = "this file owns the clock, sleep and spawn")]

use std::hash::{BuildHasher as _, Hasher as _};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use unlapse_core::{BootTime, BoxFuture, Now, UnixTime};

use crate::effects::{Clock, Spawn};

/// The system's clocks and tokio's sleep.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    boot: u64,
}

impl TokioClock {
    /// Finds out which boot of the machine this is.
    pub fn new() -> Self {
        Self { boot: boot_id() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Now {
        now(self.boot)
    }

    fn coarse(&self) -> UnixTime {
        // Four milliseconds behind at most, and several times cheaper than the exact clock.
        UnixTime::from_millis(millis(ClockId::RealtimeCoarse))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // In slices: tokio's clock stands still while the machine is suspended, so that a long
        // sleep would overrun by as long as that. The wall clock says nothing about spans: it can
        // be set while a request is under way.
        const SLICE: Duration = Duration::from_secs(15);
        Box::pin(async move {
            let start = millis(ClockId::Boottime);
            loop {
                let passed = millis(ClockId::Boottime).saturating_sub(start);
                let left = duration.saturating_sub(Duration::from_millis(passed));
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(SLICE)).await;
            }
        })
    }
}

/// Tasks on the current tokio runtime.
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioSpawn;

impl Spawn for TokioSpawn {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        tokio::spawn(task);
    }
}

/// What both clocks say, for processes that need no runtime to decide.
pub fn system_now() -> Now {
    now(boot_id())
}

/// A seed that differs from process to process: the standard library's own hash keys.
pub(crate) fn seed() -> u64 {
    std::hash::RandomState::new().build_hasher().finish()
}

fn now(boot: u64) -> Now {
    Now {
        wall: UnixTime::from_millis(millis(ClockId::Realtime)),
        boot: BootTime { boot, millis: millis(ClockId::Boottime) },
    }
}

fn millis(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let secs = u64::try_from(time.tv_sec).unwrap_or(0);
    secs.saturating_mul(1000) + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000
}

/// The kernel's name for this boot, shortened; zero where it has none. It cannot change while a
/// process lives.
fn boot_id() -> u64 {
    static BOOT: OnceLock<u64> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).take(16).collect();
        u64::from_str_radix(&digits, 16).unwrap_or(0)
    })
}
