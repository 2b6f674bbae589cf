//! Settings from the environment (A6, K6).

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::time::Duration;

use unlapse_core::{Policy, duration};
use unlapse_oauth::Endpoint;

use crate::persistence::Persistence;

/// What the environment sets, read through a function, so that a test sets nothing of its process.
///
/// | variable | sets | allowed |
/// | --- | --- | --- |
/// | `UNLAPSE_ATTEMPTS` | [`Policy::attempts`] | 1 to 10 |
/// | `UNLAPSE_BASE_DELAY` | [`Policy::base_delay`] | 1ms to 1m |
/// | `UNLAPSE_MAX_DELAY` | [`Policy::max_delay`] | 1ms to 1h |
/// | `UNLAPSE_TIMEOUT` | [`Policy::exchange_deadline`] | 100ms to 5m |
/// | `UNLAPSE_TOKEN_ENDPOINT` | [`Endpoints::token`](crate::Endpoints::token) | an `https` URL, or `http` to this machine |
/// | `UNLAPSE_PERSIST` | [`Persistence`] | `on`, `off`, `auto` |
/// | `UNLAPSE_NO_STORE` | the same: `1` is `off`, and goes first | `1`, `0` |
/// | `UNLAPSE_LOG` | the filter of the host's `tracing` subscriber | one line |
///
/// Durations are a whole number and a unit, like `500ms`. An empty variable counts as unset. The
/// command reads the same variables.
///
/// ```
/// use unlapse::{Environment, Policy};
/// let variables = |name: &str| (name == "UNLAPSE_ATTEMPTS").then(|| "5".into());
/// let policy = Environment::read(variables)?.policy(Policy::default());
/// assert_eq!(policy.attempts, 5);
/// # Ok::<_, unlapse::EnvironmentError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    attempts: Option<u32>,
    base_delay: Option<Duration>,
    max_delay: Option<Duration>,
    timeout: Option<Duration>,
    token_endpoint: Option<Endpoint>,
    persistence: Option<Persistence>,
    log: Option<String>,
}

/// A variable whose value is not allowed. The value is not repeated: a secret may stand in the wrong
/// place (R18).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable `{variable}` must be {allowed}")]
pub struct EnvironmentError {
    /// Its name.
    pub variable: &'static str,
    /// What is allowed: the end of "must be …".
    pub allowed: String,
}

impl EnvironmentError {
    /// The stable name of this error, a heading of the troubleshooting page.
    pub fn code(&self) -> &'static str {
        "config_bad_value"
    }
}

impl Environment {
    /// Reads the variables, each by its name.
    pub fn read(variables: impl Fn(&str) -> Option<OsString>) -> Result<Self, EnvironmentError> {
        let source = Variables(&variables);
        let persistence = source.read(
            "UNLAPSE_PERSIST",
            |word| Persistence::WORDS.iter().find(|(name, _)| *name == word).map(|(_, of)| *of),
            || "`on`, `off` or `auto`".to_owned(),
        )?;
        let is_off = source.read(
            "UNLAPSE_NO_STORE",
            |word| match word {
                "1" | "true" => Some(true),
                "0" | "false" => Some(false),
                _ => None,
            },
            || "`1` or `0`".to_owned(),
        )?;
        let attempts = Policy::ATTEMPTS;
        Ok(Self {
            attempts: source.read(
                "UNLAPSE_ATTEMPTS",
                |word| word.parse().ok().filter(|number| attempts.contains(number)),
                || format!("a whole number from {} to {}", attempts.start(), attempts.end()),
            )?,
            base_delay: source.duration("UNLAPSE_BASE_DELAY", &Policy::BASE_DELAY)?,
            max_delay: source.duration("UNLAPSE_MAX_DELAY", &Policy::MAX_DELAY)?,
            timeout: source.duration("UNLAPSE_TIMEOUT", &Policy::EXCHANGE_DEADLINE)?,
            token_endpoint: source.read(
                "UNLAPSE_TOKEN_ENDPOINT",
                |word| Endpoint::parse(word).ok(),
                || {
                    "an `https` URL, or an `http` one to a loopback host, without user name or \
                     fragment"
                        .to_owned()
                },
            )?,
            persistence: if is_off == Some(true) { Some(Persistence::Off) } else { persistence },
            log: source.read(
                "UNLAPSE_LOG",
                |word| {
                    let fits = word.len() <= 1024 && !word.contains(char::is_control);
                    fits.then(|| word.to_owned())
                },
                || "text of one line, 1 to 1024 bytes".to_owned(),
            )?,
        })
    }

    /// The variables of this process.
    pub fn of_process() -> Result<Self, EnvironmentError> {
        Self::read(|name| std::env::var_os(name))
    }

    /// `base`, with what the environment sets in it.
    #[must_use]
    pub fn policy(&self, base: Policy) -> Policy {
        Policy {
            attempts: self.attempts.unwrap_or(base.attempts),
            base_delay: self.base_delay.unwrap_or(base.base_delay),
            max_delay: self.max_delay.unwrap_or(base.max_delay),
            exchange_deadline: self.timeout.unwrap_or(base.exchange_deadline),
            ..base
        }
    }

    /// The token endpoint that goes before any other.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.token_endpoint.as_ref()
    }

    /// Whether tokens are kept beyond the process, where the environment says so.
    pub fn persistence(&self) -> Option<Persistence> {
        self.persistence
    }

    /// The log filter, as `tracing-subscriber`'s `EnvFilter` reads it.
    pub fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }
}

