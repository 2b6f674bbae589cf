//! The arrows between our crates: which room may know of which.
//!
//! Cargo forbids only circles. What keeps the decisions apart from the effects is that `core`
//! knows nobody and that nobody knows the command or the simulator; this job makes that a rule.

use std::fmt::Write as _;

use anyhow::{Result, bail};

use crate::duplicates::duplicates;
use crate::metadata::{self, Kind, Metadata};

/// Each crate with the crates that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("unlapse-core", &[]),
    ("unlapse-oauth", &["unlapse-core"]),
    ("unlapse-store", &["unlapse-core"]),
    ("unlapse-verify", &["unlapse-core"]),
    ("unlapse", &["unlapse-core", "unlapse-oauth"]),
    ("unlapse-issuer", &["unlapse-core", "unlapse-verify", "unlapse-store"]),
    ("unlapse-broker", &["unlapse", "unlapse-store", "unlapse-verify"]),
    (
        "unlapse-cli",
        &[
            "unlapse-core",
            "unlapse-oauth",
            "unlapse-store",
            "unlapse-verify",
            "unlapse",
            "unlapse-issuer",
            "unlapse-broker",
        ],
    ),
    ("unlapse-sim", &["unlapse", "unlapse-core", "unlapse-issuer"]),
    ("unlapse-parts", &[]),
    ("unlapse-example-api-client", &["unlapse", "unlapse-core", "unlapse-oauth", "unlapse-store"]),
    (
        "unlapse-example-backend",
        &["unlapse", "unlapse-core", "unlapse-issuer", "unlapse-oauth", "unlapse-store"],
    ),
    ("unlapse-example-code-search", &["unlapse", "unlapse-core", "unlapse-oauth", "unlapse-store"]),
    (
        "unlapse-example-integrations",
        &["unlapse", "unlapse-core", "unlapse-oauth", "unlapse-store"],
    ),
    ("unlapse-example-monitor", &["unlapse", "unlapse-core", "unlapse-oauth", "unlapse-store"]),
    (
        "unlapse-example-observability",
        &["unlapse", "unlapse-core", "unlapse-issuer", "unlapse-store"],
    ),
    ("unlapse-example-stage", &["unlapse-core", "unlapse-issuer"]),
    ("xtask", &[]),
];

