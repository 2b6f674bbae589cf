//! Servers by other people, to renew against: `peers/`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::process;

/// Makes the OpenID provider ready to start, and returns its folder.
pub(crate) fn oidc_provider() -> Result<PathBuf> {
    let folder = fs::canonicalize("peers/oidc-provider").context("finding peers/oidc-provider")?;
    let lock = modified(&folder.join("package-lock.json"))
        .context("peers/oidc-provider/package-lock.json is missing")?;
    // npm writes this file last, so half an installation is none.
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    if is_stale(lock, installed) {
        println!("installing: npm ci in peers/oidc-provider");
        let mut npm = process::program("npm");
        npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
        process::show(&mut npm)?;
    }
    Ok(folder)
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
