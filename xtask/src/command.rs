//! What a person can ask for.

use crate::bench::{self, Order};
use crate::fuzz::{self, Hunt};
use crate::test::Suites;

pub(crate) const HELP: &str = "\
cargo xtask <job>

Jobs
  test           every test: unit, documentation, and the suites that need other programs
  test --quick   the tests that need nothing but cargo
  threads        the client under many orders of its threads; with a name, the tests of that name
  threads --planted  the proof that those tests can fail: races, planted one by one
  sim            renewals broken on purpose: every step of every scenario, and 20000 random worlds
  sim --seed S   one of them, as a diagram; `sim --help` has the rest
  ci             what a submission must pass: format, lints, documentation, arrows, licences,
                 public surfaces, threads, the simulator, tests
  api            the public surface of each library, compared with docs/api; `--write` notes it
  observed       the runs that docs/observability.md shows, made anew
  arrows         which of our crates may depend on which, checked and drawn
  licences       the licences and banned crates in deny.toml, checked against the dependencies
  bench          what can be measured beside other libraries
  bench <name>   one measurement; `all`: every one, and their tables in docs/performance.md
  fuzz           every fuzzer for a minute each: `fuzz [--minutes N] [target]`
  coverage       which lines of the decisions and of the renewal no test runs

Options
  -h, --help     this page";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Test(Suites),
    Threads(Threads),
    Ci,
    /// The public surfaces.
    Api {
        /// Notes them, rather than comparing.
        write: bool,
    },
    /// What the page on observability shows.
    Observed,
    Arrows,
    Licences,
    Bench(Order),
    Fuzz(Hunt),
    /// The simulator, which reads its words itself.
    Sim(Vec<String>),
    Coverage,
}

/// What is done with the orders of threads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Threads {
    /// Explore them; all tests, or those of a name.
    Explore(Option<String>),
    /// Plant races, and find them.
    Plant,
}

/// Parses the arguments after `cargo xtask`; the error is a sentence for the person.
pub(crate) fn parse(arguments: &[&str]) -> Result<Command, String> {
    if let ["sim", words @ ..] = arguments {
        return Ok(Command::Sim(words.iter().map(|word| (*word).to_owned()).collect()));
    }
    if arguments.iter().any(|argument| matches!(*argument, "-h" | "--help")) {
        return Ok(Command::Help);
    }
    match arguments {
        [] | ["help"] => Ok(Command::Help),
        ["test"] => Ok(Command::Test(Suites::Full)),
        ["test", "--quick"] => Ok(Command::Test(Suites::Quick)),
        ["threads"] => Ok(Command::Threads(Threads::Explore(None))),
        ["threads", "--planted"] => Ok(Command::Threads(Threads::Plant)),
        ["threads", name] if !name.starts_with('-') => {
            Ok(Command::Threads(Threads::Explore(Some((*name).to_owned()))))
        }
        ["ci"] => Ok(Command::Ci),
        ["api"] => Ok(Command::Api { write: false }),
        ["api", "--write"] => Ok(Command::Api { write: true }),
        ["observed"] => Ok(Command::Observed),
        ["arrows"] => Ok(Command::Arrows),
        ["licences"] => Ok(Command::Licences),
        ["bench"] => Ok(Command::Bench(Order::List)),
        ["bench", name] => bench::parse(name).map(Command::Bench).ok_or_else(|| {
            format!("there is no measurement `{name}`; `cargo xtask bench` lists them")
        }),
        ["fuzz", words @ ..] => fuzz::parse(words).map(Command::Fuzz),
        ["coverage"] => Ok(Command::Coverage),
        ["bench" | "threads", _, unknown, ..]
        | [
            "test" | "threads" | "ci" | "api" | "observed" | "arrows" | "licences" | "coverage",
            unknown,
            ..,
        ] => Err(format!("`cargo xtask {}` does not take `{unknown}`", arguments[0])),
        [unknown, ..] => Err(format!("there is no job `{unknown}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_in_the_help_is_understood() {
        assert_eq!(parse(&["test"]), Ok(Command::Test(Suites::Full)));
        assert_eq!(parse(&["test", "--quick"]), Ok(Command::Test(Suites::Quick)));
        assert_eq!(parse(&["threads"]), Ok(Command::Threads(Threads::Explore(None))));
        assert_eq!(parse(&["threads", "--planted"]), Ok(Command::Threads(Threads::Plant)));
        let named = Threads::Explore(Some("r20".to_owned()));
        assert_eq!(parse(&["threads", "r20"]), Ok(Command::Threads(named)));
        assert_eq!(parse(&["ci"]), Ok(Command::Ci));
        assert_eq!(parse(&["sim"]), Ok(Command::Sim(Vec::new())));
        let words = vec!["--seed".to_owned(), "7".to_owned()];
        assert_eq!(parse(&["sim", "--seed", "7"]), Ok(Command::Sim(words)));
        assert_eq!(parse(&["api"]), Ok(Command::Api { write: false }));
        assert_eq!(parse(&["api", "--write"]), Ok(Command::Api { write: true }));
        assert_eq!(parse(&["observed"]), Ok(Command::Observed));
        assert_eq!(parse(&["arrows"]), Ok(Command::Arrows));
        assert_eq!(parse(&["licences"]), Ok(Command::Licences));
        assert_eq!(parse(&["bench"]), Ok(Command::Bench(Order::List)));
        assert_eq!(parse(&["bench", "all"]), Ok(Command::Bench(Order::All)));
        assert!(matches!(parse(&["fuzz", "--minutes", "2", "jwt"]), Ok(Command::Fuzz(_))));
        assert_eq!(parse(&["coverage"]), Ok(Command::Coverage));
    }

    #[test]
    fn help_wins_over_everything() {
        assert_eq!(parse(&[]), Ok(Command::Help));
        assert_eq!(parse(&["test", "--help"]), Ok(Command::Help));
        assert_eq!(parse(&["nonsense", "-h"]), Ok(Command::Help));
    }

    #[test]
    fn the_simulator_has_a_help_of_its_own() {
        assert_eq!(parse(&["sim", "-h"]), Ok(Command::Sim(vec!["-h".to_owned()])));
    }

    #[test]
    fn a_mistake_is_named() {
        assert!(parse(&["tset"]).is_err_and(|said| said.contains("`tset`")));
        assert!(parse(&["bench", "hto"]).is_err_and(|said| said.contains("`hto`")));
        assert!(parse(&["bench", "hot", "--fast"]).is_err_and(|said| said.contains("`--fast`")));
        assert!(parse(&["threads", "--fast"]).is_err_and(|said| said.contains("`--fast`")));
        assert!(parse(&["fuzz", "--hours"]).is_err_and(|said| said.contains("`--hours`")));
        assert!(parse(&["coverage", "-v"]).is_err_and(|said| said.contains("`-v`")));
        assert!(parse(&["ci", "--fast"]).is_err_and(|said| said.contains("`--fast`")));
    }
}
