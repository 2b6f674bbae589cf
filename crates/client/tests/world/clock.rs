#![allow(clippy::disallowed_methods, reason = "the world owns its clock, sleep and spawn")]

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use unlapse::{Clock, Spawn};
use unlapse_core::{BootTime, BoxFuture, Now, UnixTime};

/// How far the coarse clock is behind, as a kernel's is by up to a tick.
const LAG: Duration = Duration::from_millis(4);

/// tokio's paused clock; the wall clock can be set apart from it.
pub struct WorldClock {
    start: tokio::time::Instant,
    shift: AtomicI64,
}

impl WorldClock {
    pub fn new() -> Self {
        Self { start: tokio::time::Instant::now(), shift: AtomicI64::new(0) }
    }

    /// What the wall clock says, in seconds.
    pub fn now_secs(&self) -> u64 {
        self.now().wall.as_secs()
    }

    /// Sets the wall clock forward or back.
    pub fn shift_wall(&self, millis: i64) {
        self.shift.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Now {
        let millis = u64::try_from(self.start.elapsed().as_millis()).unwrap();
        let wall =
            (1_000_000_000 + millis).saturating_add_signed(self.shift.load(Ordering::SeqCst));
        Now {
            wall: UnixTime::from_millis(wall),
            boot: BootTime { boot: 1, millis: 5_000 + millis },
        }
    }

    fn coarse(&self) -> UnixTime {
        self.now().wall.minus(LAG)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Spawns on tokio; a task of a process that is to die ends after so many polls, wherever it is:
/// what it holds is dropped, as the kernel would, and nothing else of it happens.
#[derive(Default)]
pub struct WorldSpawn {
    pub dies_after: Option<usize>,
}

impl Spawn for WorldSpawn {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        match self.dies_after {
            None => tokio::spawn(task),
            Some(polls) => tokio::spawn(Dying { task: Some(task), polls }),
        };
    }
}

struct Dying {
    task: Option<BoxFuture<'static, ()>>,
    polls: usize,
}

impl Future for Dying {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(polls) = self.polls.checked_sub(1) else {
            self.task = None;
            return Poll::Ready(());
        };
        self.polls = polls;
        match &mut self.task {
            Some(task) => task.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }
}
