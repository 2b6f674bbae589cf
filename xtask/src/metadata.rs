//! What cargo knows about the workspace: the few fields of `cargo metadata` that the jobs read.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// The manifest of the main workspace.
pub(crate) const MAIN: &str = "Cargo.toml";

#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    /// Where cargo puts what it builds.
    pub(crate) target_directory: PathBuf,
    workspace_members: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression.
    pub(crate) license: Option<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// A line of a manifest, wanted by some platform or feature or by all.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) req: String,
    /// Absent for the dependencies that end in a user's build.
    pub(crate) kind: Option<Kind>,
    /// Present for crates of this repository.
    pub(crate) path: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Dev,
    Build,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// Will `cargo test` try this target's documentation?
    pub(crate) doctest: bool,
}

impl Metadata {
    /// Asks cargo of the workspace with this manifest.
    pub(crate) fn of(manifest: &str) -> Result<Self> {
        let mut ask = process::cargo();
        ask.args(["metadata", "--format-version", "1", "--manifest-path", manifest]);
        let json = process::read(&mut ask)?;
        serde_json::from_str(&json).context("reading what `cargo metadata` printed")
    }

    /// The crates of this repository.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// The name of the package with this id.
    pub(crate) fn name_of(&self, id: &str) -> Option<&str> {
        self.packages.iter().find(|package| package.id == id).map(|package| package.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_told_from_the_rest() {
        let json = r#"{
            "packages": [
                {"id": "path+ours", "name": "ours", "version": "0.1.0", "license": "MIT",
                 "dependencies": [{"name": "theirs", "req": "^1", "kind": "dev", "path": null}],
                 "targets": [{"name": "ours", "doctest": true}]},
                {"id": "registry+theirs", "name": "theirs", "version": "1.0.0", "license": null,
                 "dependencies": [], "targets": []}
            ],
            "workspace_members": ["path+ours"],
            "target_directory": "/target"
        }"#;
        let metadata: Metadata = serde_json::from_str(json).unwrap();
        let members: Vec<_> = metadata.members().map(|package| package.name.as_str()).collect();
        assert_eq!(members, ["ours"]);
        assert_eq!(metadata.name_of("registry+theirs"), Some("theirs"));
        assert_eq!(metadata.packages[0].dependencies[0].kind, Some(Kind::Dev));
    }
}
