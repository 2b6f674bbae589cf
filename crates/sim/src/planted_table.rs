//! How each planted bug was found, as a table of Markdown.

use std::fmt::Write as _;

use unlapse_sim::Proof;

/// The table; equal proofs make equal tables.
pub(crate) fn table(proofs: &[Proof]) -> String {
    let mut table = String::from(
        "| planted bug | breaks | found after | by `cargo xtask sim` |\n\
         | --- | --- | --- | --- |\n",
    );
    for Proof { bug, found, runs } in proofs {
        let name = bug.describe();
        let runs = if *runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
        // Writing to a string cannot fail.
        let _ = match found {
            Some((invariant, replay)) => {
                writeln!(table, "| {name} | {invariant} | {runs} | `{replay} --bug {bug:?}` |")
            }
            None => writeln!(table, "| {name} | NOT FOUND | {runs} | |"),
        };
    }
    table
}

#[cfg(test)]
mod tests {
    use unlapse_sim::{Invariant, Planted, Replay};

    use super::*;

    #[test]
    fn every_bug_has_a_row_found_or_not() {
        let found = Some((Invariant::Intent, Replay::Seed(4)));
        let proofs = [
            Proof { bug: Planted::NoIntent, found, runs: 1 },
            Proof { bug: Planted::OwnLockOnly, found: None, runs: 20 },
        ];
        let expected = "\
| planted bug | breaks | found after | by `cargo xtask sim` |
| --- | --- | --- | --- |
| no intent is written | intent (R3) | 1 run | `--seed 4 --bug NoIntent` |
| the lock keeps out nobody but oneself | NOT FOUND | 20 runs | |
";
        assert_eq!(table(&proofs), expected);
    }
}
