//! What the client is given for a clock, for tasks and for breakers.

use std::time::Duration;

use unlapse::{Breakers, Clock, Spawn};
use unlapse_core::{BoxFuture, Breaker, Now, UnixTime};

use crate::invariant::Invariant;
use crate::planted::Planted;
use crate::process::Seat;
use crate::world::{Role, Spawned};

/// What is waited for longer than this is a deadline.
const PATIENCE: Duration = Duration::from_secs(4);

/// Beyond the end of every run.
const ENDLESS: Duration = Duration::from_secs(1_000_000_000);

impl Clock for Seat {
    fn now(&self) -> Now {
        let mut state = self.world.state();
        let host = state.host_of(self.pid);
        let mut clocks = state.hosts[host].clocks(state.now);
        if state.planted == Some(Planted::WallClockOnly) {
            // Each look is on a boot of its own, so that no two compare.
            clocks.boot.boot = state.chance.seed();
        }
        clocks
    }

    fn coarse(&self) -> UnixTime {
        // A few milliseconds behind, as a real one.
        self.now().wall.minus(Duration::from_millis(4))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let endless = self.planted() == Some(Planted::NoDeadline) && duration >= PATIENCE;
        let duration = if endless { ENDLESS } else { duration };
        Box::pin(self.world.sleep(duration))
    }
}

impl Spawn for Seat {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let spawned = Spawned { owner: self.pid, role: Role::Renewal, future: task };
        self.world.state().spawned.push(spawned);
    }
}

/// Breakers are kept by the host, as the command keeps them in files.
impl Breakers for Seat {
    fn read(&self, _: &str) -> Breaker {
        let state = self.world.state();
        let host = state.host_of(self.pid);
        state.hosts[host].breaker
    }

    fn update(&self, _: &str, change: &mut dyn FnMut(Breaker) -> Breaker) {
        let mut state = self.world.state();
        let host = state.host_of(self.pid);
        let before = state.hosts[host].breaker;
        let planted = state.planted.and_then(|planted| planted.breaker(&state, host, before));
        let after = planted.unwrap_or_else(|| change(before));
        state.hosts[host].breaker = after;
        let opened = after.open_until.filter(|until| before.open_until != Some(*until));
        if opened.is_some() {
            let failures = state.hosts[host].failures;
            let least = if before.open_until.is_some() { 1 } else { state.breaker_opens_after };
            if failures < least {
                let what = format_args!("opened after {failures} failures in a row");
                state.violate(Invariant::Breaker, what);
            }
        }
    }
}
