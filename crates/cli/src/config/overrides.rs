//! What the environment and the command line say, over every file.

use std::path::PathBuf;

use unlapse::Persistence;

use super::environment::Environment;
use super::error::ConfigError;
use super::keys::{PolicyKeys, ProfileKeys, StoreKeys};
use super::origin::{Origin, Valued};
use super::reader::Raw;
use super::section::{Refused, Section};

/// Flags of the command line that bear on the configuration, as they were typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Overrides {
    /// `--config`: a file in place of all others.
    pub(crate) config: Option<PathBuf>,
    /// `--no-store`, `--no-persist`: nothing is kept.
    pub(crate) no_store: bool,
    /// `--log`: the log filter.
    pub(crate) log: Option<String>,
    /// `--attempts`
    pub(crate) attempts: Option<String>,
    /// `--base-delay`
    pub(crate) base_delay: Option<String>,
    /// `--max-delay`
    pub(crate) max_delay: Option<String>,
    /// `--timeout`: of one request to the token endpoint.
    pub(crate) timeout: Option<String>,
    /// `--token-endpoint`
    pub(crate) token_endpoint: Option<String>,
}

/// What holds for every profile, whatever the files say (K6, A6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Everywhere {
    /// Keys of `[profile.NAME]`.
    pub(crate) profile: ProfileKeys,
    /// Keys of `[profile.NAME.policy]`.
    pub(crate) policy: PolicyKeys,
}

/// The log filter where nobody sets one.
const LOG: &str = "warn";

impl Everywhere {
    /// From the variables and flags.
    pub(crate) fn read(
        environment: &Environment,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let mut everywhere = Self::default();
        let rows = [
            ("attempts", "UNLAPSE_ATTEMPTS", "--attempts", &overrides.attempts),
            ("base_delay", "UNLAPSE_BASE_DELAY", "--base-delay", &overrides.base_delay),
            ("max_delay", "UNLAPSE_MAX_DELAY", "--max-delay", &overrides.max_delay),
            ("timeout", "UNLAPSE_TIMEOUT", "--timeout", &overrides.timeout),
        ];
        for (key, variable, flag, typed) in rows {
            if let Some((word, origin)) = word(environment, variable, flag, typed.as_deref())? {
                set(&mut everywhere.policy, key, word, &origin)?;
            }
        }
        let typed = overrides.token_endpoint.as_deref();
        let variable = "UNLAPSE_TOKEN_ENDPOINT";
        if let Some((word, origin)) = word(environment, variable, "--token-endpoint", typed)? {
            set(&mut everywhere.profile, "token_endpoint", word, &origin)?;
        }
        Ok(everywhere)
    }
}

/// The log filter.
pub(crate) fn log(
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Valued<String>, ConfigError> {
    let set = word(environment, "UNLAPSE_LOG", "--log", overrides.log.as_deref())?;
    Ok(set.map_or_else(
        || Valued::default(LOG.to_owned()),
        |(word, origin)| Valued { value: word.to_owned(), origin },
    ))
}

/// Whether logins are kept, and who says so: what wants nothing kept goes first.
pub(crate) fn persistence(
    environment: &Environment,
    overrides: &Overrides,
    file: Option<&Valued<Persistence>>,
) -> Result<Valued<Persistence>, ConfigError> {
    const SWITCH: &str = "UNLAPSE_NO_STORE";
    const VARIABLE: &str = "UNLAPSE_PERSIST";
    let off = |origin| Ok(Valued { value: Persistence::Off, origin });
    if overrides.no_store {
        return off(Origin::Flag("--no-store"));
    }
    if environment.switch(SWITCH)? {
        return off(Origin::Variable(SWITCH.to_owned()));
    }
    let mut keys = StoreKeys::default();
    if let Some(word) = environment.text(VARIABLE)? {
        set(&mut keys, "persist", word, &Origin::Variable(VARIABLE.to_owned()))?;
    }
    let said = keys.persist.or_else(|| file.cloned());
    Ok(said.unwrap_or(Valued::default(Persistence::default())))
}

/// A flag's word, else the variable's.
fn word<'a>(
    environment: &'a Environment,
    variable: &str,
    flag: &'static str,
    typed: Option<&'a str>,
) -> Result<Option<(&'a str, Origin)>, ConfigError> {
    if let Some(typed) = typed {
        return Ok(Some((typed, Origin::Flag(flag))));
    }
    let set = environment.text(variable)?;
    Ok(set.map(|text| (text, Origin::Variable(variable.to_owned()))))
}

fn set<S: Section>(
    section: &mut S,
    key: &str,
    word: &str,
    origin: &Origin,
) -> Result<(), ConfigError> {
    section.set(key, &Raw::Word(word), origin).map_err(|refused| {
        let (allowed, nearest) = match refused {
            Refused::Value { allowed, nearest } => (allowed, nearest),
            Refused::Unknown => ("a key of the configuration".to_owned(), None),
        };
        ConfigError::BadValue { key: key.to_owned(), at: origin.clone(), allowed, nearest }
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a6_flags_beat_variables_and_both_are_checked() {
        let environment = Environment::at(Path::new("/w"))
            .with("UNLAPSE_ATTEMPTS", "5")
            .with("UNLAPSE_TIMEOUT", "2s");
        let overrides = Overrides { attempts: Some("7".to_owned()), ..Overrides::default() };
        let policy = Everywhere::read(&environment, &overrides).expect("good").policy;
        let attempts = policy.attempts.expect("set");
        assert_eq!((attempts.value, attempts.origin), (7, Origin::Flag("--attempts")));
        let timeout = policy.timeout.expect("set");
        assert_eq!(timeout.origin, Origin::Variable("UNLAPSE_TIMEOUT".to_owned()));

        let bad = environment.with("UNLAPSE_BASE_DELAY", "canary");
        let error = Everywhere::read(&bad, &overrides).expect_err("no duration").to_string();
        assert_eq!(
            error,
            "the environment variable `UNLAPSE_BASE_DELAY` must be a duration from 1ms to 1m, \
             like `\"30s\"`"
        );
    }

    #[test]
    fn k6_every_override_is_read() {
        let environment = Environment::at(Path::new("/w"))
            .with("UNLAPSE_ATTEMPTS", "1")
            .with("UNLAPSE_BASE_DELAY", "10ms")
            .with("UNLAPSE_MAX_DELAY", "20ms")
            .with("UNLAPSE_TIMEOUT", "500ms")
            .with("UNLAPSE_TOKEN_ENDPOINT", "http://127.0.0.1:1/token")
            .with("UNLAPSE_LOG", "debug");
        let everywhere = Everywhere::read(&environment, &Overrides::default()).expect("good");
        assert_eq!(everywhere.policy.entries().len(), 4);
        assert_eq!(everywhere.profile.entries().len(), 1);
        assert_eq!(log(&environment, &Overrides::default()).expect("good").value, "debug");
    }
}