struct Variables<'a>(&'a dyn Fn(&str) -> Option<OsString>);

impl Variables<'_> {
    fn read<T>(
        &self,
        variable: &'static str,
        meaning: impl FnOnce(&str) -> Option<T>,
        allowed: impl FnOnce() -> String,
    ) -> Result<Option<T>, EnvironmentError> {
        let Some(value) = (self.0)(variable).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        let meant = value.to_str().and_then(meaning);
        meant.map(Some).ok_or_else(|| EnvironmentError { variable, allowed: allowed() })
    }

    fn duration(
        &self,
        variable: &'static str,
        range: &RangeInclusive<Duration>,
    ) -> Result<Option<Duration>, EnvironmentError> {
        self.read(
            variable,
            |word| duration::parse(word).ok().filter(|duration| range.contains(duration)),
            || {
                let (least, most) =
                    (duration::format(*range.start()), duration::format(*range.end()));
                format!("a duration from {least} to {most}, like `\"30s\"`")
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        let variables: BTreeMap<_, _> = variables.iter().copied().collect();
        Environment::read(|name| variables.get(name).map(OsString::from))
    }

    #[test]
    fn a6_retry_settings_come_from_the_environment() {
        let environment = read(&[
            ("UNLAPSE_ATTEMPTS", "7"),
            ("UNLAPSE_BASE_DELAY", "20ms"),
            ("UNLAPSE_MAX_DELAY", "2m"),
            ("UNLAPSE_TIMEOUT", "500ms"),
        ]);
        let base = Policy { skew: Duration::from_secs(1), ..Policy::default() };
        let policy = environment.expect("good").policy(base.clone());
        let expected = Policy {
            attempts: 7,
            base_delay: Duration::from_millis(20),
            max_delay: Duration::from_secs(120),
            exchange_deadline: Duration::from_millis(500),
            ..base.clone()
        };
        assert_eq!(policy, expected);
        assert_eq!(read(&[("UNLAPSE_ATTEMPTS", "")]).expect("unset").policy(base.clone()), base);
        assert_eq!(read(&[]).expect("unset"), Environment::default());
    }

    #[test]
    fn k6_endpoint_persistence_and_logging_come_from_the_environment() {
        let environment = read(&[
            ("UNLAPSE_TOKEN_ENDPOINT", "https://as.example/token"),
            ("UNLAPSE_LOG", "unlapse=debug"),
        ]);
        let environment = environment.expect("good");
        let endpoint = environment.endpoint().map(ToString::to_string);
        assert_eq!(endpoint.as_deref(), Some("https://as.example/token"));
        assert_eq!(environment.log(), Some("unlapse=debug"));
        let rows: [(&[_], _); 8] = [
            (&[], None),
            (&[("UNLAPSE_PERSIST", "on")], Some(Persistence::On)),
            (&[("UNLAPSE_PERSIST", "off")], Some(Persistence::Off)),
            (&[("UNLAPSE_PERSIST", "auto")], Some(Persistence::Auto)),
            (&[("UNLAPSE_NO_STORE", "1")], Some(Persistence::Off)),
            (&[("UNLAPSE_NO_STORE", "0")], None),
            // Whoever wants nothing kept gets that.
            (&[("UNLAPSE_NO_STORE", "true"), ("UNLAPSE_PERSIST", "on")], Some(Persistence::Off)),
            (&[("UNLAPSE_NO_STORE", "0"), ("UNLAPSE_PERSIST", "auto")], Some(Persistence::Auto)),
        ];
        for (variables, expected) in rows {
            assert_eq!(read(variables).expect("good").persistence(), expected, "{variables:?}");
        }
    }

    #[test]
    fn a6_a_bad_value_is_named_by_its_variable_and_never_repeated() {
        let rows = [
            ("UNLAPSE_ATTEMPTS", "0", "a whole number from 1 to 10"),
            ("UNLAPSE_ATTEMPTS", "canary", "a whole number from 1 to 10"),
            ("UNLAPSE_BASE_DELAY", "61s", "a duration from 1ms to 1m, like `\"30s\"`"),
            ("UNLAPSE_MAX_DELAY", "30", "a duration from 1ms to 1h, like `\"30s\"`"),
            ("UNLAPSE_TIMEOUT", "99ms", "a duration from 100ms to 5m, like `\"30s\"`"),
            (
                "UNLAPSE_TOKEN_ENDPOINT",
                "https://user:canary@as.example",
                "an `https` URL, or an `http` one to a loopback host, without user name or fragment",
            ),
            ("UNLAPSE_PERSIST", "canary", "`on`, `off` or `auto`"),
            ("UNLAPSE_NO_STORE", "perhaps", "`1` or `0`"),
            ("UNLAPSE_LOG", "a\nb", "text of one line, 1 to 1024 bytes"),
        ];
        for (variable, value, allowed) in rows {
            let error = read(&[(variable, value)]).expect_err(variable);
            assert_eq!((error.variable, error.allowed.as_str()), (variable, allowed), "{value}");
            assert_eq!(error.code(), "config_bad_value");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a6_what_is_no_text_is_a_bad_value() {
        use std::os::unix::ffi::OsStringExt as _;
        let error = Environment::read(|name| {
            (name == "UNLAPSE_LOG").then(|| OsString::from_vec(vec![0xff]))
        });
        assert_eq!(error.expect_err("no text").variable, "UNLAPSE_LOG");
    }
}
