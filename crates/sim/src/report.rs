//! What many runs came to, for a person.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use unlapse_core::Row;
use unlapse_sim::{ANSWERS, Found, Invariant, Planted, REST, Tally};

/// Runs of each kind that are listed unless all are asked for.
const FEW: usize = 5;

/// The whole page.
pub(crate) fn page(tally: &Tally, time: Duration, bug: Option<Planted>, all: bool) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        page,
        "{} runs, {} steps, {} requests in {:.1} s; hash {:016x}\n",
        tally.runs,
        tally.steps,
        tally.requests,
        time.as_secs_f64(),
        tally.hash,
    );
    page += &faults(tally);
    page += &coverage(tally);
    page += &violations(tally, bug, all);
    page
}

/// How often each fault happened.
fn faults(tally: &Tally) -> String {
    let width = tally.faults.keys().map(|fault| fault.len()).max().unwrap_or(0);
    let mut table = String::from("faults\n");
    for (fault, times) in &tally.faults {
        let _ = writeln!(table, "  {fault:width$}  {times:>9}");
    }
    table
}

/// What was met.
fn coverage(tally: &Tally) -> String {
    let in_scenarios: usize = tally.met_in.values().map(std::collections::BTreeSet::len).sum();
    let rows = ANSWERS.iter().filter(|row| tally.rows.contains(*row)).count();
    let missing: Vec<&str> =
        ANSWERS.iter().copied().filter(|row| !tally.rows.contains(row)).collect();
    let plans = Row::ALL.iter().filter(|row| tally.planned.contains(*row)).count();
    let unplanned = Row::ALL.iter().filter(|row| !tally.planned.contains(*row));
    let unplanned: Vec<String> = unplanned.map(|row| format!("{row:?}")).collect();
    let mut text = format!(
        "\ncoverage\n  step × fault             {:>9}\n  scenario × step × fault  {in_scenarios:>9}\
         \n  rows of `plan`           {:>9}\n  rows of `classify`       {:>9}\n",
        tally.met.len(),
        format!("{plans} of {}", Row::ALL.len()),
        format!("{rows} of {}", ANSWERS.len()),
    );
    if !unplanned.is_empty() {
        let _ = writeln!(text, "    not reached: {}", unplanned.join(", "));
    }
    if !missing.is_empty() {
        let _ = writeln!(text, "    not reached: {}", missing.join("; "));
    }
    let _ = writeln!(text, "  logins lost unavoidably  {:>9}", tally.lost);
    let _ = writeln!(text, "  seconds to rest, healed  {:>9}", REST.as_secs());
    text
}

/// Which promises were broken, and a command for each run that broke one.
fn violations(tally: &Tally, bug: Option<Planted>, all: bool) -> String {
    if tally.broken.is_empty() {
        return "\nno promise was broken\n".to_owned();
    }
    let mut text = format!("\nVIOLATIONS in {} runs\n", tally.found.len());
    for (invariant, times) in &tally.broken {
        let _ = writeln!(text, "  {:20}  {times:>9}", invariant.to_string());
    }
    let mut by_first: BTreeMap<Invariant, Vec<&Found>> = BTreeMap::new();
    for found in tally.found.values() {
        by_first.entry(found.invariant).or_default().push(found);
    }
    for (invariant, runs) in by_first {
        let shown = if all { runs.len() } else { FEW.min(runs.len()) };
        let _ = writeln!(text, "\n{invariant}: first broken in {} runs", runs.len());
        for found in &runs[..shown] {
            let _ = writeln!(text, "  {} at {:?}", found.what, found.at);
            let _ = writeln!(text, "    {}", again(found, bug));
        }
        if shown < runs.len() {
            let _ = writeln!(text, "  … and {} more: --all lists them", runs.len() - shown);
        }
    }
    text
}

/// The command that runs it again.
fn again(found: &Found, bug: Option<Planted>) -> String {
    let bug = bug.map_or_else(String::new, |bug| format!(" --bug {bug:?}"));
    format!("cargo xtask sim {}{bug}", found.replay)
}

#[cfg(test)]
mod tests {
    use unlapse_sim::{Order, Replay};

    use super::*;

    fn broken() -> Tally {
        let found = |seed| Found {
            replay: Replay::Seed(seed),
            invariant: Invariant::Lease,
            at: Duration::from_millis(1500),
            what: format!("P{seed} sends"),
        };
        let found = (0..7).map(|seed| (Order::Seed(seed), found(seed))).collect();
        Tally { runs: 9, broken: [(Invariant::Lease, 8)].into(), found, ..Tally::default() }
    }

    #[test]
    fn every_run_that_broke_a_promise_has_one_command() {
        let page = page(&broken(), Duration::ZERO, Some(Planted::NoIntent), true);
        for seed in 0..7 {
            let command = format!("cargo xtask sim --seed {seed} --bug NoIntent\n");
            assert_eq!(page.matches(&command).count(), 1, "{page}");
        }
        assert!(
            page.contains("VIOLATIONS in 7 runs\n  lease (R1, R19)               8\n"),
            "{page}"
        );
    }

    #[test]
    fn unless_asked_for_only_a_few_are_listed_and_the_rest_counted() {
        let page = page(&broken(), Duration::ZERO, None, false);
        assert_eq!(page.matches("cargo xtask sim --seed").count(), FEW);
        assert!(page.contains("… and 2 more"), "{page}");
    }

    #[test]
    fn what_was_not_reached_is_named() {
        let rows = ANSWERS[1..].iter().copied().collect();
        let tally = Tally { rows, lost: 3, ..Tally::default() };
        let page = page(&tally, Duration::from_secs(2), None, false);
        assert!(page.contains(&format!("{} of {}", ANSWERS.len() - 1, ANSWERS.len())), "{page}");
        assert!(page.contains(&format!("not reached: {}\n", ANSWERS[0])), "{page}");
        assert!(page.contains("logins lost unavoidably          3"), "{page}");
        assert!(page.ends_with("no promise was broken\n"));
    }
}
