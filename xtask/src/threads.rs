//! The client under every order of its threads that there is time for, and the proof that those
//! tests can fail: races are planted into a copy of the client, one at a time, and must be found.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::planted::{PLANTED, Planted};
use crate::process;

/// Builds with the exploring scheduler lie apart: they share nothing with others.
const TARGET: &str = "target/threads";

/// Where races are planted.
const COPY: &str = "target/planted/copy";

/// Where that is built. Cargo tells a crate from its copy by the path inside the workspace, so that
/// in one directory each would pass for the other.
const COPY_TARGET: &str = "target/planted/build";

/// Explores; `filter` names tests, as `cargo test` takes it.
pub(crate) fn run(filter: Option<&str>) -> Result<()> {
    process::show(tests(Path::new("."), TARGET).arg("--").args(filter))
}

/// Plants each race and tells which schedule found it.
pub(crate) fn plant() -> Result<()> {
    let copy = Path::new(COPY);
    if copy.exists() {
        fs::remove_dir_all(copy).with_context(|| format!("removing {COPY}"))?;
    }
    fs::create_dir_all(copy)?;
    for name in ["Cargo.toml", "Cargo.lock", "crates", "xtask"] {
        duplicate(Path::new(name), &copy.join(name))?;
    }
    let mut survived = Vec::new();
    for planted in PLANTED {
        match hunt(copy, planted)? {
            Some(schedule) => println!("{}: {} ({schedule})", planted.what, planted.found_by),
            None => survived.push(planted.what),
        }
    }
    if !survived.is_empty() {
        bail!("planted, and not found:\n  {}", survived.join("\n  "));
    }
    println!("{} races planted, all found", PLANTED.len());
    Ok(())
}

/// Plants one race, and runs the test that is to find it: in which schedule it did, if it did.
fn hunt(copy: &Path, planted: &Planted) -> Result<Option<String>> {
    let file = copy.join(planted.file);
    let source = fs::read_to_string(&file).with_context(|| format!("reading {}", planted.file))?;
    fs::write(&file, planted.apply(&source)?)?;
    let built = tests(copy, COPY_TARGET).arg("--no-run").output()?;
    if !built.status.success() {
        bail!("{} does not build:\n{}", planted.what, String::from_utf8_lossy(&built.stderr));
    }
    let run = tests(copy, COPY_TARGET).args(["--", planted.found_by]).output()?;
    fs::write(&file, source)?;
    let said = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    Ok(if run.status.success() { None } else { Some(schedule(&said)?) })
}

/// The words of the test binary on where it failed. Without them, something else has.
fn schedule(said: &str) -> Result<String> {
    let line = said.lines().find_map(|line| line.strip_prefix("failed in the "));
    let line = line.with_context(|| format!("failed without a schedule:\n{said}"))?;
    Ok(line.split(';').next().unwrap_or(line).to_owned())
}

fn tests(root: &Path, target: &str) -> Command {
    let mut tests = process::cargo();
    tests.args(["test", "--package", "unlapse", "--no-default-features", "--test", "threads"]);
    tests.args(["--target-dir", target, "--manifest-path"]).arg(root.join("Cargo.toml"));
    let flags = env::var("RUSTFLAGS").unwrap_or_default() + " --cfg unlapse_shuttle";
    tests.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", flags.trim());
    tests
}

fn duplicate(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        fs::copy(from, to).with_context(|| format!("copying {}", from.display()))?;
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != "target" {
            duplicate(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_told_and_its_want_is_an_error() {
        let said = "noise\nfailed in the random schedule number 3; to run it alone, with …\n";
        assert_eq!(schedule(said).unwrap(), "random schedule number 3");
        assert!(schedule("error: no such test").is_err());
    }
}
