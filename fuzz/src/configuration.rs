//! The command's configuration file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::CANARY;
use crate::config::{Config, ConfigError, Environment, Found, Origin, Overrides, Rank};

/// A configuration is the same whenever it is read, and when it is laid over itself; an error names
/// a line that there is, in one line that a terminal can show, and never repeats a value: a secret
/// may stand in the wrong place (R18).
pub fn configuration(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    match read(&[Rank::Project], text) {
        Ok(config) => {
            assert_eq!(read(&[Rank::Project], text).as_ref(), Ok(&config));
            let twice = read(&[Rank::User, Rank::Project], text).expect("good by itself");
            assert_eq!(twice.profiles, config.profiles, "not itself over itself");
            for (name, profile) in &config.profiles {
                assert_eq!(name, &profile.name);
                assert_eq!(config.profile(name), Ok(profile));
                let policy = &profile.policy;
                assert!(policy.attempts > 0 && policy.breaker.failures > 0);
                assert!(!policy.exchange_deadline.is_zero() && !policy.caller_deadline.is_zero());
            }
        }
        Err(error) => {
            let said = error.to_string();
            assert!(!said.contains(char::is_control), "{said:?}");
            assert!(said.len() < 4096, "{} bytes", said.len());
            let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
            assert!(line_of(&error).is_none_or(|line| (1..=lines).contains(&line)), "{said}");
            assert!(is_key(text) || !said.contains(CANARY), "{said}");
        }
    }
    words(text);
}

/// What the variables and flags say is checked the same way, and never repeated.
fn words(text: &str) {
    let word = || Some(text.to_owned());
    let none = Overrides::default;
    for overrides in [
        Overrides { attempts: word(), ..none() },
        Overrides { base_delay: word(), ..none() },
        Overrides { max_delay: word(), ..none() },
        Overrides { timeout: word(), ..none() },
        Overrides { token_endpoint: word(), ..none() },
    ] {
        if let Err(error) = Config::of(Vec::new(), &environment(), &overrides) {
            assert!(!error.to_string().contains(CANARY), "{error}");
        }
    }
}

fn read(ranks: &[Rank], text: &str) -> Result<Config, ConfigError> {
    let file = |rank: &Rank| Found {
        path: PathBuf::from("/project/.unlapse/config.toml"),
        rank: *rank,
        text: text.to_owned(),
    };
    Config::of(ranks.iter().map(file).collect(), &environment(), &Overrides::default())
}

fn environment() -> Environment {
    Environment {
        vars: BTreeMap::new(),
        cwd: Some(PathBuf::from("/project")),
        home: Some(PathBuf::from("/nowhere/home")),
        temp: PathBuf::from("/nowhere/temp"),
        uid: None,
    }
}

fn line_of(error: &ConfigError) -> Option<usize> {
    match error {
        ConfigError::Syntax { line, .. } => Some(*line),
        ConfigError::UnknownKey { at, .. }
        | ConfigError::BadValue { at, .. }
        | ConfigError::MissingKey { at, .. }
        | ConfigError::SecretInFile { at, .. } => match at {
            Origin::File { line, .. } => Some(*line),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the canary stands where a key or a table's name may stand, which errors do repeat:
/// anywhere but behind the only `=` of its line, on its own.
fn is_key(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| line.contains(CANARY));
    lines.any(|line| {
        let behind = line.split_once('=').is_some_and(|(before, _)| !before.contains(CANARY));
        !behind || line.contains(['{', '[']) || line.matches('=').count() > 1
    })
}
