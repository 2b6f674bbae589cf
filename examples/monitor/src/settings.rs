//! What the environment says (K6).

use std::ffi::OsString;
use std::path::PathBuf;

use unlapse::{Environment, Secret};

use crate::failure::Failure;

/// Where metrics are, unless the environment says otherwise.
const ENDPOINT: &str = "https://monitor.example";

/// What the environment says.
pub(crate) struct Settings {
    /// `MONITOR_ENDPOINT`: another server.
    pub(crate) endpoint: String,
    /// What every program with this library takes from the environment: `UNLAPSE_NO_STORE`,
    /// `UNLAPSE_LOG` and more.
    pub(crate) environment: Environment,
    /// `MONITOR_API_KEY`: stands in when no token can be had (K4).
    pub(crate) api_key: Option<Secret>,
    /// `MONITOR_ACCOUNT`: the account, unless one is named.
    pub(crate) account: Option<String>,
    /// `MONITOR_PASSWORD`: its password, for a process that keeps nothing.
    pub(crate) password: Option<Secret>,
    /// `MONITOR_MACHINE_ID`: a file with the machine's identity, where it has none of its own.
    pub(crate) machine_id: Option<PathBuf>,
    /// Where tokens rest.
    pub(crate) state_dir: PathBuf,
    /// Where a token goes that this place does not take.
    pub(crate) aside: Option<PathBuf>,
}

impl Settings {
    /// Reads them by `variable`, which says nothing of what is unset.
    pub(crate) fn read(variables: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let environment = Environment::read(&variables)?;
        let text = |name: &str| variables(name)?.into_string().ok();
        let variable = |name: &str| text(name).filter(|value| !value.is_empty());
        let home = variable("HOME").map(|home| PathBuf::from(home).join(".local/state"));
        let state_dir = variable("XDG_STATE_HOME").map(PathBuf::from).or(home);
        let state_dir =
            state_dir.ok_or_else(|| Failure::Usage("set HOME or XDG_STATE_HOME".to_owned()))?;
        Ok(Self {
            environment,
            endpoint: variable("MONITOR_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned()),
            api_key: variable("MONITOR_API_KEY").map(Secret::from),
            account: variable("MONITOR_ACCOUNT"),
            password: variable("MONITOR_PASSWORD").map(Secret::from),
            machine_id: variable("MONITOR_MACHINE_ID").map(PathBuf::from),
            state_dir: state_dir.join("monitor"),
            aside: variable("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join("monitor")),
        })
    }
}

#[cfg(test)]
mod tests {
    use unlapse::Persistence;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Option<Settings> {
        let settings = Settings::read(|name| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| (*value).into())
        });
        settings.ok()
    }

    #[test]
    fn k6_each_variable_has_a_default_and_a_range() {
        let home = ("HOME", "/h");
        let settings = read(&[home, ("MONITOR_ENDPOINT", "")]).expect("enough");
        assert_eq!(settings.endpoint, ENDPOINT);
        assert!(settings.api_key.is_none() && settings.environment.log().is_none());
        assert_eq!(settings.state_dir, PathBuf::from("/h/.local/state/monitor"));
        let settings = read(&[home, ("UNLAPSE_NO_STORE", "1")]).expect("enough");
        assert_eq!(settings.environment.persistence(), Some(Persistence::Off));
        assert!(read(&[home, ("UNLAPSE_NO_STORE", "perhaps")]).is_none());
        assert!(read(&[]).is_none(), "no home");
    }
}
