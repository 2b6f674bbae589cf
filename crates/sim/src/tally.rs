//! What many runs came to, in whatever order they were made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use unlapse_core::Row;

use crate::invariant::Invariant;
use crate::replay::Replay;
use crate::run::Outcome;

/// A step and a fault that met.
pub type Met = (&'static str, &'static str);

/// The sum of many runs. Two sums over the same runs are equal, whoever made which of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Steps before all was well again, each of which could have been the last.
    pub steps: u64,
    /// Requests at the token endpoint.
    pub requests: u64,
    /// Names everything that happened in all runs.
    pub hash: u64,
    /// How often each fault happened.
    pub faults: BTreeMap<&'static str, u64>,
    /// Steps and faults that met.
    pub met: BTreeSet<Met>,
    /// The same in each scenario.
    pub met_in: BTreeMap<String, BTreeSet<Met>>,
    /// Rows of `plan` that were reached.
    pub planned: BTreeSet<Row>,
    /// Rows of `classify` that were reached.
    pub rows: BTreeSet<&'static str>,
    /// Logins that were lost, where a fault made that unavoidable.
    pub lost: u64,
    /// How often each promise was broken.
    pub broken: BTreeMap<Invariant, u64>,
    /// Runs that broke one, in their order.
    pub found: BTreeMap<Order, Found>,
}

/// Where a run stands among all: cases come before seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// A case, and the number of the run in it.
    Case(usize, u64),
    /// A seed.
    Seed(u64),
}

/// A run that broke a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// How to run it again.
    pub replay: Replay,
    /// The first promise that it broke.
    pub invariant: Invariant,
    /// When it did.
    pub at: Duration,
    /// How it did.
    pub what: String,
}

impl Tally {
    /// Adds a run. What it costs to name it is spent only if it broke a promise.
    pub fn add(&mut self, order: Order, outcome: Outcome, replay: impl FnOnce() -> Replay) {
        self.runs += 1;
        self.steps += outcome.steps;
        self.requests += outcome.requests;
        // A sum has no order; mixed, equal runs do not cancel one another.
        self.hash = self.hash.wrapping_add(mixed(order, outcome.hash));
        for (fault, times) in outcome.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        self.met.extend(&outcome.covered);
        let scenario = match order {
            Order::Case(..) => outcome.name.as_str(),
            // `seed 5: strict known as unknown`: what a seed makes up is a scenario a class.
            Order::Seed(_) => outcome.name.split_once(": ").map_or("", |(_, class)| class),
        };
        if let Some(met) = self.met_in.get_mut(scenario) {
            met.extend(outcome.covered);
        } else {
            self.met_in.insert(scenario.to_owned(), outcome.covered);
        }
        self.planned.extend(outcome.planned);
        self.rows.extend(outcome.rows);
        self.lost += outcome.lost.len() as u64;
        for violation in &outcome.violations {
            *self.broken.entry(violation.invariant).or_default() += 1;
        }
        if let Some(first) = outcome.violations.into_iter().next() {
            let (invariant, at, what) = (first.invariant, first.at, first.what);
            self.found.insert(order, Found { replay: replay(), invariant, at, what });
        }
    }

    /// Both together.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.runs += other.runs;
        self.steps += other.steps;
        self.requests += other.requests;
        self.hash = self.hash.wrapping_add(other.hash);
        for (fault, times) in other.faults {
            *self.faults.entry(fault).or_default() += times;
        }
        self.met.extend(other.met);
        for (scenario, met) in other.met_in {
            self.met_in.entry(scenario).or_default().extend(met);
        }
        self.planned.extend(other.planned);
        self.rows.extend(other.rows);
        self.lost += other.lost;
        for (invariant, times) in other.broken {
            *self.broken.entry(invariant).or_default() += times;
        }
        self.found.extend(other.found);
        self
    }
}

/// The finaliser of `SplitMix64` over a run's place and its hash.
fn mixed(order: Order, hash: u64) -> u64 {
    let place = match order {
        Order::Case(case, run) => ((case as u64 + 1) << 40) ^ run,
        Order::Seed(seed) => !seed,
    };
    let mut mixed = hash ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
