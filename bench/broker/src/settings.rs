//! How much is measured.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::rows::SEALED;

/// What a person can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Only these; empty: everything.
    pub(crate) only: Vec<String>,
    /// Rows in the schedule.
    pub(crate) rows: u64,
    /// Bytes of what stands for a sealed record, in the schedule.
    pub(crate) sealed: usize,
    /// Of one measurement.
    pub(crate) time: Duration,
}

impl Settings {
    /// Reads the arguments.
    pub(crate) fn parse(words: &[String], known: &[&str]) -> Result<Self> {
        let mut settings = Self {
            only: Vec::new(),
            rows: 1_000_000,
            sealed: SEALED,
            time: Duration::from_secs(10),
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || -> Result<u64> {
                let value = words.next().with_context(|| format!("`{word}` needs a number"))?;
                value.parse().with_context(|| format!("`{word}` needs a number"))
            };
            match word.as_str() {
                "--rows" => settings.rows = number()?,
                "--sealed" => settings.sealed = number()?.try_into()?,
                "--seconds" => settings.time = Duration::from_secs(number()?),
                name if known.contains(&name) => settings.only.push(name.to_owned()),
                other => {
                    bail!(
                        "`{other}`: there are {}, `--rows N`, `--sealed N`, `--seconds N`",
                        known.join(", ")
                    )
                }
            }
        }
        ensure!(settings.rows >= 1000, "`--rows` of 1000 and more");
        ensure!((1..=1900).contains(&settings.sealed), "`--sealed` of 1 to 1900");
        ensure!(!settings.time.is_zero(), "`--seconds` of 1 and more");
        Ok(settings)
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_wanted_only_when_nothing_is() {
        let parse = |words: &str| {
            let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
            Settings::parse(&words, &["claim", "idle"])
        };
        let all = parse("").expect("nothing is asked");
        assert!(all.wants("claim") && all.wants("idle"));
        let one = parse("--rows 10000000 claim --seconds 3").expect("good");
        assert!(one.wants("claim") && !one.wants("idle"));
        assert_eq!((one.rows, one.time), (10_000_000, Duration::from_secs(3)));
        for bad in
            ["clam", "--rows", "--rows x", "--rows 5", "--seconds 0", "--sealed 0", "--sealed 2000"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
