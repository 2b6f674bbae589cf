//! The simulator: renewals broken on purpose, as CI does it or as a person asks for it.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{page, process};

/// The page with the table of planted bugs, and the table's name in it.
const PAGE: &str = "docs/correctness.md";
const TABLE: &str = "sim:planted";

/// Runs it with these words; `Ok(false)` when a promise was broken, or an option is wrong.
pub(crate) fn run(words: &[String]) -> Result<bool> {
    if words.iter().any(|word| word == "--write") {
        return write(words).map(|()| true);
    }
    let status = simulator(words).status().context("starting cargo")?;
    Ok(status.success())
}

/// What CI runs; an error unless every promise was kept.
pub(crate) fn ci() -> Result<()> {
    process::show(&mut simulator(&[]))
}

/// Looks for every planted bug, and puts the table into the documentation if all were found.
fn write(words: &[String]) -> Result<()> {
    if words != ["--planted", "--write"] {
        bail!("`--write` goes with `--planted` alone");
    }
    let table = process::read(&mut simulator(&words[..1]))?;
    page::fill(PAGE, TABLE, &table)
}

fn simulator(words: &[String]) -> Command {
    let mut cargo = process::cargo();
    cargo.args(["run", "--quiet", "--profile", "sim", "--package", "unlapse-sim", "--"]);
    cargo.args(words);
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_table_of_planted_bugs_is_written() {
        let words = ["--seeds", "5", "--write"].map(str::to_owned);
        assert!(run(&words).is_err_and(|error| error.to_string().contains("--planted")));
    }

    #[test]
    fn the_page_has_a_place_for_the_table() {
        assert!(page::filled(include_str!("../../docs/correctness.md"), TABLE, "").is_ok());
    }
}
