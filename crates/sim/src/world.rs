//! The world: virtual time, hosts and processes, and what is about to happen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use unlapse_core::{BoxFuture, Record};

use crate::caller::Profile;
use crate::chance::Chance;
use crate::checks::Open;
use crate::database::Database;
use crate::fault::Fault;
use crate::host::Host;
use crate::invariant::{Invariant, Violation};
use crate::ledger::Ledger;
use crate::network::{Arrival, Network, Received};
use crate::planted::Planted;
use crate::process::{Pid, Process};
use crate::server::Server;
use crate::strike::Strike;
use crate::trace::{Actor, Trace};
use crate::weather::Weather;

/// Everything there is, shared by every effect. One thread runs a world, so that the lock is only a
/// formality.
#[derive(Debug)]
pub(crate) struct World(Mutex<State>);

/// What the world is made of.
pub(crate) struct State {
    /// Time since the world began: the only true clock.
    pub(crate) now: Duration,
    pub(crate) chance: Chance,
    agenda: BTreeMap<(Duration, u64), Due>,
    entered: u64,
    pub(crate) hosts: Vec<Host>,
    pub(crate) processes: Vec<Process>,
    pub(crate) network: Network,
    pub(crate) server: Server,
    pub(crate) database: Database,
    pub(crate) weather: Weather,
    pub(crate) ledger: Ledger,
    pub(crate) trace: Trace,
    pub(crate) planted: Option<Planted>,
    /// What all processes have in common.
    pub(crate) profile: Profile,
    /// Nobody demands more than a valid token, so that renewals have their moment (R12).
    pub(crate) is_calm: bool,
    /// Calls so far.
    pub(crate) calls: u64,
    /// Calls under way.
    pub(crate) open: BTreeMap<u64, Open>,
    /// Processes that answered the question at the end.
    pub(crate) answered_at_the_end: usize,
    /// Records that became durable, in order.
    pub(crate) history: Vec<Record>,
    /// The token whose successor could not be saved.
    pub(crate) unsaved_successor_of: Option<String>,
    /// The records lie in the database, not on the hosts' disks.
    pub(crate) shares_database: bool,
    /// Failures in a row that open the breaker.
    pub(crate) breaker_opens_after: u32,
    /// Steps so far, where a crash can be put.
    pub(crate) steps: u64,
    /// Steps before all was well again.
    pub(crate) phase_steps: u64,
    /// What befalls the world after a certain step.
    pub(crate) strikes: Vec<(u64, Strike)>,
    /// What befalls it as soon as the running task pauses.
    pub(crate) due: Vec<Strike>,
    /// Tasks that were started and not yet seen by the executor.
    pub(crate) spawned: Vec<Spawned>,
    /// Tasks of processes that stand still.
    pub(crate) parked: Vec<Waker>,
    pub(crate) violations: Vec<Violation>,
    /// Faults that happened, by kind.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// Steps and faults that met: what was covered.
    pub(crate) covered: BTreeSet<(&'static str, &'static str)>,
    last_step: &'static str,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("now", &self.now).finish_non_exhaustive()
    }
}

/// A task that somebody has just started.
pub(crate) struct Spawned {
    pub(crate) owner: Pid,
    pub(crate) role: Role,
    pub(crate) future: BoxFuture<'static, ()>,
}

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Holds the process together.
    Main,
    /// Asks for tokens; may be cancelled at any time (R6).
    Caller,
    /// A renewal or a keeper, started through the client's `Spawn`.
    Renewal,
}

/// Something that happens at its time.
pub(crate) enum Due {
    Wake(Waker),
    Arrive(Arrival),
    Receive(Received),
    Strike(Strike),
}

impl World {
    pub(crate) fn new(state: State) -> Arc<Self> {
        Arc::new(Self(Mutex::new(state)))
    }

    /// The state, for as long as one step takes.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits in virtual time.
    pub(crate) fn sleep(self: &Arc<Self>, duration: Duration) -> Sleep {
        Sleep { world: Arc::clone(self), duration, until: None }
    }

