//! Runs one test body under many schedules.
//!
//! A failure prints the schedule that led to it, and how to run that one alone.

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler, Scheduler};
use shuttle::{Config, Runner};

/// Schedules that each test tries, unless `UNLAPSE_THREADS_SCHEDULES` says otherwise.
const SCHEDULES: usize = 2_000;

/// Runs `body` under as many schedules as were asked for: half of them random, half with few
/// preemptions at random places (PCT), which finds what takes an exact order of few steps.
pub fn explore(body: impl Fn() + Send + Sync + Clone + 'static) {
    if replay(body.clone()) {
        return;
    }
    let schedules = number("UNLAPSE_THREADS_SCHEDULES").unwrap_or(SCHEDULES);
    // The same schedules each time, so that CI says the same of the same code.
    let seed = number("UNLAPSE_THREADS_SEED").unwrap_or(7) as u64;
    run("random", RandomScheduler::new_from_seed(seed, schedules / 2), body.clone());
    run("PCT", PctScheduler::new_from_seed(seed, 3, schedules / 2), body);
}

/// Runs the one schedule that was asked for.
fn replay(body: impl Fn() + Send + Sync + 'static) -> bool {
    let Ok(schedule) = env::var("UNLAPSE_THREADS_REPLAY") else { return false };
    run("replayed", ReplayScheduler::new_from_encoded(&schedule), body);
    true
}

#[expect(clippy::print_stderr, reason = "beside what shuttle prints")]
fn run(kind: &str, scheduler: impl Scheduler + 'static, body: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.silence_warnings = true;
    config.stack_size = 0x8_0000;
    let runner = Runner::new(scheduler, config);
    let tried = Arc::new(AtomicUsize::new(0));
    let trying = Arc::clone(&tried);
    let counted = move || {
        trying.fetch_add(1, Ordering::Relaxed);
        body();
    };
    if let Err(failure) = catch_unwind(AssertUnwindSafe(|| runner.run(counted))) {
        let name = thread::current().name().unwrap_or("the test").to_owned();
        let tried = tried.load(Ordering::Relaxed);
        eprintln!(
            "failed in the {kind} schedule number {tried}; to run it alone, with what is printed above:\n  \
         UNLAPSE_THREADS_REPLAY=<schedule> cargo xtask threads {name}"
        );
        resume_unwind(failure);
    }
}

fn number(name: &str) -> Option<usize> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}
