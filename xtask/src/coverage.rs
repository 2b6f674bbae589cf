//! Which lines of the decisions and of the renewal are run by no test of theirs (the goal: under
//! 5 %). The lines of tests themselves do not count.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::process;

/// Whose tests are run.
const CRATES: [&str; 2] = ["unlapse-core", "unlapse"];

/// What is looked at: all of core, and the renewal's part of the client.
const LOOKED_AT: &[&str] = &[
    "crates/core/src/",
    "crates/client/src/flight.rs",
    "crates/client/src/hold.rs",
    "crates/client/src/keeper.rs",
    "crates/client/src/publish.rs",
    "crates/client/src/renew.rs",
    "crates/client/src/served.rs",
    "crates/client/src/shared.rs",
    "crates/client/src/source.rs",
    "crates/client/src/verdict.rs",
];

/// Percent of the lines.
const GOAL: f64 = 95.0;

/// What is needed, and how to get it.
const MISSING: &str = "`cargo llvm-cov` is not installed: `cargo install cargo-llvm-cov` brings it";
const TOOLS: &str = "unless a test failed above, LLVM's tools are missing: `rustup component add \
                     llvm-tools` brings them; those of the compiler's LLVM version from elsewhere \
                     (Debian: llvm-22) do too, named in LLVM_COV and LLVM_PROFDATA";

/// How often each line of a file was run, by its number.
type Lines = BTreeMap<u32, u64>;

/// Runs the tests and prints the table; `Ok(false)` when the goal is missed.
pub(crate) fn run() -> Result<bool> {
    if !process::exists("cargo-llvm-cov") {
        bail!(MISSING);
    }
    let mut test = process::cargo();
    test.args(["llvm-cov", "--lcov"]);
    for name in CRATES {
        test.args(["--package", name]);
    }
    let trace = "target/coverage.lcov";
    process::show(test.args(["--output-path", trace])).context(TOOLS)?;
    let trace = fs::read_to_string(trace).with_context(|| format!("reading {trace}"))?;
    let mut files = BTreeMap::new();
    for (path, lines) in read(&trace) {
        let short = path.rfind("crates/").map_or("", |start| &path[start..]);
        if LOOKED_AT.iter().any(|place| short.starts_with(place)) && !short.ends_with("_tests.rs") {
            let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
            files.insert(short.to_owned(), without_tests(lines, &text));
        }
    }
    let (page, good) = table(&files);
    print!("{page}");
    Ok(good)
}

/// Reads a trace: `SF:` begins a file, `DA:` tells of a line.
fn read(trace: &str) -> BTreeMap<String, Lines> {
    let mut files: BTreeMap<String, Lines> = BTreeMap::new();
    let mut file = String::new();
    for entry in trace.lines() {
        if let Some(path) = entry.strip_prefix("SF:") {
            path.clone_into(&mut file);
        } else if let Some((line, count)) = entry.strip_prefix("DA:").and_then(|rest| {
            let (line, count) = rest.split_once(',')?;
            Some((line.parse().ok()?, count.split(',').next()?.parse().ok()?))
        }) {
            files.entry(file.clone()).or_default().insert(line, count);
        }
    }
    files
}

/// The lines above a file's own tests, which run themselves and would flatter it.
fn without_tests(mut lines: Lines, text: &str) -> Lines {
    if let Some(tests) = text.lines().position(|line| line == "#[cfg(test)]") {
        let tests = u32::try_from(tests).unwrap_or(u32::MAX);
        lines.retain(|line, _| *line <= tests);
    }
    lines
}

/// A line a file with the lines that nothing ran, the total, and whether it reaches the goal.
fn table(files: &BTreeMap<String, Lines>) -> (String, bool) {
    let width = files.keys().map(String::len).max().unwrap_or(0);
    let mut page = format!("{:width$}  lines  missed  covered\n", "file");
    let mut sum = (0, 0);
    for (file, lines) in files {
        let missed: Vec<u32> =
            lines.iter().filter(|(_, count)| **count == 0).map(|(line, _)| *line).collect();
        sum = (sum.0 + lines.len(), sum.1 + missed.len());
        let covered = percent(lines.len(), missed.len());
        let row = format!("{file:width$}  {:5}  {:6}  {covered:6.2} %", lines.len(), missed.len());
        let _ = writeln!(page, "{}", format!("{row}  {}", ranges(&missed)).trim_end());
    }
    let covered = percent(sum.0, sum.1);
    let _ = writeln!(page, "{:width$}  {:5}  {:6}  {covered:6.2} %", "all", sum.0, sum.1);
    // Nothing measured is not everything covered.
    (page, sum.0 > 0 && covered >= GOAL)
}

#[expect(clippy::cast_precision_loss, reason = "files are shorter than 2^52 lines")]
fn percent(lines: usize, missed: usize) -> f64 {
    (lines - missed) as f64 / lines.max(1) as f64 * 100.0
}

/// `3-5, 9` of 3, 4, 5 and 9.
fn ranges(lines: &[u32]) -> String {
    let runs = lines.chunk_by(|one, next| one + 1 == *next);
    let runs = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        [only] => only.to_string(),
        [] => String::new(),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "SF:/r/crates/a.rs\nFN:1,x\nDA:1,5\nDA:2,0\nDA:3,0\nDA:7,0\nDA:9,1\n\
                         end_of_record\nSF:/r/crates/b.rs\nDA:1,1\nend_of_record\n";

    #[test]
    fn a_trace_is_read_file_by_file() {
        let files = read(TRACE);
        assert_eq!(files["/r/crates/b.rs"], Lines::from([(1, 1)]));
        assert_eq!(files["/r/crates/a.rs"].len(), 5);
        let (page, good) = table(&files);
        assert!(page.contains("/r/crates/a.rs      5       3   40.00 %  2-3, 7\n"), "{page}");
        assert!(page.ends_with("6       3   50.00 %\n") && !good, "{page}");
    }

    #[test]
    fn the_lines_of_tests_do_not_count() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {}\n";
        let lines = without_tests(Lines::from([(1, 0), (4, 1)]), text);
        assert_eq!(lines, Lines::from([(1, 0)]));
    }

    #[test]
    fn nothing_measured_is_not_good() {
        assert!(!table(&BTreeMap::new()).1);
    }
}
