//! A world around the unchanged client in which every effect is a step of its own: tasks run on the
//! exploring scheduler, time stands still unless a test moves it, and what waits for time alone waits
//! for ever, so that a wake-up that is lost ends in a deadlock that the scheduler reports.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use shuttle::future::JoinHandle;
use shuttle::sync::Mutex;
use unlapse::{Bearer, Builder, Clock, Key, Policy, Spawn, TokenSource};
use unlapse_core::{BootTime, BoxFuture, Now, Reuse, UnixTime};

use crate::records::Records;
use crate::server::Server;

/// One server, one store, one process.
pub struct World {
    pub server: Arc<Server>,
    pub store: Arc<Records>,
    pub clock: Arc<StillClock>,
    pub tasks: Arc<Tasks>,
    pub policy: Policy,
    headers: Mutex<BTreeMap<u64, String>>,
}

impl World {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            server: Arc::default(),
            store: Arc::default(),
            clock: Arc::default(),
            tasks: Arc::default(),
            // A failure is not waited out: time stands still.
            policy: Policy { reuse: Reuse::Stable, attempts: 1, ..Policy::default() },
            headers: Mutex::default(),
        })
    }

    pub fn builder(&self) -> Builder {
        let (store, server) = (Arc::clone(&self.store), Arc::clone(&self.server));
        let (clock, tasks) = (Arc::clone(&self.clock), Arc::clone(&self.tasks));
        Builder::with_effects(Key::new("acme"), store, server, clock, tasks, 7)
            .policy(self.policy.clone())
    }

    /// A process without a keeper.
    pub async fn process(&self) -> TokenSource {
        self.builder().ahead_of_time(false).build().await
    }

    /// A process with a login of an hour's token, generation 1.
    pub async fn logged_in(&self) -> TokenSource {
        let process = self.process().await;
        self.log_in(&process).await;
        process
    }

    /// A person logs in.
    pub async fn log_in(&self, process: &TokenSource) {
        let grant = self.server.open();
        process.edit(|record, now| record.logged_in(grant, now)).await.expect("logged in");
    }

    /// The generation of what a caller was given. A generation has one header, for every reader.
    pub fn generation(&self, bearer: &Bearer) -> u64 {
        let header = bearer.header().to_str().expect("ASCII").to_owned();
        let mut headers = self.headers.lock().expect("not poisoned");
        let known = headers.entry(bearer.generation()).or_insert_with(|| header.clone());
        assert_eq!(*known, header, "generation {} has two headers", bearer.generation());
        bearer.generation()
    }

    /// What the hot path serves now.
    pub fn served(&self, process: &TokenSource) -> Option<u64> {
        process.bearer_now().map(|bearer| self.generation(&bearer))
    }
}

/// A clock that only a test moves.
#[derive(Default)]
pub struct StillClock {
    millis: AtomicU64,
}

impl StillClock {
    pub fn pass(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).expect("a test's time");
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Now {
        let millis = self.millis.load(Ordering::SeqCst);
        Now {
            wall: UnixTime::from_millis(1_000_000_000 + millis),
            boot: BootTime { boot: 1, millis: 5_000 + millis },
        }
    }

    fn coarse(&self) -> UnixTime {
        self.now().wall
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if duration.is_zero() { Box::pin(async {}) } else { Box::pin(std::future::pending()) }
    }
}

/// Tasks on the exploring scheduler. One that panics ends, and nothing else does.
#[derive(Default)]
pub struct Tasks {
    running: Mutex<Vec<JoinHandle<()>>>,
    /// The next task dies after so many polls.
    dies_after: Mutex<Option<usize>>,
}

impl Tasks {
    /// The next task that is started dies at its `polls`th step: what it holds is dropped.
    pub fn kill_next(&self, polls: usize) {
        *self.dies_after.lock().expect("not poisoned") = Some(polls);
    }

    /// Waits until every task has ended.
    pub async fn ended(&self) {
        loop {
            let Some(task) = self.running.lock().expect("not poisoned").pop() else { return };
            task.await.expect("not cancelled");
        }
    }
}

impl Spawn for Tasks {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let polls = self.dies_after.lock().expect("not poisoned").take();
        let task = Mortal { task: Some(task), polls: polls.unwrap_or(usize::MAX) };
        self.running.lock().expect("not poisoned").push(shuttle::future::spawn(task));
    }
}

struct Mortal {
    task: Option<BoxFuture<'static, ()>>,
    polls: usize,
}

impl Future for Mortal {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(polls) = self.polls.checked_sub(1) else {
            self.task = None;
            return Poll::Ready(());
        };
        self.polls = polls;
        let Some(task) = &mut self.task else { return Poll::Ready(()) };
        match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(panic) if panic.is::<Planted>() => {
                self.task = None;
                Poll::Ready(())
            }
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// What a planted panic carries: unlike a failing test's, it is caught.
pub struct Planted;

/// A point where a task may be dropped, and others go first.
pub async fn step() {
    let mut first = true;
    std::future::poll_fn(|context| {
        if !std::mem::take(&mut first) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
