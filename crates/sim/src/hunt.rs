//! Many runs, over all cores: each run has one thread, and no run knows of another.

use std::num::NonZero;
use std::ops::Range;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::exhaustive::{self, Case};
use crate::planted::Planted;
use crate::replay::Replay;
use crate::tally::{Order, Tally};

/// Which runs are made.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// A bug that all of them have.
    pub planted: Option<Planted>,
    /// Every exhaustive case.
    pub cases: bool,
    /// The random worlds.
    pub seeds: Range<u64>,
    /// How many run at a time.
    pub threads: NonZero<usize>,
}

/// How far a hunt is, for whoever watches it.
#[derive(Debug, Default)]
pub struct Progress {
    runs: AtomicU64,
    broken: AtomicU64,
}

impl Progress {
    /// Runs so far.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }

    /// Runs so far that broke a promise.
    pub fn broken(&self) -> u64 {
        self.broken.load(Ordering::Relaxed)
    }

    fn ran(&self, broke: bool) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.broken.fetch_add(u64::from(broke), Ordering::Relaxed);
    }
}

impl Hunt {
    /// Makes the runs, until all are made or `is_over` says so. What comes of them does not depend
    /// on the number of threads, unless `is_over` ends it.
    pub fn run(&self, progress: &Progress, is_over: impl Fn() -> bool + Sync) -> Tally {
        let cases = if self.cases { exhaustive::cases(self.planted) } else { Vec::new() };
        let work = Work { hunt: self, cases, next: AtomicU64::new(0), progress };
        thread::scope(|scope| {
            let worker = || work.go(&is_over);
            let workers: Vec<_> = (0..self.threads.get()).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .fold(Tally::default(), Tally::with)
        })
    }
}

/// What the threads of a hunt take their work from: whole cases first, since they take longest,
/// then seeds.
struct Work<'a> {
    hunt: &'a Hunt,
    cases: Vec<Case>,
    next: AtomicU64,
    progress: &'a Progress,
}

impl Work<'_> {
    fn go(&self, is_over: &(impl Fn() -> bool + Sync)) -> Tally {
        let mut tally = Tally::default();
        let cases = self.cases.len() as u64;
        while !is_over() {
            let taken = self.next.fetch_add(1, Ordering::Relaxed);
            let case = usize::try_from(taken).ok().and_then(|number| self.cases.get(number));
            if let (Some(case), Ok(number)) = (case, usize::try_from(taken)) {
                self.case(number, case, &mut tally, is_over);
                continue;
            }
            let seed = self.hunt.seeds.start.saturating_add(taken - cases);
            if seed >= self.hunt.seeds.end {
                break;
            }
            self.seed(seed, &mut tally);
        }
        tally
    }

    fn case(&self, number: usize, case: &Case, tally: &mut Tally, is_over: &impl Fn() -> bool) {
        let mut run = 0;
        case.run(|struck, outcome| {
            self.progress.ran(!outcome.violations.is_empty());
            let replay = || Replay::Case(case.name().to_owned(), struck.clone());
            tally.add(Order::Case(number, run), outcome, replay);
            run += 1;
            !is_over()
        });
    }

    fn seed(&self, seed: u64, tally: &mut Tally) {
        let setup = crate::random::setup(seed, self.hunt.planted);
        let outcome = crate::run(&setup, seed, false);
        self.progress.ran(!outcome.violations.is_empty());
        tally.add(Order::Seed(seed), outcome, || Replay::Seed(seed));
    }
}
