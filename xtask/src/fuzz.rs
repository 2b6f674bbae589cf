//! The fuzzers. They live in `fuzz/`, a workspace of its own; what they found is replayed by
//! `cargo xtask test`, and here they look for more.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process;

/// One file a fuzzer.
const TARGETS: &str = "fuzz/fuzz_targets";

/// What is needed, and how to get it.
const MISSING: &str = "`cargo fuzz` is not installed: `cargo install cargo-fuzz` brings it; \
                       it needs a C++ compiler";

/// Which fuzzers run, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hunt {
    /// Minutes for each.
    minutes: u32,
    /// One of them; `None`: all, one after the other.
    target: Option<String>,
}

/// Reads what stands after `fuzz`; the error is a sentence for the person.
pub(crate) fn parse(words: &[&str]) -> Result<Hunt, String> {
    let mut hunt = Hunt { minutes: 1, target: None };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--minutes" => {
                let number = words.next().and_then(|number| number.parse().ok());
                let number = number.filter(|minutes| (1..=100_000).contains(minutes));
                hunt.minutes = number.ok_or("`--minutes` needs a whole number from 1")?;
            }
            name if !name.starts_with('-') && hunt.target.is_none() => {
                hunt.target = Some(name.to_owned());
            }
            unknown => return Err(format!("`cargo xtask fuzz` does not take `{unknown}`")),
        }
    }
    Ok(hunt)
}

/// Runs the fuzzers; `Ok(false)` when one of them broke a property.
pub(crate) fn run(hunt: &Hunt) -> Result<bool> {
    if !process::exists("cargo-fuzz") {
        bail!(MISSING);
    }
    let all = targets()?;
    let chosen = match &hunt.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => bail!("there is no target `{name}`; there are {}", all.join(", ")),
    };
    let mut broken = Vec::new();
    for target in chosen {
        println!("== {target}");
        if process::show(&mut fuzzer(&target, hunt.minutes)?).is_err() {
            broken.push(target);
        }
    }
    for target in &broken {
        println!(
            "{target} broke a property, or did not build: what did it lies in \
             fuzz/regressions/{target}, and `cargo xtask test` fails until it is mended"
        );
    }
    Ok(broken.is_empty())
}

fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(TARGETS).with_context(|| format!("reading {TARGETS}"))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// The command of one fuzzer. What it grows is kept beside its build: the seeds stay few and small.
fn fuzzer(target: &str, minutes: u32) -> Result<std::process::Command> {
    let grown = format!("fuzz/target/corpus/{target}");
    let found = format!("fuzz/regressions/{target}");
    for folder in [&grown, &found] {
        fs::create_dir_all(Path::new(folder)).with_context(|| format!("making {folder}"))?;
    }
    let mut fuzz = process::cargo();
    fuzz.args(["fuzz", "run", "--fuzz-dir", "fuzz", "--features", "libfuzzer", target]);
    fuzz.args([grown, format!("fuzz/corpus/{target}")]);
    // By the wall clock: a busy machine is no slow parser.
    fuzz.args(["--", "-timeout=30", "-rss_limit_mb=2048"]);
    fuzz.arg(format!("-max_total_time={}", u64::from(minutes) * 60));
    fuzz.arg(format!("-artifact_prefix={found}/"));
    // The address sanitizer is a compiler flag that a stable compiler takes from nobody else. Leaks
    // are not looked for: that needs to trace processes, which containers forbid.
    fuzz.env("RUSTC_BOOTSTRAP", "1").env("ASAN_OPTIONS", "detect_leaks=0");
    Ok(fuzz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_and_a_target_in_any_order() {
        let hunt =
            |minutes, target: Option<&str>| Hunt { minutes, target: target.map(str::to_owned) };
        assert_eq!(parse(&[]), Ok(hunt(1, None)));
        assert_eq!(parse(&["jwt"]), Ok(hunt(1, Some("jwt"))));
        assert_eq!(parse(&["--minutes", "5"]), Ok(hunt(5, None)));
        assert_eq!(parse(&["jwt", "--minutes", "5"]), Ok(hunt(5, Some("jwt"))));
        assert_eq!(parse(&["--minutes", "5", "jwt"]), Ok(hunt(5, Some("jwt"))));
        for bad in
            [&["--minutes"][..], &["--minutes", "0"], &["--minutes", "x"], &["a", "b"], &["-x"]]
        {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
