//! A host: its clocks and its disk.

use std::time::Duration;

use unlapse_core::{BootTime, Breaker, Now, UnixTime};

use crate::chance::millis;
use crate::disk::Disk;

/// The wall clock when the world begins, by a clock that is right.
const BEGINNING: u64 = 1_700_000_000_000;

/// How long every host has been up when the world begins, in milliseconds.
const UPTIME: u64 = 1_000_000_000;

/// What `hosts` holds: a machine with clocks, a disk and power.
#[derive(Debug)]
pub(crate) struct Host {
    /// Its wall clock less the true one, in milliseconds.
    pub(crate) wall_off: i64,
    /// When somebody last set its wall clock.
    pub(crate) wall_set_at: Option<Duration>,
    boot: u64,
    booted_at: Duration,
    pub(crate) disk: Disk,
    /// The breaker of the token endpoint, which processes share by files.
    pub(crate) breaker: Breaker,
    /// Requests in a row that brought no answer, as this host has heard.
    pub(crate) failures: u32,
    /// The last answer was a rejection of the login.
    pub(crate) was_rejected: bool,
    /// Nothing runs on it until then.
    pub(crate) frozen_until: Duration,
}

impl Host {
    pub(crate) fn new(number: u64, wall_off: i64) -> Self {
        Self {
            wall_off,
            wall_set_at: None,
            boot: number * 1000 + 1,
            booted_at: Duration::ZERO,
            disk: Disk::default(),
            breaker: Breaker::default(),
            failures: 0,
            was_rejected: false,
            frozen_until: Duration::ZERO,
        }
    }

    /// Both of its clocks.
    pub(crate) fn clocks(&self, now: Duration) -> Now {
        let boot = millis(now.saturating_sub(self.booted_at)) + UPTIME;
        Now {
            wall: true_wall(now).shifted(self.wall_off),
            boot: BootTime { boot: self.boot, millis: boot },
        }
    }

    /// Starts again after its power went.
    pub(crate) fn reboot(&mut self, now: Duration) {
        self.boot += 1;
        self.booted_at = now;
    }
}

/// What a right wall clock says.
pub(crate) fn true_wall(now: Duration) -> UnixTime {
    UnixTime::from_millis(BEGINNING + millis(now))
}
