//! Carries out what goes wrong.

use std::sync::Arc;
use std::time::Duration;

use crate::family::End;
use crate::fault::Fault;
use crate::network::Fate;
use crate::process::Pid;
use crate::world::{Due, State, World};

/// What befalls the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    /// Something goes wrong.
    Fault(Fault),
    /// A process starts in its place.
    Start(usize),
    /// A process ends, having settled; it starts again a little later.
    End(usize),
}

/// Whose tasks are gone with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Struck {
    Process(Pid),
    Callers(Pid),
}

/// A process that died starts again after so long.
pub(crate) const RESTART: Duration = Duration::from_secs(1);

/// A host that lost power is back after so long.
const REBOOT: Duration = Duration::from_secs(20);

/// Lets it happen, and says whose tasks are gone.
pub(crate) fn carry_out(world: &Arc<World>, strike: Strike) -> Vec<Struck> {
    let mut state = world.state();
    match strike {
        Strike::Start(slot) => {
            if !state.processes[slot].alive {
                crate::caller::start(world, &mut state, slot);
            }
            Vec::new()
        }
        Strike::End(slot) => state.kill(slot, RESTART).into_iter().collect(),
        Strike::Fault(Fault::Recall(slot)) => {
            crate::caller::recall(world, &mut state, slot);
            Vec::new()
        }
        Strike::Fault(Fault::Stop(slot)) => {
            state.fault(Fault::Stop(slot), format_args!("SIGTERM to P{}", slot + 1));
            crate::caller::stop(world, &mut state, slot).into_iter().collect()
        }
        Strike::Fault(fault) => state.suffer(fault),
    }
}

impl State {
    fn suffer(&mut self, fault: Fault) -> Vec<Struck> {
        let now = self.now;
        self.fault(fault, format_args!("{}: {fault:?}", fault.name()));
        match fault {
            Fault::Kill(slot) => return self.kill(slot, RESTART).into_iter().collect(),
            Fault::PowerLoss(host) => {
                let slots = 0..self.processes.len();
                let there: Vec<usize> =
                    slots.filter(|slot| self.processes[*slot].host == host).collect();
                let gone = there.into_iter().filter_map(|slot| self.kill(slot, REBOOT)).collect();
                let Self { hosts, chance, .. } = self;
                hosts[host].disk.write_back(now);
                hosts[host].disk.lose_power(chance);
                hosts[host].reboot(now);
                return gone;
            }
            Fault::Cancel(slot) => {
                let process = &self.processes[slot];
                let pid = Pid { slot, life: process.life };
                if !process.alive {
                    return Vec::new();
                }
                self.processes[slot].callers_gone = true;
                self.open.retain(|_, call| call.pid != pid);
                self.enter(RESTART, Due::Strike(Strike::Fault(Fault::Recall(slot))));
                return vec![Struck::Callers(pid)];
            }
            Fault::Freeze(slot, pause) => {
                let process = &mut self.processes[slot];
                process.frozen_until = process.frozen_until.max(now + pause);
                process.thawed_at = process.thawed_at.max(Some(now + pause));
            }
            Fault::Suspend(host, pause) => {
                let until = &mut self.hosts[host].frozen_until;
                *until = (*until).max(now + pause);
                let there = self.processes.iter_mut().filter(|process| process.host == host);
                there.for_each(|process| {
                    process.thawed_at = process.thawed_at.max(Some(now + pause));
                });
            }
            Fault::SetClock(host, by) => {
                self.hosts[host].wall_off = by;
                self.hosts[host].wall_set_at = Some(now);
            }
            Fault::DiskFull(host, pause) => self.hosts[host].disk.full_until = now + pause,
            Fault::DiskReadOnly(host, pause) => {
                self.hosts[host].disk.read_only_until = now + pause;
            }
            Fault::DiskBroken(host, pause) => self.hosts[host].disk.broken_until = now + pause,
            Fault::AsidesFail(host, pause) => {
                self.hosts[host].disk.asides_fail_until = now + pause;
            }
            Fault::CutOut(host, pause) => self.network.lines[host].out = now + pause,
            Fault::CutIn(host, pause) => self.network.lines[host].back = now + pause,
            Fault::CutDatabase(host, pause) => {
                self.network.lines[host].database = now + pause;
            }
            Fault::DatabaseDown(pause) => self.database.down_until = now + pause,
            Fault::DatabaseClock(by) => self.database.ahead += by,
            Fault::ServerDown(pause) => self.server.down_until = now + pause,
            Fault::Mood(mood, pause) => {
                self.server.mood = mood;
                self.server.mood_until = now + pause;
            }
            Fault::ServerClock(off) => self.server.clock_off = off,
            Fault::Revoke => {
                if let Some(login) = self.server.families.last_mut() {
                    login.ended.get_or_insert(End::Revoked);
                }
            }
            Fault::CredentialsChanged => self.server.takes_logins = false,
            Fault::Slow(pause) => self.network.slow_until = now + pause,
            Fault::Recall(_) | Fault::Stop(_) | Fault::Message(Fate::Plain) => {}
            Fault::Message(fate) => self.network.fates.push_back(fate),
        }
        Vec::new()
    }

    /// Ends a process where it is, and has it started again later.
    pub(crate) fn kill(&mut self, slot: usize, after: Duration) -> Option<Struck> {
        let process = &mut self.processes[slot];
        if !process.alive {
            return None;
        }
        process.alive = false;
        process.frozen_until = Duration::ZERO;
        process.source = None;
        let (pid, host) = (Pid { slot, life: process.life }, process.host);
        self.hosts[host].disk.free(pid);
        // What it had heard and not yet told the breaker is lost with it.
        let counted = self.hosts[host].breaker.failures;
        self.hosts[host].failures = self.hosts[host].failures.max(counted);
        self.ledger.died(pid);
        self.open.retain(|_, call| call.pid != pid);
        self.enter(after, Due::Strike(Strike::Start(slot)));
        Some(Struck::Process(pid))
    }

    /// Ends everything that goes wrong, sets the clocks right and starts what is down.
    pub(crate) fn heal(&mut self) {
        self.note(crate::trace::Actor::Fate, None, format_args!("all is well again"));
        self.weather = crate::weather::Weather::clear();
        self.strikes.clear();
        self.network.heal();
        self.server.heal();
        self.database.heal();
        let now = self.now;
        for host in &mut self.hosts {
            host.disk.heal();
            host.disk.write_back(now);
            host.frozen_until = Duration::ZERO;
            if host.wall_off != 0 {
                host.wall_off = 0;
                host.wall_set_at = Some(now);
            }
        }
        for process in &mut self.processes {
            process.frozen_until = Duration::ZERO;
        }
        for waker in std::mem::take(&mut self.parked) {
            self.enter(Duration::ZERO, Due::Wake(waker));
        }
    }
}
