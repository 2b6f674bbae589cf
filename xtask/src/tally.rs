//! Reads what `cargo test` prints and counts, crate by crate.
//!
//! A line of cargo's names the binary that starts; the lines that follow are that binary's own.
//! A binary that ends without a `test result:` counts as one test, failed when cargo says so:
//! a crash must not look like nothing to do.

use std::collections::HashMap;
use std::time::Duration;

use crate::report::{Counts, Report};

/// The test binaries of the workspace, known before they run.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Crates by the file name of each of their test binaries.
    pub(crate) binaries: HashMap<String, String>,
    /// Crates by the name of the library whose documentation is tried.
    pub(crate) docs: HashMap<String, String>,
}

#[derive(Debug)]
pub(crate) struct Tally {
    plan: Plan,
    started: usize,
    current: Option<Current>,
    report: Report,
}

#[derive(Debug)]
struct Current {
    name: String,
    since: Duration,
    counts: Counts,
    concluded: bool,
    blamed: bool,
}

impl Tally {
    pub(crate) fn new(plan: Plan) -> Self {
        Self { plan, started: 0, current: None, report: Report::default() }
    }

    /// Takes one line, seen at `at` since the start. Returns how far the run is when a binary
    /// starts, as "3/17".
    pub(crate) fn line(&mut self, at: Duration, line: &str) -> Option<String> {
        if let Some(name) = self.starting(line) {
            self.conclude(at);
            let current = Current {
                name,
                since: at,
                counts: Counts::default(),
                concluded: false,
                blamed: false,
            };
            self.current = Some(current);
            self.started += 1;
            let all = (self.plan.binaries.len() + self.plan.docs.len()).max(self.started);
            return Some(format!("{}/{all}", self.started));
        }
        if let Some(current) = &mut self.current {
            if let Some(counts) = result(line) {
                current.counts += counts;
                current.concluded = true;
            } else if line.starts_with("error: test failed, to rerun")
                || line.starts_with("error: doctest failed, to rerun")
            {
                current.blamed = true;
            }
        }
        None
    }

    /// The end of the output.
    pub(crate) fn finish(mut self, at: Duration) -> Report {
        self.conclude(at);
        self.report
    }

    /// The crate whose tests this line says are about to run.
    fn starting(&self, line: &str) -> Option<String> {
        let line = line.trim_start();
        if let Some(library) = line.strip_prefix("Doc-tests ") {
            return Some(self.plan.docs.get(library).map_or(library, String::as_str).to_owned());
        }
        let (_, path) = line.strip_prefix("Running ")?.strip_suffix(')')?.rsplit_once('(')?;
        let file = path.rsplit(['/', '\\']).next()?;
        Some(self.plan.binaries.get(file).map_or(file, String::as_str).to_owned())
    }

    fn conclude(&mut self, at: Duration) {
        let Some(Current { name, since, mut counts, concluded, blamed }) = self.current.take()
        else {
            return;
        };
        if blamed && counts.failed == 0 {
            counts.failed = 1;
        } else if !concluded {
            counts.passed = 1;
        }
        counts.time = at.saturating_sub(since);
        self.report.add(&name, counts);
    }
}

/// Reads `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; …`.
fn result(line: &str) -> Option<Counts> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |of: &str| {
        let mut parts = numbers.split("; ");
        parts.find_map(|part| part.strip_suffix(of)?.trim().parse().ok())
    };
    Some(Counts {
        passed: number("passed")?,
        failed: number("failed")?,
        ignored: number("ignored")?,
        time: Duration::ZERO,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
        };
        Tally::new(Plan {
            binaries: pairs(&[("a-01", "unlapse-a"), ("slow-02", "unlapse-a"), ("b-03", "b")]),
            docs: pairs(&[("unlapse_a", "unlapse-a")]),
        })
    }

    /// Feeds a page whose lines come a second apart.
    fn read(page: &str) -> (Report, Vec<String>) {
        let mut tally = tally();
        let mut seconds = 0;
        let mut progress = Vec::new();
        for line in page.lines() {
            progress.extend(tally.line(Duration::from_secs(seconds), line));
            seconds += 1;
        }
        (tally.finish(Duration::from_secs(seconds)), progress)
    }

    fn counts(passed: u64, failed: u64, ignored: u64, seconds: u64) -> Counts {
        Counts { passed, failed, ignored, time: Duration::from_secs(seconds) }
    }

    #[test]
    fn binaries_and_documentation_add_up_by_crate() {
        let (report, progress) = read(
            "\
   Compiling unlapse-a v0.1.0 (/repository/crates/a)
     Running unittests src/lib.rs (target/debug/deps/a-01)
running 6 tests
test x ... ok
test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s
     Running tests/slow.rs (target/debug/deps/slow-02)
test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s
     Running unittests src/main.rs (target/debug/deps/b-03)
test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
error: test failed, to rerun pass `-p b --bin b`
   Doc-tests unlapse_a
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s
test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s
error: 1 target failed:
    `-p b --bin b`",
        );
        assert_eq!(report.crates["unlapse-a"], counts(9, 0, 2, 4 + 2 + 5));
        assert_eq!(report.crates["b"], counts(3, 1, 0, 3));
        assert_eq!(progress, ["1/4", "2/4", "3/4", "4/4"]);
    }

    #[test]
    fn a_crash_is_a_failure_although_it_counted_nothing() {
        let (report, _) = read(
            "\
     Running tests/slow.rs (target/debug/deps/slow-02)
running 3 tests
error: test failed, to rerun pass `-p unlapse-a --test slow`

Caused by:
  process didn't exit successfully: `target/debug/deps/slow-02` (signal: 11, SIGSEGV)
     Running unittests src/main.rs (target/debug/deps/b-03)
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        assert_eq!(report.totals(), "3 passed, 1 failed, 0 skipped");
    }

    #[test]
    fn a_binary_without_the_usual_harness_counts_as_one_test() {
        let (report, _) = read("     Running tests/slow.rs (target/debug/deps/slow-02)\nfine");
        assert_eq!(report.totals(), "1 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn a_binary_nobody_announced_is_counted_under_its_file() {
        let (report, progress) = read(
            "\
     Running tests/new.rs (target/debug/deps/new-99)
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        assert!(report.crates.contains_key("new-99"));
        assert_eq!(progress, ["1/4"]);
    }

    #[test]
    fn only_a_whole_result_line_counts() {
        assert_eq!(result("test result: ok. many passed; 0 failed; 0 ignored"), None);
        assert_eq!(result("expected test result: ok. 1 passed; 0 failed; 0 ignored"), None);
    }
}
