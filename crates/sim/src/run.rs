//! One run: a setup and a seed in, what came of it out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use unlapse_core::{Grant, Record, Reuse, Row};

use crate::caller::{Action, Profile, Script, spawn_once};
use crate::chance::Chance;
use crate::executor::Executor;
use crate::host::Host;
use crate::invariant::{Invariant, Violation};
use crate::ledger::{Access, Ledger};
use crate::planted::Planted;
use crate::process::{Pid, Process, Seat};
use crate::server::{Deed, Server};
use crate::strike::Strike;
use crate::trace::{Entry, Trace};
use crate::weather::Weather;
use crate::world::{Due, State, World};

/// How a world begins, and what befalls it.
#[derive(Clone, Debug)]
pub struct Setup {
    pub(crate) name: String,
    /// What the server does.
    pub(crate) class: Reuse,
    /// What the client was told that it does.
    pub(crate) declared: Reuse,
    pub(crate) may_lose: bool,
    pub(crate) lifetime: Option<Duration>,
    pub(crate) installed: Installed,
    pub(crate) shares_database: bool,
    /// Each host's wall clock less the true one, in milliseconds.
    pub(crate) hosts: Vec<i64>,
    /// Each process: its host, and what it does.
    pub(crate) processes: Vec<(usize, Script)>,
    pub(crate) profile: Profile,
    pub(crate) weather: Weather,
    pub(crate) strikes: Vec<(u64, Strike)>,
    /// Things go wrong until then.
    pub(crate) duration: Duration,
    pub(crate) is_calm: bool,
    pub(crate) planted: Option<Planted>,
}

/// What is stored when the world begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Installed {
    Nothing,
    /// A login whose token is so old.
    Login(Duration),
    /// The same, and a process has died while it was renewing, so long ago; the server had done its
    /// part, or not.
    InDoubt {
        age: Duration,
        since: Duration,
        rotated: bool,
    },
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was run.
    pub name: String,
    /// Names everything that happened: the same seed gives the same hash.
    pub hash: u64,
    /// Steps that were taken, each of which could have been the last.
    pub steps: u64,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// Faults that happened, by name.
    pub faults: BTreeMap<&'static str, u64>,
    /// Steps and faults that met.
    pub covered: BTreeSet<(&'static str, &'static str)>,
    /// Rows of the client's tables that were reached.
    pub rows: BTreeSet<&'static str>,
    /// Rows of `plan` that decided something.
    pub planned: BTreeSet<Row>,
    /// Logins that were lost, where a fault made that unavoidable.
    pub lost: Vec<String>,
    /// Requests at the token endpoint.
    pub requests: u64,
    /// What happened, if it was to be kept.
    pub entries: Vec<Entry>,
}

/// After healing, beyond what an open breaker takes: requests under way end, a lost lease runs out, a
/// wish of the server is waited out (120 s at most), and two rounds pass.
pub const REST: Duration = Duration::from_secs(275);

/// Requests that are under way when all is well again end within their deadline, and may be the
/// ones that open a breaker.
const SETTLING: Duration = Duration::from_secs(35);

/// Runs it.
pub fn run(setup: &Setup, seed: u64, keep: bool) -> Outcome {
    let world = World::new(begin(setup, seed, keep));
    let mut executor = Executor::new(std::sync::Arc::clone(&world));
    {
        let mut state = world.state();
        for slot in 0..setup.processes.len() {
            let after = state.chance.between(Duration::ZERO, Duration::from_millis(3));
            state.enter(after, Due::Strike(Strike::Start(slot)));
        }
    }
    executor.run(setup.duration, |_| false);
    let settled = {
        let mut state = world.state();
        state.phase_steps = state.steps;
        state.heal();
        state.now + SETTLING
    };
    executor.run(settled, |_| false);
    let until = {
        let state = world.state();
        state.now + REST.saturating_sub(SETTLING) + state.breaker_wait()
    };
    executor.run(until, |_| false);
    let asked = {
        let state = world.state();
        let asked: Vec<(Pid, unlapse::TokenSource)> = (0..setup.processes.len())
            .filter(|slot| state.processes[*slot].alive)
            .filter_map(|slot| {
                let process = &state.processes[slot];
                Some((Pid { slot, life: process.life }, process.source.clone()?))
            })
            .collect();
        asked
    };
    for (pid, source) in &asked {
        let seat = Seat { world: std::sync::Arc::clone(&world), pid: *pid };
        spawn_once(&seat, source, Action::Final);
    }
    let everyone = asked.len();
    drop(asked);
    executor.run(until + Duration::from_secs(80), |state| state.answered_at_the_end >= everyone);
    {
        let mut state = world.state();
        if state.answered_at_the_end < setup.processes.len() {
            let missing = setup.processes.len() - state.answered_at_the_end;
            state.violate(Invariant::Alive, format_args!("{missing} processes never answered"));
        }
        state.check_rest();
        state.processes.iter_mut().for_each(|process| process.alive = false);
    }
    executor.end();
    let sources: Vec<_> = {
        let mut state = world.state();
        state.processes.iter_mut().filter_map(|process| process.source.take()).collect()
    };
    drop(sources);
    executor.end();
    let mut state = world.state();
    let spawned = std::mem::take(&mut state.spawned);
    let outcome = Outcome {
        name: setup.name.clone(),
        hash: state.trace.hash(),
        steps: state.phase_steps,
        violations: std::mem::take(&mut state.violations),
        faults: std::mem::take(&mut state.faults),
        covered: std::mem::take(&mut state.covered),
        rows: std::mem::take(&mut state.ledger.rows),
        planned: std::mem::take(&mut state.ledger.planned),
        lost: std::mem::take(&mut state.ledger.lost),
        requests: state.server.requests,
        entries: state.trace.entries(),
    };
    drop(state);
    drop(spawned);
    outcome
}