    /// Does one step of a process at something of its host, after which it may crash, and takes a
    /// moment over it.
    pub(crate) async fn step<T>(
        self: &Arc<Self>,
        who: Actor,
        at: Actor,
        label: &'static str,
        act: impl FnOnce(&mut State) -> T,
    ) -> T {
        let (done, moment) = {
            let mut state = self.state();
            let done = act(&mut state);
            state.step(who, Some(at), label);
            (done, state.chance.between(Duration::ZERO, Duration::from_millis(2)))
        };
        self.sleep(moment).await;
        done
    }
}

impl State {
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of a world, each made by its own file"
    )]
    pub(crate) fn new(
        chance: Chance,
        hosts: Vec<Host>,
        server: Server,
        weather: Weather,
        trace: Trace,
        planted: Option<Planted>,
        strikes: Vec<(u64, Strike)>,
        ledger: Ledger,
        profile: Profile,
    ) -> Self {
        Self {
            now: Duration::ZERO,
            chance,
            agenda: BTreeMap::new(),
            entered: 0,
            network: Network::new(hosts.len()),
            hosts,
            processes: Vec::new(),
            server,
            database: Database::default(),
            weather,
            ledger,
            trace,
            planted,
            profile,
            is_calm: false,
            calls: 0,
            open: BTreeMap::new(),
            answered_at_the_end: 0,
            history: Vec::new(),
            unsaved_successor_of: None,
            shares_database: false,
            breaker_opens_after: 5,
            steps: 0,
            phase_steps: 0,
            strikes,
            due: Vec::new(),
            spawned: Vec::new(),
            parked: Vec::new(),
            violations: Vec::new(),
            faults: BTreeMap::new(),
            covered: BTreeSet::new(),
            last_step: "start",
        }
    }

    /// Enters something into the agenda, `after` from now.
    pub(crate) fn enter(&mut self, after: Duration, due: Due) {
        self.entered += 1;
        self.agenda.insert((self.now + after, self.entered), due);
    }

    /// When the next thing is to happen.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// Moves time on to the next thing that is to happen, and takes it.
    pub(crate) fn take_next(&mut self) -> Option<Due> {
        let ((at, _), due) = self.agenda.pop_first()?;
        self.now = self.now.max(at);
        Some(due)
    }

    /// Writes down what happened.
    pub(crate) fn note(&mut self, who: Actor, to: Option<Actor>, what: fmt::Arguments<'_>) {
        self.trace.note(self.now, who, to, 0, what);
    }

    /// Writes down a step: a place where the world may be struck.
    pub(crate) fn step(&mut self, who: Actor, to: Option<Actor>, label: &'static str) {
        self.steps += 1;
        self.trace.note(self.now, who, to, self.steps, format_args!("{label}"));
        self.last_step = label;
        let steps = self.steps;
        let due = self.strikes.iter().filter(|(step, _)| *step == steps);
        let due: Vec<Strike> = due.map(|(_, strike)| *strike).collect();
        self.due.extend(due);
        if let Some(strike) = self.weather.strike(&mut self.chance, self.now, who) {
            self.due.push(Strike::Fault(strike));
        }
    }

    /// Counts a fault, and notes which step it met.
    pub(crate) fn fault(&mut self, fault: Fault, what: fmt::Arguments<'_>) {
        self.ledger.suffered(&fault);
        *self.faults.entry(fault.name()).or_default() += 1;
        self.covered.insert((self.last_step, fault.name()));
        self.note(Actor::Fate, None, what);
    }

    /// Writes down that an invariant does not hold.
    pub(crate) fn violate(&mut self, invariant: Invariant, what: fmt::Arguments<'_>) {
        self.note(Actor::Fate, None, format_args!("VIOLATION of {invariant}: {what}"));
        self.violations.push(Violation { invariant, at: self.now, what: what.to_string() });
    }
}

/// Waits in virtual time.
pub(crate) struct Sleep {
    world: Arc<World>,
    duration: Duration,
    until: Option<Duration>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let world = Arc::clone(&self.world);
        let mut state = world.state();
        if let Some(until) = self.until {
            return if state.now >= until { Poll::Ready(()) } else { Poll::Pending };
        }
        // Even no time at all lets others run first, and is where a crash may fall. A task keeps
        // its waker, so that one entry is enough.
        self.until = Some(state.now.saturating_add(self.duration));
        state.enter(self.duration, Due::Wake(context.waker().clone()));
        Poll::Pending
    }
}
