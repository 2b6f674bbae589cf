//! What a submission must pass. Every step runs although one before it failed: a person who waits
//! for CI wants to hear of everything at once.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::metadata::{self, Metadata};
use crate::report::Report;
use crate::test::{self, Suites};
use crate::{api, arrows, licences, process, sim, threads};

#[derive(Debug)]
struct Done {
    name: &'static str,
    passed: bool,
    time: Duration,
}

/// Runs every step, sums up, and prints the tests' totals last.
pub(crate) fn run() -> bool {
    let mut done = vec![
        step("fmt", || each_workspace(&["fmt", "--all"], &["--check"])),
        step("clippy", || {
            let target = Metadata::of(metadata::MAIN)?.target_directory;
            let target = target.to_string_lossy();
            let clippy = ["clippy", "--workspace", "--all-targets", "--target-dir", &*target];
            each_workspace(&clippy, &["--", "-D", "warnings"])
        }),
        step("doc", || {
            let mut doc = process::cargo();
            doc.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
            process::show(&mut doc)
        }),
        step("api", || api::run(false)),
        step("arrows", arrows::run),
        step("licences", licences::run),
        step("threads", || threads::run(None)),
        step("sim", sim::ci),
    ];
    let mut report = Report::nothing_ran();
    done.push(step("test", || {
        let outcome = test::run(Suites::Full)?;
        let success = outcome.is_success();
        report = outcome.report;
        if success { Ok(()) } else { Err(anyhow::anyhow!("see above")) }
    }));
    print!("\n{}", summary(&done));
    println!("{}", report.totals());
    done.iter().all(|step| step.passed)
}

/// Runs cargo with these arguments, the workspace's manifest between them, in each that is tested.
fn each_workspace(before: &[&str], after: &[&str]) -> Result<()> {
    for manifest in test::WORKSPACES {
        let mut cargo = process::cargo();
        cargo.args(before).args(["--manifest-path", manifest]).args(after);
        process::show(&mut cargo)?;
    }
    Ok(())
}

fn step(name: &'static str, work: impl FnOnce() -> Result<()>) -> Done {
    println!("\n== {name}");
    let start = Instant::now();
    let result = work();
    let time = start.elapsed();
    match &result {
        Ok(()) => println!("== {name}: ok, {:.1} s", time.as_secs_f64()),
        Err(error) => println!("== {name}: FAILED, {:.1} s: {error:#}", time.as_secs_f64()),
    }
    Done { name, passed: result.is_ok(), time }
}

fn summary(done: &[Done]) -> String {
    let mut page = String::new();
    for Done { name, passed, time } in done {
        let verdict = if *passed { "ok" } else { "FAILED" };
        let _ = writeln!(page, "{name:8}  {verdict:6}  {:6.1} s", time.as_secs_f64());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_a_line_for_each_step() {
        let time = Duration::from_millis(1250);
        let done = [
            Done { name: "fmt", passed: true, time },
            Done { name: "licences", passed: false, time: time * 60 },
        ];
        let page = "fmt       ok         1.2 s\nlicences  FAILED    75.0 s\n";
        assert_eq!(summary(&done), page);
    }

    #[test]
    fn a_step_that_fails_is_reported_and_does_not_stop_the_rest() {
        assert!(!step("fails", || anyhow::bail!("why")).passed);
        assert!(step("works", || Ok(())).passed);
    }
}