fn begin(setup: &Setup, seed: u64, keep: bool) -> State {
    let hosts = (0..).zip(&setup.hosts).map(|(number, off)| Host::new(number, *off)).collect();
    let mut state = State::new(
        Chance::new(seed),
        hosts,
        Server::new(setup.class, setup.lifetime),
        setup.weather.clone(),
        Trace::new(keep),
        setup.planted,
        setup.strikes.clone(),
        Ledger::new(setup.declared, setup.may_lose),
        setup.profile.clone(),
    );
    state.shares_database = setup.shares_database;
    state.is_calm = setup.is_calm;
    state.breaker_opens_after = setup.profile.policy.breaker.failures;
    for (host, script) in &setup.processes {
        state.processes.push(Process::new(*host, script.clone()));
    }
    match setup.installed {
        Installed::Nothing => {}
        Installed::Login(age) => {
            let hosts = if setup.shares_database { 1 } else { setup.hosts.len() };
            for host in 0..hosts {
                let (record, _) = state.login(host, age);
                state.install(host, record);
            }
        }
        Installed::InDoubt { age, since, rotated } => {
            let (record, refresh) = state.login(0, age);
            let then = back(&state, 0, since);
            let record = record.intend(then, false);
            state.note_lost_sending(&refresh, then, rotated);
            state.install(0, record);
        }
    }
    state
}

/// Both clocks of a host, so long ago.
fn back(state: &State, host: usize, age: Duration) -> unlapse_core::Now {
    let mut then = state.hosts[host].clocks(state.now);
    then.wall = then.wall.minus(age);
    then.boot.millis = then.boot.millis.saturating_sub(crate::chance::millis(age));
    then
}

impl State {
    /// A login at the server whose token is so old, as a record.
    fn login(&mut self, host: usize, age: Duration) -> (Record, String) {
        let (grant, deed): (Grant, Deed) = self.server.open(self.now);
        let obtained = back(self, host, age);
        let lifetime = self.server.lifetime;
        let ends_at = lifetime.map(|lifetime| lifetime.saturating_sub(age));
        let Deed::Granted { family, refresh, access, .. } = deed else {
            return (Record::default(), String::new());
        };
        let granted_at = self.now;
        let granted = Access { family, obtained, lifetime, ends_at, is_vague: false, granted_at };
        let nobody = Pid { slot: usize::MAX, life: 0 };
        self.ledger.brought(nobody, &refresh, &access, granted);
        self.ledger.logins += 1;
        let mut record = Record::default().logged_in(grant, obtained);
        record.stored_at = obtained.wall;
        (record, refresh)
    }

    fn install(&mut self, host: usize, record: Record) {
        if self.shares_database {
            self.database.install(record);
        } else {
            self.hosts[host].disk.install(record);
        }
    }

    /// How long the longest open breaker keeps everybody waiting.
    fn breaker_wait(&self) -> Duration {
        let waits = self.hosts.iter().map(|host| {
            let wall = host.clocks(self.now).wall;
            let open = host.breaker.open_until.map_or(Duration::ZERO, |until| until.since(wall));
            // Set back, a clock may not keep it open for longer than it was opened for.
            open.min(host.breaker.open_for) + Duration::from_secs(60)
        });
        waits.max().unwrap_or_default()
    }
}
