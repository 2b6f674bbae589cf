//! Every scenario, struck after every step.

use crate::fault::Fault;
use crate::planted::Planted;
use crate::run::{Outcome, Setup, run};
use crate::scenario::{self, Scenario};
use crate::strike::Strike;

/// The seed of all exhaustive runs: it only decides how long each step takes.
pub const SEED: u64 = 1;

/// One scenario with everything that is to befall it.
#[derive(Clone, Debug)]
pub struct Case {
    setup: Setup,
    faults: Vec<Fault>,
    in_pairs: bool,
}

/// Every case.
pub fn cases(planted: Option<Planted>) -> Vec<Case> {
    let with = |Scenario { mut setup, faults, in_pairs }| {
        setup.planted = planted;
        Case { setup, faults, in_pairs }
    };
    scenario::all().into_iter().map(with).collect()
}

impl Case {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.setup.name
    }

    /// What is tried after each of its steps.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Runs it undisturbed, then once for each step and fault, and each pair of deaths. `found` is
    /// told of every run, and says whether to go on.
    pub fn run(&self, mut found: impl FnMut(&Struck, Outcome) -> bool) {
        let calm = run(&self.setup, SEED, false);
        let steps = calm.steps;
        if !found(&Struck(Vec::new()), calm) {
            return;
        }
        for step in 1..=steps {
            for fault in &self.faults {
                if !self.strike(&[(step, *fault)], &mut found) {
                    return;
                }
            }
        }
        if !self.in_pairs {
            return;
        }
        for first in 1..=steps {
            for second in 1..=steps {
                if !self.strike(&[(first, Fault::Kill(0)), (second, Fault::Kill(1))], &mut found) {
                    return;
                }
            }
        }
    }

    fn strike(
        &self,
        strikes: &[(u64, Fault)],
        found: &mut impl FnMut(&Struck, Outcome) -> bool,
    ) -> bool {
        let outcome = self.replay(strikes, false);
        found(&Struck(strikes.to_vec()), outcome)
    }

    /// Runs it once more with these strikes.
    pub fn replay(&self, strikes: &[(u64, Fault)], keep: bool) -> Outcome {
        let mut setup = self.setup.clone();
        let strikes = strikes.iter().map(|(step, fault)| (*step, Strike::Fault(*fault)));
        setup.strikes = strikes.collect();
        run(&setup, SEED, keep)
    }
}

/// What befell a run, and after which steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck(pub Vec<(u64, Fault)>);

impl std::fmt::Display for Struck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (number, (step, fault)) in self.0.iter().enumerate() {
            let and = if number > 0 { ", " } else { "" };
            write!(f, "{and}{fault:?} after step {step}")?;
        }
        Ok(())
    }
}
