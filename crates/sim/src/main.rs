//! `cargo xtask sim`: breaks renewals on purpose, and tells what came of it.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

mod chart;
mod command;
mod diagram;
mod options;
mod planted_table;
mod report;
mod svg;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match options::parse(&words) {
        Ok(order) => command::carry_out(&order),
        Err(mistake) => {
            eprintln!("{mistake}\n\n{}", options::HELP);
            ExitCode::from(2)
        }
    }
}
