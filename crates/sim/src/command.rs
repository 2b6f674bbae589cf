//! Carries out what a person asked for, and says with the exit status what came of it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use unlapse_sim::{Hunt, Planted, Progress, Proof, Violation, exhaustive, look_for};

use crate::chart::Chart;
use crate::options::{HELP, Many, One, Order, Seeds};
use crate::watch::{self, Watch};
use crate::{diagram, planted_table, report, svg};

/// Seeds that a planted bug is looked for in, when no exhaustive case has found it.
const SEEDS_A_BUG: u64 = 2_000;

/// Does it.
pub(crate) fn carry_out(order: &Order) -> ExitCode {
    match order {
        Order::Help => println!("{HELP}"),
        Order::List => {
            for (number, case) in exhaustive::cases(None).iter().enumerate() {
                println!("{number:4} {}", case.name());
            }
        }
        Order::Hunt(many) => return hunt(many),
        Order::Replay(one) => return replay(one),
        Order::Planted => return planted(),
    }
    ExitCode::SUCCESS
}

fn verdict(is_well: bool) -> ExitCode {
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn threads() -> NonZero<usize> {
    thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN)
}

fn hunt(many: &Many) -> ExitCode {
    let watch = Watch::start();
    let (seeds, during) = match &many.seeds {
        Seeds::Range(seeds) => (seeds.clone(), None),
        Seeds::During(during, from) => {
            let from = from.unwrap_or_else(watch::seed);
            println!("from seed {from}");
            (from..u64::MAX, Some(*during))
        }
    };
    let hunt = Hunt { planted: many.bug, cases: many.cases, seeds, threads: threads() };
    let progress = Progress::default();
    let is_over = || during.is_some_and(|during| watch.elapsed() >= during);
    let tally = watch::with_line(&progress, || hunt.run(&progress, is_over));
    if many.hash {
        println!("{:016x}", tally.hash);
    } else {
        print!("{}", report::page(&tally, watch.elapsed(), many.bug, many.all));
    }
    verdict(tally.found.is_empty())
}

fn replay(one: &One) -> ExitCode {
    let outcome = match one.replay.run(one.bug, true) {
        Ok(outcome) => outcome,
        Err(mistake) => {
            eprintln!("{mistake}");
            return ExitCode::from(2);
        }
    };
    let chart = Chart::of(&outcome.entries, one.all);
    let mut page = diagram::drawn(&chart);
    let _ = writeln!(page, "\n{}\nhash {:016x}", outcome.name, outcome.hash);
    for lost in &outcome.lost {
        let _ = writeln!(page, "lost unavoidably: {lost}");
    }
    for Violation { invariant, at, what } in &outcome.violations {
        let _ = writeln!(page, "VIOLATION of {invariant} at {at:?}: {what}");
    }
    if outcome.violations.is_empty() {
        page.push_str("no promise was broken\n");
    }
    // Whoever has seen enough closes the pipe, and that is no failure.
    let _ = io::stdout().write_all(page.as_bytes());
    if let Some(file) = &one.svg
        && let Err(error) = write(file, &svg::drawn(&chart, &outcome.name))
    {
        eprintln!("{file}: {error}");
        return ExitCode::FAILURE;
    }
    verdict(outcome.violations.is_empty())
}

#[expect(clippy::disallowed_methods, reason = "a picture that a person asked for by its name")]
fn write(file: &str, picture: &str) -> std::io::Result<()> {
    std::fs::write(file, picture)
}

/// Looks for every planted bug, each on one thread, so that the table is the same on any machine.
fn planted() -> ExitCode {
    let next = AtomicUsize::new(0);
    let proofs: Mutex<Vec<Proof>> = Mutex::default();
    let look = || {
        while let Some(bug) = Planted::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let proof = look_for(*bug, SEEDS_A_BUG);
            eprintln!("{bug:?}: {} runs", proof.runs);
            proofs.lock().unwrap_or_else(PoisonError::into_inner).push(proof);
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads().get() {
            scope.spawn(look);
        }
    });
    let mut proofs = proofs.into_inner().unwrap_or_else(PoisonError::into_inner);
    proofs.sort_by_key(|proof| proof.bug);
    print!("{}", planted_table::table(&proofs));
    verdict(proofs.iter().all(|proof| proof.found.is_some()))
}
