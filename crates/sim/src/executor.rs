//! Runs the world's tasks, one at a time, in an order that the seed decides.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use unlapse_core::BoxFuture;

use crate::invariant::Invariant;
use crate::planted::Planted;
use crate::process::Pid;
use crate::strike::Struck;
use crate::world::{Due, Role, State, World};

/// No run needs so many turns: one that does goes round in circles, and would never end.
const TURNS: u64 = 2_000_000;

/// A single-threaded executor with a seeded choice among the tasks that are ready.
pub(crate) struct Executor {
    world: Arc<World>,
    tasks: BTreeMap<u64, Task>,
    ready: Arc<Ready>,
    started: u64,
    turns: u64,
}

struct Task {
    owner: Pid,
    role: Role,
    future: BoxFuture<'static, ()>,
    waker: Waker,
}

/// The tasks that wait to be polled, each once. A set: in which order a channel wakes its waiters is
/// not the seed's choice (tokio's `watch` rolls dice of its own for that).
#[derive(Debug, Default)]
struct Ready(Mutex<BTreeSet<u64>>);

impl Ready {
    fn push(&self, task: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(task);
    }

    /// Takes one, as the seed chooses.
    fn take(&self, state: &mut State) -> Option<u64> {
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ready.is_empty() {
            return None;
        }
        let chosen = ready.iter().nth(state.chance.index(ready.len())).copied()?;
        ready.remove(&chosen);
        Some(chosen)
    }
}

struct TaskWaker {
    task: u64,
    ready: Arc<Ready>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.push(self.task);
    }
}

impl Executor {
    pub(crate) fn new(world: Arc<World>) -> Self {
        Self { world, tasks: BTreeMap::new(), ready: Arc::default(), started: 0, turns: 0 }
    }

    /// Runs until `end`, or until nothing is left to happen. `rest` is asked whenever time is about
    /// to move: with `true`, the run ends before that.
    pub(crate) fn run(&mut self, end: Duration, rest: impl Fn(&State) -> bool) {
        loop {
            self.adopt();
            self.strike();
            self.turns += 1;
            if self.turns > TURNS {
                if self.turns == TURNS + 1 {
                    let what = format_args!("no end after {TURNS} turns");
                    self.world.state().violate(Invariant::Stranded, what);
                }
                return;
            }
            if self.poll_one() {
                continue;
            }
            let due = {
                let mut state = self.world.state();
                // Strikes and starts come before time moves.
                if !state.due.is_empty() || !state.spawned.is_empty() {
                    continue;
                }
                if rest(&state) {
                    return;
                }
                if state.next_at().is_none_or(|at| at > end) {
                    state.now = state.now.max(end);
                    return;
                }
                state.take_next()
            };
            match due {
                Some(Due::Wake(waker)) => waker.wake(),
                Some(Due::Arrive(arrival)) => self.world.state().arrive(arrival),
                Some(Due::Receive(received)) => {
                    let waker = self.world.state().receive(received);
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                }
                Some(Due::Strike(strike)) => self.world.state().due.push(strike),
                None => return,
            }
        }
    }

    /// Takes over the tasks that were started.
    fn adopt(&mut self) {
        let spawned = std::mem::take(&mut self.world.state().spawned);
        for spawned in spawned {
            let alive = self.world.state().is_alive(spawned.owner);
            if !alive {
                continue;
            }
            self.started += 1;
            let id = self.started;
            let waker = Arc::new(TaskWaker { task: id, ready: Arc::clone(&self.ready) });
            self.tasks.insert(
                id,
                Task {
                    owner: spawned.owner,
                    role: spawned.role,
                    future: spawned.future,
                    waker: Waker::from(waker),
                },
            );
            self.ready.push(id);
        }
    }

    /// Lets happen what has befallen the world since the last pause.
    fn strike(&mut self) {
        loop {
            let strikes = std::mem::take(&mut self.world.state().due);
            if strikes.is_empty() {
                return;
            }
            for strike in strikes {
                let struck = crate::strike::carry_out(&self.world, strike);
                self.clear(&struck);
            }
        }
    }

    /// Ends the tasks that a strike took. Each is dropped outside of the world's lock: its
    /// destructors act on the world, as far as a dead process can.
    fn clear(&mut self, struck: &[Struck]) {
        let careless = self.world.state().planted == Some(Planted::DiesWithCaller);
        for struck in struck {
            let gone: Vec<u64> = self
                .tasks
                .iter()
                .filter(|(_, task)| match struck {
                    Struck::Process(pid) => task.owner == *pid,
                    Struck::Callers(pid) => {
                        let is_callers =
                            task.role == Role::Caller || careless && task.role == Role::Renewal;
                        task.owner == *pid && is_callers
                    }
                })
                .map(|(id, _)| *id)
                .collect();
            for id in gone {
                drop(self.tasks.remove(&id));
            }
        }
    }

    /// Polls one task that is ready and whose process runs. `false`: there is none.
    fn poll_one(&mut self) -> bool {
        let id = {
            let mut state = self.world.state();
            let Some(id) = self.ready.take(&mut state) else { return false };
            let Some(task) = self.tasks.get(&id) else { return true };
            if let Some(thaws) = state.frozen_until(task.owner) {
                let after = thaws.saturating_sub(state.now);
                state.enter(after, Due::Wake(task.waker.clone()));
                state.parked.push(task.waker.clone());
                return true;
            }
            id
        };
        let Some(mut task) = self.tasks.remove(&id) else { return true };
        let waker = task.waker.clone();
        let mut context = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| task.future.as_mut().poll(&mut context)));
        match polled {
            Ok(Poll::Pending) => {
                self.tasks.insert(id, task);
            }
            Ok(Poll::Ready(())) => {}
            Err(_) => {
                let what = format_args!("a task of P{}", task.owner.slot + 1);
                self.world.state().violate(Invariant::Panic, what);
            }
        }
        true
    }

    /// Drops everything that still runs.
    pub(crate) fn end(&mut self) {
        self.tasks.clear();
    }
}
