//! May we use what we use? Licences, banned crates and versions left open, against `deny.toml`.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::metadata::{self, Metadata, Package};
use crate::policy::Policy;
use crate::process;
use crate::spdx::Expression;

/// Checks the dependencies of this repository.
pub(crate) fn run() -> Result<()> {
    let text = fs::read_to_string("deny.toml").context("reading deny.toml")?;
    let policy = Policy::parse(&text).context("reading deny.toml")?;
    let metadata = Metadata::of(metadata::MAIN)?;

    let mut wrong: Vec<String> =
        metadata.packages.iter().filter_map(|package| licence(package, &policy)).collect();
    wrong.extend(metadata.members().flat_map(open_versions));
    wrong.extend(banned(&built()?, &policy));
    if !wrong.is_empty() {
        bail!("not allowed by deny.toml:\n  {}", wrong.join("\n  "));
    }
    println!("{} packages: licences allowed, none banned", metadata.packages.len());
    Ok(())
}

/// What is wrong with the licence of one package.
fn licence(package: &Package, policy: &Policy) -> Option<String> {
    let Package { name, version, license, .. } = package;
    let Some(text) = license else {
        return Some(format!("{name} {version} names no licence"));
    };
    match Expression::parse(text) {
        Err(mistake) => Some(format!("{name} {version}: {mistake}")),
        Ok(expression) => {
            let refused = expression.refused(policy.allowed());
            let refused: Vec<_> = refused.into_iter().collect();
            (!refused.is_empty()).then(|| {
                format!("{name} {version} is under {text}: {} not allowed", refused.join(", "))
            })
        }
    }
}

/// `*` takes whatever is published next; our own crates are of one version by construction.
fn open_versions(package: &Package) -> Vec<String> {
    let open = package.dependencies.iter().filter(|end| end.req == "*" && end.path.is_none());
    open.map(|end| format!("{} asks for any version of {}", package.name, end.name)).collect()
}

/// Names of everything that is built, on any platform, with any of our features.
///
/// `cargo metadata` also lists what a weak feature (`ring?/std`) merely mentions, so the bans ask
/// `cargo tree`, which lists what is compiled.
fn built() -> Result<String> {
    let mut tree = process::cargo();
    tree.args(["tree", "--workspace", "--all-features", "--target", "all", "--edges", "all"]);
    process::read(tree.args(["--prefix", "none", "--format", "{p}"]))
}

/// Which of the crates named at the beginnings of these lines are banned.
fn banned(tree: &str, policy: &Policy) -> Vec<String> {
    let names: BTreeSet<_> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let bans = policy.banned();
    let found = names.into_iter().filter_map(|name| bans.get_key_value(name));
    found
        .map(|(name, reason)| format!("{name} is banned: {reason} (`cargo tree -i {name}`)"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy::parse(
            "[licenses]\nallow = ['MIT']\n[bans]\ndeny = [{ crate = 'ring', reason = 'why' }]",
        )
        .unwrap()
    }

    fn package(license: Option<&str>, dependencies: &str) -> Package {
        let license = serde_json::to_string(&license).unwrap();
        serde_json::from_str(&format!(
            r#"{{"id": "x", "name": "x", "version": "1.0.0", "license": {license},
                "dependencies": [{dependencies}], "targets": []}}"#
        ))
        .unwrap()
    }

    #[test]
    fn a_licence_is_allowed_refused_missing_or_nonsense() {
        let said = |license| licence(&package(license, ""), &policy());
        assert_eq!(said(Some("MIT OR GPL-3.0-only")), None);
        assert_eq!(
            said(Some("MIT AND GPL-3.0-only")).unwrap(),
            "x 1.0.0 is under MIT AND GPL-3.0-only: GPL-3.0-only not allowed"
        );
        assert_eq!(said(None).unwrap(), "x 1.0.0 names no licence");
        assert!(said(Some("MIT AND")).is_some());
    }

    #[test]
    fn any_version_is_refused_except_of_our_own() {
        let theirs = r#"{"name": "y", "req": "*", "kind": null, "path": null}"#;
        let ours = r#"{"name": "z", "req": "*", "kind": null, "path": "/repository/z"}"#;
        let package = package(Some("MIT"), &[theirs, ours].join(","));
        assert_eq!(open_versions(&package), ["x asks for any version of y"]);
    }

    #[test]
    fn a_banned_crate_is_named_once_with_its_reason() {
        let tree = "unlapse v0.1.0 (/repository)\nring v0.17.0\nring v0.17.0 (*)\nstring v1.0.0\n";
        assert_eq!(banned(tree, &policy()), ["ring is banned: why (`cargo tree -i ring`)"]);
    }
}
