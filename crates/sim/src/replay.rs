//! Names one run, so that it can be run again.

use std::fmt;

use crate::exhaustive::{Case, Struck, cases};
use crate::fault::Fault;
use crate::planted::Planted;
use crate::run::{Outcome, run};

/// One run. Shown, it is the options of `cargo xtask sim` that repeat it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// The world that a seed makes up.
    Seed(u64),
    /// A scenario, by its name, and what befell it.
    Case(String, Struck),
}

impl Replay {
    /// A run of an exhaustive case, as a person names it: the case by its name or its number from
    /// 0, the strikes as `Kill(0)@15,Kill(1)@20`. The error is a sentence for that person.
    pub fn of_case(case: &str, strikes: &str) -> Result<Self, String> {
        let all = cases(None);
        let found = found(&all, case)?;
        let struck = Struck(parse(strikes, found.faults())?);
        Ok(Self::Case(found.name().to_owned(), struck))
    }

    /// Runs it, with a bug if one is planted; `keep`: with everything that happened. The error is a
    /// sentence for a person: there is no such case.
    pub fn run(&self, planted: Option<Planted>, keep: bool) -> Result<Outcome, String> {
        match self {
            Self::Seed(seed) => Ok(run(&crate::random::setup(*seed, planted), *seed, keep)),
            Self::Case(name, struck) => Ok(found(&cases(planted), name)?.replay(&struck.0, keep)),
        }
    }
}

impl fmt::Display for Replay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed(seed) => write!(f, "--seed {seed}"),
            Self::Case(name, struck) => {
                write!(f, "--case '{name}'")?;
                for (number, (step, fault)) in struck.0.iter().enumerate() {
                    f.write_str(if number == 0 { " --strike '" } else { "," })?;
                    write!(f, "{fault:?}@{step}")?;
                }
                f.write_str(if struck.0.is_empty() { "" } else { "'" })
            }
        }
    }
}

fn found<'a>(cases: &'a [Case], wanted: &str) -> Result<&'a Case, String> {
    let number = wanted.parse().ok().and_then(|number: usize| cases.get(number));
    let found = number.or_else(|| cases.iter().find(|case| case.name() == wanted));
    found.ok_or_else(|| format!("there is no case `{wanted}`; `--list` names all"))
}

/// Reads strikes, of which a case knows the faults.
fn parse(strikes: &str, faults: &[Fault]) -> Result<Vec<(u64, Fault)>, String> {
    let mut rest = strikes.trim();
    let mut all = Vec::new();
    while !rest.is_empty() {
        // A fault may have a comma in it, a step has none.
        let (fault, after) = rest.split_once('@').ok_or("a strike is a fault, `@` and a step")?;
        let (step, after) = after.split_once(',').unwrap_or((after, ""));
        let fault = fault.trim();
        let known = faults.iter().find(|known| format!("{known:?}") == fault);
        let known = known.ok_or_else(|| {
            format!("`{fault}` is not tried in this case; these are: {}", listed(faults))
        })?;
        let step = step.trim().parse().map_err(|_| format!("`{step}` is no step"))?;
        all.push((step, *known));
        rest = after.trim();
    }
    Ok(all)
}

fn listed(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault:?}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let all = cases(None);
        let names: BTreeSet<&str> = all.iter().map(Case::name).collect();
        assert_eq!(names.len(), all.len());
        assert!(names.iter().all(|name| !name.contains('\'')), "a shell would take it apart");
    }

    #[test]
    fn every_strike_is_read_as_it_is_written() {
        for case in cases(None) {
            for pair in case.faults().windows(2) {
                let struck = Struck(vec![(15, pair[0]), (2, pair[1])]);
                let replay = Replay::Case(case.name().to_owned(), struck);
                let shown = replay.to_string();
                let strikes = shown.split('\'').nth(3).expect("the strikes stand in quotes");
                assert_eq!(Replay::of_case(case.name(), strikes), Ok(replay));
            }
        }
    }

    #[test]
    fn what_nobody_knows_is_named() {
        let missing = Replay::of_case("no such", "").expect_err("it does not exist");
        assert!(missing.contains("`no such`"));
        let faults = [Fault::Kill(0), Fault::Freeze(0, Duration::from_secs(80))];
        let freeze = parse(" Freeze(0, 80s)@3 , Kill(0)@4", &faults);
        assert_eq!(freeze, Ok(vec![(3, faults[1]), (4, faults[0])]));
        assert!(parse("Kill(7)@3", &faults).is_err_and(|said| said.contains("Freeze(0, 80s)")));
        assert!(parse("Kill(0)@x", &faults).is_err());
        assert!(parse("Kill(0)", &faults).is_err());
    }

    #[test]
    fn a_case_may_be_named_by_its_number() {
        let first = cases(None)[0].name().to_owned();
        let expected = Replay::Case(first, Struck(Vec::new()));
        assert_eq!(Replay::of_case("0", ""), Ok(expected));
    }
}
