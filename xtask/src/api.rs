//! The public surface of each library, kept as text beside the documentation: a change of it is seen
//! in a diff before a stranger meets it.
//!
//! rustdoc tells it as JSON, which stable compilers do only when asked with `RUSTC_BOOTSTRAP`. Set
//! for all of cargo, that would build every dependency again; so cargo is given this program in
//! rustdoc's place, which sets it for rustdoc alone.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::metadata::{self, Metadata};
use crate::process;

/// What people depend on.
const CRATES: [&str; 6] = [
    "unlapse",
    "unlapse-core",
    "unlapse-oauth",
    "unlapse-store",
    "unlapse-verify",
    "unlapse-issuer",
];

/// Where the texts are.
const FOLDER: &str = "docs/api";

/// What the `public-api` that is built in reads; a compiler that writes another checks nothing.
const FORMAT: u32 = 57;

/// Set when this program stands in rustdoc's place.
const STAND_IN: &str = "UNLAPSE_XTASK_IS_RUSTDOC";

/// Compares each surface with its text, or writes the texts.
pub(crate) fn run(write: bool) -> Result<()> {
    let target = Metadata::of(metadata::MAIN)?.target_directory;
    let mut changed = String::new();
    for name in CRATES {
        let json = document(name, Path::new(&target))?;
        let found = version(&json)?;
        if found != FORMAT {
            println!("not checked: this rustdoc writes format {found}, {FORMAT} is what is read");
            return Ok(());
        }
        let surface = surface(&json).with_context(|| format!("reading the surface of {name}"))?;
        let path = format!("{FOLDER}/{name}.txt");
        if write {
            fs::create_dir_all(FOLDER).with_context(|| format!("making {FOLDER}"))?;
            fs::write(&path, surface).with_context(|| format!("writing {path}"))?;
            println!("{path}");
            continue;
        }
        let known = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
        changed += &difference(&path, &known, &surface);
    }
    if changed.is_empty() {
        return Ok(());
    }
    bail!(
        "the public surface changed:\n{changed}a line that is gone or different breaks somebody: it \
         takes a new version (0.x before 1.0) and a line in CHANGELOG.md; `cargo xtask api --write` \
         notes the new surface"
    );
}

/// Stands in rustdoc's place, if that is what this process was started for.
pub(crate) fn stand_in() -> Option<Result<bool>> {
    env::var_os(STAND_IN)?;
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let mut rustdoc = process::program("rustdoc");
    rustdoc.args(arguments).env("RUSTC_BOOTSTRAP", "1").env_remove(STAND_IN);
    Some(rustdoc.status().context("starting rustdoc").map(|status| status.success()))
}

/// Has rustdoc describe a crate with all its features; returns where.
fn document(name: &str, target: &Path) -> Result<PathBuf> {
    let own = env::current_exe().context("finding this program")?;
    let mut rustdoc = process::cargo();
    rustdoc.args(["rustdoc", "--quiet", "--lib", "--all-features", "--package", name]);
    rustdoc.args(["--", "-Zunstable-options", "--output-format", "json", "--cap-lints", "allow"]);
    process::show(rustdoc.env("RUSTDOC", own).env(STAND_IN, "1"))?;
    Ok(target.join("doc").join(format!("{}.json", name.replace('-', "_"))))
}

fn version(json: &Path) -> Result<u32> {
    #[derive(Deserialize)]
    struct Versioned {
        format_version: u32,
    }
    let text = fs::read(json).with_context(|| format!("reading {}", json.display()))?;
    let versioned: Versioned = serde_json::from_slice(&text).context("reading rustdoc's JSON")?;
    Ok(versioned.format_version)
}

/// Everything that is public, a line each, without what every type has.
fn surface(json: &Path) -> Result<String> {
    let surface = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()?;
    Ok(surface.to_string())
}

/// What is gone and what is new, a line each; nothing when nothing is.
fn difference(path: &str, known: &str, found: &str) -> String {
    let (before, after): (BTreeSet<_>, BTreeSet<_>) =
        (known.lines().collect(), found.lines().collect());
    let mut page = String::new();
    for gone in before.difference(&after) {
        let _ = writeln!(page, "  {path}: - {gone}");
    }
    for new in after.difference(&before) {
        let _ = writeln!(page, "  {path}: + {new}");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_and_what_is_new_is_told() {
        let known = "pub fn a()\npub fn b()\n";
        assert_eq!(difference("x.txt", known, known), "");
        let found = "pub fn a()\npub fn b(u8)\n";
        let told = "  x.txt: - pub fn b()\n  x.txt: + pub fn b(u8)\n";
        assert_eq!(difference("x.txt", known, found), told);
    }
}
