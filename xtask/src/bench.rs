//! Measurements. They live in `bench/`, a workspace of its own, so that the crates of peers never
//! slow a build of ours; here they are built, run, and their tables put into the documentation.
//! Nothing is asserted: what a shared machine measures is for people to judge.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{page, peers, process};

/// The page that `bench all` keeps.
const PAGE: &str = "docs/performance.md";

/// What a person can have measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    Hot,
    Storm,
    Window,
    Independence,
    Keys,
    Token,
    Issuer,
    Verify,
    Broker,
    Fleet,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    List,
    One(Bench),
    All,
}

impl Bench {
    const ALL: [Self; 10] = [
        Self::Hot,
        Self::Storm,
        Self::Window,
        Self::Independence,
        Self::Keys,
        Self::Token,
        Self::Issuer,
        Self::Verify,
        Self::Broker,
        Self::Fleet,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Storm => "storm",
            Self::Window => "window",
            Self::Independence => "independence",
            Self::Keys => "keys",
            Self::Token => "token",
            Self::Issuer => "issuer",
            Self::Verify => "verify",
            Self::Broker => "broker",
            Self::Fleet => "fleet",
        }
    }

    fn about(self) -> &'static str {
        match self {
            Self::Hot => "a valid token's header, beside other libraries: one thread, two threads",
            Self::Storm => "ten thousand tasks at a token's expiry, beside other libraries",
            Self::Window => "callers while a valid token is renewed, beside other libraries",
            Self::Independence => "one key's server hangs: other keys, beside other libraries",
            Self::Keys => "a hundred thousand keys in one set: bytes, tasks and time for each",
            Self::Token => "the command: start, memory, what it touches, a whole renewal, its size",
            Self::Issuer => "the issuer under load, beside other issuers; and races for one token",
            Self::Verify => "an access token verified, beside another library and the signature",
            Self::Broker => "the broker's bars with ten million rows, beside SQL written by hand",
            Self::Fleet => "three nodes for five minutes, one of them always in trouble",
        }
    }

    /// Builds what is measured, measures it, and returns what it prints.
    fn measure(self) -> Result<String> {
        match self {
            Self::Hot | Self::Storm | Self::Window | Self::Independence => {
                measured("unlapse-bench-library", "release", &[self.name()])
            }
            Self::Keys => measured("unlapse-bench-keys", "release", &[]),
            Self::Token => {
                if !process::exists("strace") {
                    bail!("`strace` is not installed, which sees what the command touches");
                }
                let binary = release_binary()?;
                measured("unlapse-bench-process", "release", &[&binary.to_string_lossy()])
            }
            Self::Issuer => {
                peers::from_npm("bench/issuer/peers/oidc-provider")?;
                peers::from_pypi("bench/issuer/peers/simplejwt")?;
                measured("unlapse-bench-issuer", "shipped", &[])
            }
            Self::Verify => measured("unlapse-bench-verify", "shipped", &[]),
            Self::Broker => measured("unlapse-bench-broker", "shipped", &["--rows", "10000000"]),
            Self::Fleet => fleet(),
        }
    }
}

/// Reads what stands after `bench`; `None` when there is no such measurement.
pub(crate) fn parse(name: &str) -> Option<Order> {
    if name == "all" {
        return Some(Order::All);
    }
    Bench::ALL.into_iter().find(|bench| bench.name() == name).map(Order::One)
}

pub(crate) fn run(order: Order) -> Result<()> {
    match order {
        Order::List => {
            println!("cargo xtask bench <name>\n");
            for bench in Bench::ALL {
                println!("  {:12} {}", bench.name(), bench.about());
            }
            println!("  {:12} all of them, and their tables written into {PAGE}", "all");
        }
        Order::One(bench) => println!("{}", bench.measure()?.trim_end()),
        Order::All => {
            for bench in Bench::ALL {
                println!("== {}", bench.name());
                let output = bench.measure()?;
                println!("{}\n", output.trim_end());
                // One by one: hours later, a failure of the last loses none of the others.
                page::fill(PAGE, &format!("bench:{}", bench.name()), &output)?;
            }
        }
    }
    Ok(())
}

/// Runs a program of the other workspace, and returns what it prints.
fn measured(package: &str, profile: &str, arguments: &[&str]) -> Result<String> {
    let mut run = process::cargo();
    run.args(["run", "--profile", profile, "--manifest-path", "bench/Cargo.toml"]);
    run.args(["--package", package, "--"]).args(arguments);
    process::read(&mut run)
}

/// Runs the test with the nodes for longer than a test would; it fails where a promise was broken.
fn fleet() -> Result<String> {
    let mut run = process::cargo();
    run.args(["test", "--release", "--package", "unlapse-broker", "--test", "fleet", "--"]);
    run.args([
        "--nocapture",
        "--exact",
        "x1_three_nodes_of_which_one_is_always_in_trouble_lose_nothing",
    ]);
    run.env("UNLAPSE_SUITES", "full").env("UNLAPSE_FLEET_SECONDS", "300");
    let printed = process::read(&mut run)?;
    let table = printed.lines().filter(|line| line.starts_with('|'));
    Ok(table.collect::<Vec<_>>().join("\n"))
}

/// Builds the command as it is released, and returns where it lies.
fn release_binary() -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Artifact {
        executable: Option<PathBuf>,
    }
    let mut build = process::cargo();
    build.args(["build", "--release", "--package", "unlapse-cli", "--bin", "unlapse"]);
    let messages = process::read(build.arg("--message-format=json-render-diagnostics"))?;
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    artifacts
        .filter_map(|artifact| artifact.executable)
        .next_back()
        .context("cargo built no binary")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measurement_that_is_listed_can_be_asked_for() {
        for bench in Bench::ALL {
            assert_eq!(parse(bench.name()), Some(Order::One(bench)));
        }
        assert_eq!(parse("all"), Some(Order::All));
        assert_eq!(parse("hto"), None);
    }

    #[test]
    fn the_page_has_a_place_for_every_measurement() {
        let text = include_str!("../../docs/performance.md");
        for bench in Bench::ALL {
            let name = format!("bench:{}", bench.name());
            assert!(page::filled(text, &name, "").is_ok(), "{name}");
        }
    }
}
