//! The same run is the same, byte for byte, whoever makes it and beside whatever else.

use std::num::NonZero;
use std::thread;

use unlapse_sim::{Entry, Hunt, Planted, Progress, Replay, Tally, exhaustive};

/// Worlds with several callers and processes are among these, whose wakings have no order.
const SEEDS: u64 = 60;

fn run(replay: &Replay) -> (u64, Vec<Entry>) {
    let outcome = replay.run(None, true).expect("a seed is always a world");
    (outcome.hash, outcome.entries)
}

fn hunt(threads: usize, planted: Option<Planted>) -> Tally {
    let threads = NonZero::new(threads).expect("a number of threads that is not zero");
    let hunt = Hunt { planted, cases: false, seeds: 0..SEEDS, threads };
    hunt.run(&Progress::default(), || false)
}

#[test]
fn the_same_seed_gives_the_same_hash_and_the_same_trace_on_any_thread() {
    for seed in 0..SEEDS {
        let replay = Replay::Seed(seed);
        let here = run(&replay);
        let there = thread::scope(|scope| {
            scope.spawn(|| run(&replay)).join().expect("a run catches its panics")
        });
        assert!(!here.1.is_empty());
        assert_eq!(here, there, "seed {seed}");
    }
}

#[test]
fn what_is_not_kept_is_hashed_all_the_same() {
    for seed in 0..5 {
        let replay = Replay::Seed(seed);
        let dropped = replay.run(None, false).expect("a seed is always a world");
        assert_eq!((dropped.hash, dropped.entries.len()), (run(&replay).0, 0));
    }
}

#[test]
fn many_runs_come_to_the_same_on_any_number_of_threads() {
    let one = hunt(1, None);
    assert_eq!(one.runs, SEEDS);
    assert_eq!(one, hunt(3, None));
    assert_ne!(one.hash, hunt(1, Some(Planted::RejectOn503)).hash, "a hash that names nothing");
}

#[test]
fn what_an_exhaustive_run_found_is_found_again_by_its_name() {
    let case = exhaustive::cases(Some(Planted::DiesWithCaller)).remove(0);
    let mut broken = Vec::new();
    case.run(|struck, outcome| {
        if !outcome.violations.is_empty() {
            broken.push((Replay::Case(case.name().to_owned(), struck.clone()), outcome));
        }
        true
    });
    assert!(!broken.is_empty(), "a renewal that dies with its caller breaks a first login");
    for (replay, outcome) in broken {
        let again = replay.run(Some(Planted::DiesWithCaller), false).expect("the case exists");
        assert_eq!((again.hash, again.violations), (outcome.hash, outcome.violations));
    }
}
