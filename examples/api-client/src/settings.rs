//! What the client is told by its environment (A3, A6).

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use unlapse::{Environment, EnvironmentError, Persistence, Policy, RequestPolicy, Secret};
use unlapse_core::{BreakerPolicy, Reuse};
use unlapse_oauth::{Endpoint, EndpointError};

/// Why a setting cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// It has to be there.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// It is no URL that a password may be sent to.
    #[error("ACME_URL cannot be used: {0}")]
    Url(#[from] EndpointError),
    /// One of the variables that every program with `unlapse` has.
    #[error(transparent)]
    Variable(#[from] EnvironmentError),
}

impl SettingError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_) => "setting_missing",
            Self::Url(_) => "setting_url",
            Self::Variable(error) => error.code(),
        }
    }
}

/// Who logs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// Everything that there is to set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Where Acme is.
    pub url: Endpoint,
    /// Who logs in; `None`: whoever the token file of the import belongs to.
    pub account: Option<Account>,
    /// Where the sealed token rests; `None`, where there is no home at all: in memory alone.
    pub home: Option<PathBuf>,
    /// Whether it rests there at all (A3).
    pub persistence: Persistence,
    /// The numbers of renewals (A6).
    pub policy: Policy,
    /// Those of requests.
    pub requests: RequestPolicy,
}

impl Settings {
    /// What the environment says: `ACME_URL`; `ACME_USERNAME` with `ACME_PASSWORD`; `ACME_HOME`; and
    /// what [`Environment`] reads. `variable` reads it, so that tests have one of their own.
    ///
    /// Where nobody says whether to keep tokens, those of a test are not kept: [`Persistence::Auto`].
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SettingError> {
        let environment = Environment::read(&variable)?;
        let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let said = |name| match variable(name).map(OsString::into_string) {
            Some(Ok(text)) if !text.is_empty() => Some(text),
            _ => None,
        };
        let url = Endpoint::parse(&said("ACME_URL").ok_or(SettingError::Missing("ACME_URL"))?)?;
        let account = match (said("ACME_USERNAME"), said("ACME_PASSWORD").map(Secret::from)) {
            (Some(username), Some(password)) => Some(Account { username, password }),
            (None, None) => None,
            (None, Some(_)) => return Err(SettingError::Missing("ACME_USERNAME")),
            (Some(_), None) => return Err(SettingError::Missing("ACME_PASSWORD")),
        };
        let state = path("XDG_STATE_HOME").or_else(|| Some(path("HOME")?.join(".local/state")));
        let policy = environment.policy(Self::policy());
        Ok(Self {
            url,
            account,
            home: path("ACME_HOME").or_else(|| Some(state?.join("acme"))),
            persistence: environment.persistence().unwrap_or(Persistence::Auto),
            requests: Self::requests(&policy),
            policy,
        })
    }

    /// Acme's refresh tokens are good once, and it says so.
    fn policy() -> Policy {
        Policy { reuse: Reuse::Strict, ..Policy::default() }
    }

    /// Requests are tried as often as renewals are. When Acme is away, it is for seconds.
    fn requests(policy: &Policy) -> RequestPolicy {
        let breaker =
            BreakerPolicy { open_for: Duration::from_secs(2), ..RequestPolicy::default().breaker };
        RequestPolicy {
            attempts: policy.attempts,
            base_delay: policy.base_delay,
            max_delay: policy.max_delay,
            breaker,
            ..RequestPolicy::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingError> {
        let url = ("ACME_URL", "https://acme.example");
        let found = |name: &str| variables.iter().chain([&url]).find(|(known, _)| *known == name);
        Settings::from_environment(|name| found(name).map(|(_, value)| OsString::from(value)))
    }

    #[test]
    fn a6_retry_settings_come_from_the_environment() {
        let settings = read(&[("UNLAPSE_ATTEMPTS", "7"), ("UNLAPSE_TIMEOUT", "2s")]);
        let policy = settings.expect("good").policy;
        assert_eq!((policy.attempts, policy.exchange_deadline), (7, Duration::from_secs(2)));
        assert_eq!(policy.reuse, Reuse::Strict, "that is Acme's to say");
        let error = read(&[("UNLAPSE_ATTEMPTS", "many")]).expect_err("no number");
        assert_eq!(error.code(), "config_bad_value");
        assert!(error.to_string().contains("UNLAPSE_ATTEMPTS"), "{error}");
    }

    #[test]
    fn a3_tokens_of_a_test_are_not_kept_unless_somebody_says_so() {
        assert_eq!(read(&[]).expect("good").persistence, Persistence::Auto);
        let on = read(&[("UNLAPSE_PERSIST", "on")]).expect("good");
        assert_eq!(on.persistence, Persistence::On);
    }

    #[test]
    fn a_row_for_each_home() {
        let rows: [(&[_], _); 4] = [
            (&[], None),
            (&[("HOME", "/h")], Some("/h/.local/state/acme")),
            (&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")], Some("/s/acme")),
            (&[("HOME", "/h"), ("ACME_HOME", "/a")], Some("/a")),
        ];
        for (variables, home) in rows {
            assert_eq!(read(variables).expect("good").home, home.map(PathBuf::from));
        }
    }

    #[test]
    fn half_an_account_is_none() {
        for (set, missing) in
            [("ACME_USERNAME", "ACME_PASSWORD"), ("ACME_PASSWORD", "ACME_USERNAME")]
        {
            let error = read(&[(set, "x")]).expect_err("the other half is missing");
            assert!(matches!(error, SettingError::Missing(name) if name == missing), "{error}");
        }
    }
}