/// Where no arrow may end, not even a test's: what is tested through them belongs in a library.
const ENDS: &[&str] = &["unlapse-cli", "unlapse-sim"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrow {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Only the tests, examples and benchmarks of `from` see `to`.
    pub(crate) dev: bool,
}

/// Checks and draws the arrows of this repository.
pub(crate) fn run() -> Result<()> {
    let metadata = Metadata::of(metadata::MAIN)?;
    let crates: Vec<&str> = metadata.members().map(|package| package.name.as_str()).collect();
    let arrows = arrows(&metadata);
    let wrong = wrong(&crates, &arrows);
    if !wrong.is_empty() {
        bail!("these arrows are not allowed (see ALLOWED in xtask):\n  {}", wrong.join("\n  "));
    }
    print!("{}", drawing(&crates, &arrows));

    let all = metadata.packages.iter().map(|p| (p.name.as_str(), p.version.as_str()));
    for (name, versions) in duplicates(all) {
        let versions: Vec<_> = versions.into_iter().collect();
        println!("for information: {name} in several versions: {}", versions.join(", "));
    }
    Ok(())
}

/// The arrows among the crates of this repository.
fn arrows(metadata: &Metadata) -> Vec<Arrow> {
    let ours = |name: &str| metadata.members().any(|package| package.name == name);
    let of = |from: &crate::metadata::Package| {
        let from_name = from.name.clone();
        let ends = from.dependencies.iter().filter(|end| end.path.is_some() && ours(&end.name));
        ends.map(move |end| Arrow {
            from: from_name.clone(),
            to: end.name.clone(),
            dev: end.kind == Some(Kind::Dev),
        })
        .collect::<Vec<_>>()
    };
    metadata.members().flat_map(of).collect()
}

/// Says what is wrong with each arrow that may not be, and which crates have no rule.
fn wrong(crates: &[&str], arrows: &[Arrow]) -> Vec<String> {
    let rule = |name: &str| ALLOWED.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
    let unknown = crates
        .iter()
        .filter(|name| rule(name).is_none())
        .map(|name| format!("{name} has no rule: say what it may depend on"));
    let forbidden = arrows.iter().filter_map(|Arrow { from, to, dev }| {
        if ENDS.contains(&to.as_str()) {
            Some(format!("{from} -> {to}: nothing may depend on {to}"))
        } else if !dev && rule(from).is_some_and(|allowed| !allowed.contains(&to.as_str())) {
            Some(format!("{from} -> {to}"))
        } else {
            None
        }
    });
    unknown.chain(forbidden).collect()
}

/// Each crate with its arrows below it.
fn drawing(crates: &[&str], arrows: &[Arrow]) -> String {
    let mut page = String::new();
    for name in crates {
        let _ = writeln!(page, "{name}");
        let own: Vec<_> = arrows.iter().filter(|arrow| arrow.from == *name).collect();
        for (nth, arrow) in own.iter().enumerate() {
            let branch = if nth + 1 == own.len() { "└──" } else { "├──" };
            let note = if arrow.dev { " (tests)" } else { "" };
            let _ = writeln!(page, "{branch} {}{note}", arrow.to);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(from: &str, to: &str, dev: bool) -> Vec<String> {
        wrong(&[], &[Arrow { from: from.to_owned(), to: to.to_owned(), dev }])
    }

    #[track_caller]
    fn may(from: &str, to: &[&str]) {
        let all = ALLOWED.iter().map(|(name, _)| *name).filter(|name| *name != from);
        for end in all {
            let free = complaints(from, end, false).is_empty();
            assert_eq!(free, to.contains(&end), "{from} -> {end}");
        }
    }

    #[test]
    fn core_knows_nobody() {
        may("unlapse-core", &[]);
    }

    #[test]
    fn oauth_store_and_verify_know_only_core() {
        may("unlapse-oauth", &["unlapse-core"]);
        may("unlapse-store", &["unlapse-core"]);
        may("unlapse-verify", &["unlapse-core"]);
    }

    #[test]
    fn the_client_knows_a_store_only_in_its_tests() {
        may("unlapse", &["unlapse-core", "unlapse-oauth"]);
        assert!(complaints("unlapse", "unlapse-store", true).is_empty());
        assert_eq!(complaints("unlapse", "unlapse-store", false), ["unlapse -> unlapse-store"]);
    }

    #[test]
    fn the_issuer_knows_core_verify_and_store() {
        may("unlapse-issuer", &["unlapse-core", "unlapse-verify", "unlapse-store"]);
    }

    #[test]
    fn the_broker_knows_client_store_and_verify() {
        may("unlapse-broker", &["unlapse", "unlapse-store", "unlapse-verify"]);
    }

    #[test]
    fn the_command_knows_every_library_but_no_tool() {
        let tools = ["unlapse-cli", "unlapse-sim", "unlapse-parts", "xtask"];
        let all: Vec<_> = ALLOWED.iter().map(|(name, _)| *name).collect();
        let is_library =
            |name: &&str| !tools.contains(name) && !name.starts_with("unlapse-example-");
        let libraries: Vec<_> = all.into_iter().filter(is_library).collect();
        may("unlapse-cli", &libraries);
    }

    #[test]
    fn the_simulator_knows_client_core_and_what_the_issuer_decides() {
        may("unlapse-sim", &["unlapse", "unlapse-core", "unlapse-issuer"]);
    }

    #[test]
    fn the_parts_know_nobody_and_only_tests_know_them() {
        may("unlapse-parts", &[]);
        assert!(complaints("unlapse-issuer", "unlapse-parts", true).is_empty());
        for (from, _) in ALLOWED.iter().filter(|(from, _)| *from != "unlapse-parts") {
            assert_eq!(complaints(from, "unlapse-parts", false).len(), 1, "{from}");
        }
    }

    #[test]
    fn the_stage_knows_core_and_issuer_and_only_tests_know_it() {
        may("unlapse-example-stage", &["unlapse-core", "unlapse-issuer"]);
        for (from, _) in ALLOWED.iter().filter(|(from, _)| *from != "unlapse-example-stage") {
            assert_eq!(complaints(from, "unlapse-example-stage", false).len(), 1, "{from}");
            let of_a_test = complaints(from, "unlapse-example-stage", true);
            assert!(of_a_test.is_empty(), "{of_a_test:?}");
        }
    }

    #[test]
    fn not_even_a_test_points_at_the_command_or_the_simulator() {
        for dev in [false, true] {
            assert_eq!(complaints("unlapse", "unlapse-cli", dev).len(), 1);
            assert_eq!(complaints("unlapse-issuer", "unlapse-sim", dev).len(), 1);
        }
    }

    #[test]
    fn a_new_crate_needs_a_rule() {
        let said = wrong(&["unlapse-core", "unlapse-new"], &[]);
        assert_eq!(said, ["unlapse-new has no rule: say what it may depend on"]);
    }

    #[test]
    fn the_drawing_hangs_each_arrow_under_its_crate() {
        let arrow = |to: &str, dev| Arrow { from: "b".to_owned(), to: to.to_owned(), dev };
        let page = drawing(&["a", "b"], &[arrow("a", false), arrow("c", true)]);
        assert_eq!(page, "a\nb\n├── a\n└── c (tests)\n");
    }
}
