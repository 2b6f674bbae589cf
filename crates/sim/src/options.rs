//! What a person can ask of the simulator.

use std::ops::Range;
use std::time::Duration;

use unlapse_sim::{Planted, Replay};

pub(crate) const HELP: &str = "\
cargo xtask sim [options]

  (nothing)            every exhaustive case and 20000 random worlds, as CI runs them
  --cases              every exhaustive case alone
  --seeds N            so many random worlds alone
  --from S             the first of them [0]
  --minutes N          random worlds for so long, from a seed that the clock gives, or from --from
  --hash               one hash over all of these runs, to compare two machines by
  --all                list every run that broke a promise, not the first few of each kind

  --seed S             one random world, as a diagram
  --case NAME          one exhaustive case, by its name or number: undisturbed, or with
  --strike STRIKES     what befalls it after which steps, as `Kill(0)@15,Kill(1)@20`
  --all                all that happened, not the last 80 entries before a promise was broken
  --svg FILE           the same diagram as a picture
  --list               the names of all cases

  --planted            every planted bug: how it is found, as a table
  --write              (of cargo xtask) the same, put into docs/correctness.md
  --bug NAME           plants this one in the runs above

Exit status: 0; 1 when a promise was broken, or a planted bug was not found; 2 for a mistake here.";

/// What CI runs beside the exhaustive cases.
const SEEDS: u64 = 20_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Help,
    /// The names of all cases.
    List,
    /// Many runs.
    Hunt(Many),
    /// One run.
    Replay(One),
    /// Every planted bug.
    Planted,
}

/// Many runs, and what is told of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Many {
    pub(crate) cases: bool,
    pub(crate) seeds: Seeds,
    pub(crate) bug: Option<Planted>,
    /// Only their hash.
    pub(crate) hash: bool,
    /// Every run that broke a promise.
    pub(crate) all: bool,
}

/// Which random worlds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seeds {
    /// These.
    Range(Range<u64>),
    /// For so long, from a seed or from one that the clock gives.
    During(Duration, Option<u64>),
}

/// One run, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct One {
    pub(crate) replay: Replay,
    pub(crate) bug: Option<Planted>,
    pub(crate) all: bool,
    pub(crate) svg: Option<String>,
}

/// The options as they stand there, before they are held against one another.
#[derive(Debug, Default)]
struct Words<'a> {
    flags: Vec<&'a str>,
    values: Vec<(&'a str, &'a str)>,
}

const FLAGS: [&str; 5] = ["--cases", "--hash", "--all", "--list", "--planted"];
const VALUES: [&str; 8] =
    ["--seeds", "--from", "--minutes", "--seed", "--case", "--strike", "--svg", "--bug"];

/// Reads the arguments; the error is a sentence for the person.
pub(crate) fn parse(words: &[&str]) -> Result<Order, String> {
    if words.iter().any(|word| matches!(*word, "-h" | "--help" | "help")) {
        return Ok(Order::Help);
    }
    let words = Words::read(words)?;
    if words.has("--list") {
        words.only(&["--list"])?;
        return Ok(Order::List);
    }
    if words.has("--planted") {
        words.only(&["--planted"])?;
        return Ok(Order::Planted);
    }
    let bug = words.value("--bug").map(bug).transpose()?;
    let replay = match (words.number("--seed")?, words.value("--case")) {
        (Some(_), Some(_)) => return Err("a run has a `--seed` or a `--case`".to_owned()),
        (Some(seed), None) => Some(Replay::Seed(seed)),
        (None, Some(case)) => {
            Some(Replay::of_case(case, words.value("--strike").unwrap_or_default())?)
        }
        (None, None) => None,
    };
    if let Some(replay) = replay {
        words.only(match replay {
            Replay::Seed(_) => &["--seed", "--bug", "--all", "--svg"],
            Replay::Case(..) => &["--case", "--strike", "--bug", "--all", "--svg"],
        })?;
        let svg = words.value("--svg").map(str::to_owned);
        return Ok(Order::Replay(One { replay, bug, all: words.has("--all"), svg }));
    }
    many(&words, bug).map(Order::Hunt)
}

fn many(words: &Words<'_>, bug: Option<Planted>) -> Result<Many, String> {
    let from = words.number("--from")?;
    let cases = words.has("--cases");
    let (hash, all) = (words.has("--hash"), words.has("--all"));
    let (seeds, cases) = if let Some(minutes) = words.number("--minutes")? {
        words.only(&["--minutes", "--from", "--bug", "--all"])?;
        let minutes = Some(minutes).filter(|minutes| (1..=100_000).contains(minutes));
        let minutes = minutes.ok_or("`--minutes` needs a whole number from 1")?;
        (Seeds::During(Duration::from_secs(minutes * 60), from), false)
    } else if cases {
        words.only(&["--cases", "--hash", "--bug", "--all"])?;
        (Seeds::Range(0..0), true)
    } else {
        words.only(&["--seeds", "--from", "--hash", "--bug", "--all"])?;
        let count = words.number("--seeds")?;
        let start = from.unwrap_or(0);
        let range = start..start.saturating_add(count.unwrap_or(SEEDS));
        (Seeds::Range(range), count.is_none() && from.is_none())
    };
    Ok(Many { cases, seeds, bug, hash, all })
}

