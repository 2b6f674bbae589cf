//! Processes, and the seat through which each acts on the world.

use std::sync::Arc;
use std::time::Duration;

use unlapse::{Error, TokenSource};

use crate::caller::Script;
use crate::planted::Planted;
use crate::trace::Actor;
use crate::world::{State, World};

/// One life of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pid {
    /// Its place in the world, which a restarted process takes again.
    pub(crate) slot: usize,
    /// Which of its lives.
    pub(crate) life: u32,
}

/// A place for a process on a host.
pub(crate) struct Process {
    pub(crate) host: usize,
    pub(crate) life: u32,
    pub(crate) alive: bool,
    /// Stopped by a signal until then.
    pub(crate) frozen_until: Duration,
    /// When it last went on after having been stopped, or its host after a sleep.
    pub(crate) thawed_at: Option<Duration>,
    /// Its callers were cancelled, and have not come back.
    pub(crate) callers_gone: bool,
    /// Its handle, once it is built.
    pub(crate) source: Option<TokenSource>,
    /// The newest token that it has handed out.
    pub(crate) handed: Option<(u64, String)>,
    /// The generation that was durable when it started.
    pub(crate) born_at: u64,
    /// When it started.
    pub(crate) started_at: Duration,
    /// It has said that its newest token could not be saved.
    pub(crate) said_unsaved: bool,
    /// What its callers were told last.
    pub(crate) last_error: Option<Error>,
    /// What it does when it starts.
    pub(crate) script: Script,
}

impl Process {
    pub(crate) fn new(host: usize, script: Script) -> Self {
        let frozen_until = Duration::ZERO;
        Self {
            host,
            life: 0,
            alive: false,
            frozen_until,
            thawed_at: None,
            callers_gone: false,
            source: None,
            handed: None,
            born_at: 0,
            started_at: Duration::ZERO,
            said_unsaved: false,
            last_error: None,
            script,
        }
    }
}

impl State {
    pub(crate) fn is_alive(&self, pid: Pid) -> bool {
        self.processes.get(pid.slot).is_some_and(|found| found.alive && found.life == pid.life)
    }

    /// The host that a process runs on.
    pub(crate) fn host_of(&self, pid: Pid) -> usize {
        self.processes[pid.slot].host
    }

    /// When it may run again, if it may not now.
    pub(crate) fn frozen_until(&self, pid: Pid) -> Option<Duration> {
        let process = &self.processes[pid.slot];
        let until = process.frozen_until.max(self.hosts[process.host].frozen_until);
        (until > self.now).then_some(until)
    }

    /// Whether a process stood still at any time since `since`.
    pub(crate) fn stood_still_since(&self, pid: Pid, since: Duration) -> bool {
        self.processes[pid.slot].thawed_at.is_some_and(|thawed| thawed >= since)
            || self.frozen_until(pid).is_some()
    }
}

/// A process's seat in the world: every effect that the client is given acts through it.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    pub(crate) world: Arc<World>,
    pub(crate) pid: Pid,
}

impl Seat {
    pub(crate) fn actor(&self) -> Actor {
        Actor::Process(self.pid.slot)
    }

    /// The bug that is planted in this world.
    pub(crate) fn planted(&self) -> Option<Planted> {
        self.world.state().planted
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.world.state().is_alive(self.pid)
    }

    /// One step of this process at its disk.
    pub(crate) async fn step<T>(
        &self,
        label: &'static str,
        act: impl FnOnce(&mut State) -> T,
    ) -> T {
        let disk = Actor::Disk(self.world.state().host_of(self.pid));
        self.world.step(self.actor(), disk, label, act).await
    }
}
