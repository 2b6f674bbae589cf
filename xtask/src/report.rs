//! What a test run came to: a table with a line per crate, and the totals.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    pub(crate) time: Duration,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.ignored += more.ignored;
        self.time += more.time;
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) crates: BTreeMap<String, Counts>,
}

impl Report {
    /// For tests that never started: "0 failed" on the last line would hide it.
    pub(crate) fn nothing_ran() -> Self {
        let mut report = Self::default();
        report.add("(nothing ran)", Counts { failed: 1, ..Counts::default() });
        report
    }

    pub(crate) fn add(&mut self, name: &str, counts: Counts) {
        *self.crates.entry(name.to_owned()).or_default() += counts;
    }

    pub(crate) fn sum(&self) -> Counts {
        let mut sum = Counts::default();
        for counts in self.crates.values() {
            sum += *counts;
        }
        sum
    }

    /// The line that ends a run; CI reads it, so its words do not change.
    pub(crate) fn totals(&self) -> String {
        let Counts { passed, failed, ignored, .. } = self.sum();
        format!("{passed} passed, {failed} failed, {ignored} skipped")
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, more: Self) {
        for (name, counts) in more.crates {
            self.add(&name, counts);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, page: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.crates.keys().map(String::len).max().unwrap_or(0).max("crate".len());
        writeln!(page, "{:width$}  passed  failed  ignored     time", "crate")?;
        for (name, Counts { passed, failed, ignored, time }) in &self.crates {
            let time = time.as_secs_f64();
            writeln!(page, "{name:width$}  {passed:6}  {failed:6}  {ignored:7}  {time:5.1} s")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let counts = |passed, failed, ignored| Counts {
            passed,
            failed,
            ignored,
            time: Duration::from_millis(1500),
        };
        let mut report = Report::default();
        report.add("unlapse-core", counts(100, 0, 0));
        report.add("xtask", counts(20, 1, 2));
        report.add("xtask", counts(3, 0, 0));
        report
    }

    #[test]
    fn the_last_line_has_exactly_the_words_that_ci_reads() {
        assert_eq!(report().totals(), "123 passed, 1 failed, 2 skipped");
        assert_eq!(Report::default().totals(), "0 passed, 0 failed, 0 skipped");
    }

    #[test]
    fn what_did_not_run_beside_what_did_is_no_success() {
        let mut report = report();
        report += Report::nothing_ran();
        assert_eq!(report.totals(), "123 passed, 2 failed, 2 skipped");
    }

    #[test]
    fn a_crate_has_one_line_however_many_binaries_it_has() {
        let table = "\
crate         passed  failed  ignored     time
unlapse-core     100       0        0    1.5 s
xtask             23       1        2    3.0 s
";
        assert_eq!(report().to_string(), table);
    }
}
