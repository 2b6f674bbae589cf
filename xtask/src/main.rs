//! `cargo xtask`: what the project does to itself. One file per job; what a job decides is a pure
//! function with tests, and only its outermost function touches processes and files.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore reports to a person")]
#![allow(clippy::disallowed_methods, reason = "a chore reads the repository and measures itself")]

mod api;
mod arrows;
mod bench;
mod ci;
mod command;
mod coverage;
mod duplicates;
mod fuzz;
mod licences;
mod metadata;
mod needs;
mod observed;
mod output;
mod page;
mod peers;
mod planted;
mod policy;
mod process;
mod report;
mod sim;
mod spdx;
mod tally;
mod test;
mod threads;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use command::{Command, Threads};

fn main() -> ExitCode {
    if let Some(described) = api::stand_in() {
        return if described.is_ok_and(|good| good) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let command = match command::parse(&arguments) {
        Ok(command) => command,
        Err(mistake) => {
            eprintln!("{mistake}\n\n{}", command::HELP);
            return ExitCode::from(2);
        }
    };
    match enter_root().and_then(|()| run(command)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a job; `Ok(false)` when it did its work and the work found something wrong.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Help => {
            println!("{}", command::HELP);
            Ok(true)
        }
        Command::Test(suites) => {
            let outcome = test::run(suites)?;
            println!("{}", outcome.report.totals());
            Ok(outcome.is_success())
        }
        Command::Ci => Ok(ci::run()),
        Command::Observed => observed::run().map(|()| true),
        Command::Threads(Threads::Explore(filter)) => {
            threads::run(filter.as_deref()).map(|()| true)
        }
        Command::Threads(Threads::Plant) => threads::plant().map(|()| true),
        Command::Api { write } => api::run(write).map(|()| true),
        Command::Arrows => arrows::run().map(|()| true),
        Command::Licences => licences::run().map(|()| true),
        Command::Bench(order) => bench::run(order).map(|()| true),
        Command::Fuzz(hunt) => fuzz::run(&hunt),
        Command::Sim(words) => sim::run(&words),
        Command::Coverage => coverage::run(),
    }
}

/// Every job runs from the root, wherever in the repository a person stood.
fn enter_root() -> Result<()> {
    // Asked at run time first: a compiled-in path goes stale when the repository is moved.
    let own = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = own.parent().context("xtask lies in the root of the repository")?;
    env::set_current_dir(root).with_context(|| format!("entering {}", root.display()))
}
