//! Software by other people: to renew against, to be asked by, and to measure beside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::process;

/// Makes the packages from npm in a folder of the repository ready to start; returns where it lies.
pub(crate) fn from_npm(name: &str) -> Result<PathBuf> {
    let folder = folder(name)?;
    let lock = modified(&folder.join("package-lock.json"))
        .with_context(|| format!("{name}/package-lock.json is missing"))?;
    // npm writes this file last, so half an installation is none.
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    if is_stale(lock, installed) {
        println!("installing: npm ci in {name}");
        let mut npm = process::program("npm");
        npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
        process::show(&mut npm)?;
    }
    Ok(folder)
}

/// Makes the packages of Python in a folder of the repository ready to import, in a virtual
/// environment of its own; returns where it lies.
pub(crate) fn from_pypi(name: &str) -> Result<PathBuf> {
    let folder = folder(name)?;
    let lock = modified(&folder.join("requirements.txt"))
        .with_context(|| format!("{name}/requirements.txt is missing"))?;
    let done = folder.join(".venv/installed");
    if is_stale(lock, modified(&done)) {
        println!("installing: pip install -r requirements.txt in {name}");
        let mut venv = process::program("python3");
        process::show(venv.args(["-m", "venv", "--clear", ".venv"]).current_dir(&folder))?;
        let mut pip = process::program(&folder.join(".venv/bin/pip").to_string_lossy());
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]);
        pip.args(["--require-hashes", "--requirement", "requirements.txt"]).current_dir(&folder);
        process::show(&mut pip)?;
        // Last, so that half an installation is none.
        fs::write(&done, "").context("noting what is installed")?;
    }
    Ok(folder)
}

fn folder(name: &str) -> Result<PathBuf> {
    fs::canonicalize(name).with_context(|| format!("finding {name}"))
}

fn is_stale(lock: SystemTime, installed: Option<SystemTime>) -> bool {
    installed.is_none_or(|installed| installed < lock)
}

fn modified(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|about| about.modified()).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn packages_are_installed_when_absent_or_older_than_the_lock() {
        let lock = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert!(is_stale(lock, None));
        assert!(is_stale(lock, Some(lock - Duration::from_secs(1))));
        assert!(!is_stale(lock, Some(lock)));
    }
}
