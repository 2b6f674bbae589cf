//! Every test, through plain `cargo test`: a newcomer has nothing else yet.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::metadata::{self, Metadata};
use crate::report::Report;
use crate::tally::{Plan, Tally};
use crate::{needs, output, peers, process};

/// Which suites run. Tests read the same word from `UNLAPSE_SUITES`, and skip what it leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suites {
    /// What needs nothing but cargo.
    Quick,
    /// Everything.
    Full,
}

/// How the tests went, and what else went wrong around them.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    complaints: Vec<String>,
}

impl Outcome {
    pub(crate) fn is_success(&self) -> bool {
        self.report.sum().failed == 0 && self.complaints.is_empty()
    }
}

/// The workspaces with tests. That of the fuzzer replays what it has found.
pub(crate) const WORKSPACES: [&str; 2] = [metadata::MAIN, "fuzz/Cargo.toml"];

/// Software by other people: how tests are told where it lies, its folder, and how it
/// gets there.
const PEERS: [(&str, &str, Install); 4] = [
    ("UNLAPSE_PEER_OIDC_PROVIDER", "peers/oidc-provider", peers::from_npm),
    ("UNLAPSE_PEER_OPENID_CLIENT", "peers/openid-client", peers::from_npm),
    ("UNLAPSE_PEER_PYTHON_CLIENTS", "peers/python-clients", peers::from_pypi),
    ("UNLAPSE_PEER_SCHEMATHESIS", "peers/schemathesis", peers::from_pypi),
];

type Install = fn(&str) -> Result<PathBuf>;

/// How long a process that a test is just ending may take to let go of the output.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the tests, shows their output and a table; the caller prints the totals, last of all.
pub(crate) fn run(suites: Suites) -> Result<Outcome> {
    let mut complaints = Vec::new();
    let mut environment = vec![("UNLAPSE_SUITES", PathBuf::from("quick"))];
    if suites == Suites::Full {
        complaints.extend(needs::meet());
        environment = vec![("UNLAPSE_SUITES", PathBuf::from("full"))];
        for (variable, name, install) in PEERS {
            match install(name) {
                Ok(folder) => environment.push((variable, folder)),
                Err(error) => complaints.push(format!("no tests with {name}: {error:#}")),
            }
        }
    }
    let report = match plan() {
        Ok(plan) => watch(plan, &environment, &mut complaints)?,
        Err(error) => {
            complaints.push(format!("{error:#}"));
            Report::nothing_ran()
        }
    };
    println!("\n{report}");
    for complaint in &complaints {
        println!("{complaint}");
    }
    Ok(Outcome { report, complaints })
}

/// Builds the tests, and learns which binaries there are and whose.
fn plan() -> Result<Plan> {
    let mut plan = Plan::default();
    let target = Metadata::of(metadata::MAIN)?.target_directory;
    for manifest in WORKSPACES {
        let metadata = Metadata::of(manifest)?;
        let mut build = cargo_test(manifest, &target);
        build.args(["--no-run", "--message-format=json-render-diagnostics"]);
        let messages = process::read(&mut build)?;
        plan.binaries.extend(messages.lines().filter_map(|line| binary(line, &metadata)));
        plan.docs.extend(metadata.members().flat_map(|package| {
            let tried = package.targets.iter().filter(|target| target.doctest);
            tried.map(|target| (target.name.clone(), package.name.clone()))
        }));
    }
    Ok(plan)
}

/// `cargo test` of a workspace. All share one target directory: most of what they build is the same.
fn cargo_test(manifest: &str, target: &Path) -> Command {
    let mut test = process::cargo();
    test.args(["test", "--workspace", "--manifest-path", manifest, "--target-dir"]).arg(target);
    test
}

/// Reads one message of cargo's: a test binary's file name and crate, if it tells of one.
fn binary(message: &str, metadata: &Metadata) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Artifact {
        package_id: String,
        profile: Profile,
        executable: Option<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
    }
    let artifact: Artifact = serde_json::from_str(message).ok()?;
    let file = artifact.executable.filter(|_| artifact.profile.test)?;
    let name = metadata.name_of(&artifact.package_id)?;
    Some((file.file_name()?.to_string_lossy().into_owned(), name.to_owned()))
}

/// Runs what was built, showing every line as it comes.
fn watch(
    plan: Plan,
    environment: &[(&str, PathBuf)],
    complaints: &mut Vec<String>,
) -> Result<Report> {
    let start = Instant::now();
    let mut tally = Tally::new(plan);
    let mut refused = Vec::new();
    let target = Metadata::of(metadata::MAIN)?.target_directory;
    for manifest in WORKSPACES {
        let mut tests = cargo_test(manifest, &target);
        tests.arg("--no-fail-fast").envs(environment.iter().cloned());
        refused.extend(follow(tests, start, &mut tally, complaints)?);
    }
    let mut report = tally.finish(start.elapsed());
    if report.sum().failed == 0 && !refused.is_empty() {
        complaints.extend(refused);
        // One workspace's totals on the last line would hide that the other did not build.
        report += Report::nothing_ran();
    }
    Ok(report)
}

/// Runs one `cargo test` to its end; says what cargo said of it unless that was success.
fn follow(
    mut tests: Command,
    start: Instant,
    tally: &mut Tally,
    complaints: &mut Vec<String>,
) -> Result<Option<String>> {
    // One pipe for both streams keeps cargo's lines in order with those of the tests.
    let (reader, writer) = io::pipe()?;
    tests.stdout(writer.try_clone()?).stderr(writer);
    let mut child = tests.spawn().context("starting `cargo test`")?;
    // The command holds our copies of the writing end; the output ends when all are closed.
    drop(tests);

    let lines = output::lines(reader);
    let closed = output::each_line(&lines, &mut child, GRACE, |line| {
        match tally.line(start.elapsed(), line) {
            Some(progress) => println!("[{progress}] {}", line.trim_start()),
            None => println!("{line}"),
        }
    })?;
    let status = child.wait()?;
    if !closed {
        complaints.push("a test left a process behind that still holds its output".to_owned());
    }
    Ok((!status.success()).then(|| format!("`cargo test` failed ({status})")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Counts;

    fn metadata() -> Metadata {
        serde_json::from_str(
            r#"{"packages": [{"id": "path+core", "name": "unlapse-core", "version": "0.1.0",
                "license": null, "dependencies": [], "targets": []}],
                "workspace_members": ["path+core"], "target_directory": "/target"}"#,
        )
        .unwrap()
    }

    #[test]
    fn a_test_binary_is_told_from_other_messages() {
        let artifact = |test, file: &str| {
            let message = format!(
                r#"{{"reason": "compiler-artifact", "package_id": "path+core",
                    "profile": {{"test": {test}}}, "executable": {file}}}"#
            );
            binary(&message, &metadata())
        };
        let found = artifact(true, r#""/target/debug/deps/unlapse_core-01""#);
        assert_eq!(found, Some(("unlapse_core-01".to_owned(), "unlapse-core".to_owned())));
        assert_eq!(artifact(false, r#""/target/debug/unlapse""#), None);
        assert_eq!(artifact(true, "null"), None);
        assert_eq!(binary(r#"{"reason": "build-finished", "success": true}"#, &metadata()), None);
    }

    #[test]
    fn a_failure_or_a_complaint_is_no_success() {
        let mut outcome = Outcome::default();
        assert!(outcome.is_success());
        outcome.complaints.push("no strace".to_owned());
        assert!(!outcome.is_success());
        outcome.complaints.clear();
        outcome.report.add("a", Counts { failed: 1, ..Counts::default() });
        assert!(!outcome.is_success());
    }
}