/// A bug by its name in the source.
fn bug(name: &str) -> Result<Planted, String> {
    let found = Planted::ALL.into_iter().find(|bug| format!("{bug:?}") == name);
    found.ok_or_else(|| {
        let all: Vec<String> = Planted::ALL.iter().map(|bug| format!("{bug:?}")).collect();
        format!("there is no bug `{name}`; there are {}", all.join(", "))
    })
}

impl<'a> Words<'a> {
    fn read(words: &[&'a str]) -> Result<Self, String> {
        let mut read = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if FLAGS.contains(word) {
                read.flags.push(word);
            } else if VALUES.contains(word) {
                let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
                if read.value(word).is_some() {
                    return Err(format!("`{word}` stands there twice"));
                }
                read.values.push((word, value));
            } else {
                return Err(format!("the simulator does not take `{word}`"));
            }
        }
        Ok(read)
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.contains(&flag)
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let read = |value: &str| value.parse().map_err(|_| format!("`{name}` needs a number"));
        self.value(name).map(read).transpose()
    }

    /// What is asked for beside these would be ignored, which nobody expects.
    fn only(&self, allowed: &[&str]) -> Result<(), String> {
        let names = self.flags.iter().chain(self.values.iter().map(|(name, _)| name));
        match names.into_iter().find(|name| !allowed.contains(name)) {
            None => Ok(()),
            Some(other) => Err(format!("`{other}` does not go with `{}`", allowed[0])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunt(words: &[&str]) -> Many {
        match parse(words) {
            Ok(Order::Hunt(many)) => many,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    fn replay(words: &[&str]) -> One {
        match parse(words) {
            Ok(Order::Replay(one)) => one,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn nothing_asks_for_what_ci_runs() {
        let many =
            Many { cases: true, seeds: Seeds::Range(0..SEEDS), bug: None, hash: false, all: false };
        assert_eq!(hunt(&[]), many);
        assert_eq!(hunt(&["--hash"]), Many { hash: true, ..many });
    }

    #[test]
    fn seeds_are_counted_from_the_first() {
        assert_eq!(hunt(&["--seeds", "5"]).seeds, Seeds::Range(0..5));
        assert_eq!(hunt(&["--from", "7", "--seeds", "5"]).seeds, Seeds::Range(7..12));
        assert!(!hunt(&["--seeds", "5"]).cases);
        assert_eq!(hunt(&["--from", "7"]).seeds, Seeds::Range(7..7 + SEEDS));
        assert!(hunt(&["--cases"]).cases);
        assert_eq!(hunt(&["--cases"]).seeds, Seeds::Range(0..0));
    }

    #[test]
    fn minutes_are_for_random_worlds_alone() {
        let during = Seeds::During(Duration::from_secs(120), None);
        assert_eq!(hunt(&["--minutes", "2"]).seeds, during);
        assert!(!hunt(&["--minutes", "2"]).cases);
        assert!(parse(&["--minutes", "0"]).is_err());
        assert!(parse(&["--minutes", "2", "--hash"]).is_err(), "it would not be the same twice");
    }

    #[test]
    fn one_run_is_a_seed_or_a_case() {
        assert_eq!(replay(&["--seed", "5", "--all"]).replay, Replay::Seed(5));
        let one = replay(&["--case", "0", "--strike", "Kill(0)@3", "--svg", "a.svg"]);
        assert_eq!(one.svg.as_deref(), Some("a.svg"));
        assert!(one.replay.to_string().ends_with("--strike 'Kill(0)@3'"));
        assert!(parse(&["--seed", "5", "--case", "0"]).is_err());
        assert!(parse(&["--seed", "5", "--strike", "Kill(0)@3"]).is_err());
    }

    #[test]
    fn every_bug_can_be_planted_by_its_name() {
        for planted in Planted::ALL {
            let name = format!("{planted:?}");
            assert_eq!(replay(&["--seed", "1", "--bug", &name]).bug, Some(planted));
        }
        assert!(parse(&["--bug", "Nonsense"]).is_err_and(|said| said.contains("SkipReread")));
        assert_eq!(parse(&["--planted"]), Ok(Order::Planted));
    }

    #[test]
    fn every_option_stands_in_the_help_and_a_mistake_is_named() {
        for option in FLAGS.iter().chain(&VALUES) {
            assert!(HELP.contains(&format!("  {option} ")), "{option}");
        }
        assert_eq!(parse(&["--seed", "x", "--help"]), Ok(Order::Help));
        assert_eq!(parse(&["--list"]), Ok(Order::List));
        for bad in [&["--sed"][..], &["--seed"], &["--seed", "x"], &["--seed", "1", "--seed", "2"]]
        {
            assert!(parse(bad).is_err_and(|said| said.contains(bad[0])), "{bad:?}");
        }
    }
}
