//! The simulator is tried too: a bug is planted, and looked for.

use crate::exhaustive;
use crate::invariant::Invariant;
use crate::planted::Planted;
use crate::random;
use crate::replay::Replay;
use crate::run::{Outcome, run};

/// What came of looking for a planted bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The bug.
    pub bug: Planted,
    /// The promise that it broke, and the run in which it did; `None`: it was not found.
    pub found: Option<(Invariant, Replay)>,
    /// Runs that it took.
    pub runs: u64,
}

/// Random worlds after each exhaustive case: some bugs show in the one, some in the other.
const SEEDS_A_CASE: usize = 5;

/// Looks for a bug: in the exhaustive cases, with random worlds between them, until it is found or
/// all cases and so many seeds were tried.
///
/// It is found in a run that breaks a promise with the bug, and none without it: what is wrong
/// anyway proves nothing.
pub fn look_for(bug: Planted, seeds: u64) -> Proof {
    let mut proof = Proof { bug, found: None, runs: 0 };
    let mut seeds = 0..seeds;
    for case in exhaustive::cases(Some(bug)) {
        case.run(|struck, outcome| {
            proof.take(&outcome, || Replay::Case(case.name().to_owned(), struck.clone()))
        });
        let some = seeds.by_ref().take(SEEDS_A_CASE);
        if proof.found.is_some() || proof.is_in(some) {
            return proof;
        }
    }
    proof.is_in(seeds);
    proof
}

impl Proof {
    /// Looks in the worlds of these seeds.
    fn is_in(&mut self, seeds: impl Iterator<Item = u64>) -> bool {
        for seed in seeds {
            let outcome = run(&random::setup(seed, Some(self.bug)), seed, false);
            if !self.take(&outcome, || Replay::Seed(seed)) {
                return true;
            }
        }
        false
    }

    /// Looks at one more run; `false`: it has found the bug.
    fn take(&mut self, outcome: &Outcome, replay: impl FnOnce() -> Replay) -> bool {
        self.runs += 1;
        let Some(first) = outcome.violations.first() else { return true };
        let replay = replay();
        let is_clean = replay.run(None, false).is_ok_and(|without| without.violations.is_empty());
        if is_clean {
            self.found = Some((first.invariant, replay));
        }
        !is_clean
    }
}
