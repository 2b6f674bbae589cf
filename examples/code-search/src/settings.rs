//! What the environment says.

use std::path::PathBuf;

use unlapse::Secret;

use crate::failure::Failure;

/// What the environment says.
pub(crate) struct Settings {
    /// `CODE_SEARCH_SERVER`.
    pub(crate) server: String,
    /// `CODE_SEARCH_PASSPHRASE`: what the token file is sealed under. Without it, a key file.
    pub(crate) passphrase: Option<Secret>,
    /// Where this program keeps what belongs to no project.
    pub(crate) config_dir: PathBuf,
    /// Where a token goes that the project's directory does not take (C16).
    pub(crate) aside: Vec<PathBuf>,
}

impl Settings {
    /// Reads them by `variable`, which says nothing of what is unset.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Failure> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let dir = |name: &str, below: &str| {
            let home = || variable("HOME").map(|home| PathBuf::from(home).join(below));
            variable(name).map(PathBuf::from).or_else(home).map(|dir| dir.join("code-search"))
        };
        let config_dir = dir("XDG_CONFIG_HOME", ".config")
            .ok_or_else(|| Failure::Usage("set HOME or XDG_CONFIG_HOME".to_owned()))?;
        let runtime = variable("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join("code-search"));
        let aside = dir("XDG_STATE_HOME", ".local/state").into_iter().chain(runtime).collect();
        Ok(Self {
            server: variable("CODE_SEARCH_SERVER")
                .ok_or_else(|| Failure::Usage("set CODE_SEARCH_SERVER to its URL".to_owned()))?,
            passphrase: variable("CODE_SEARCH_PASSPHRASE").map(Secret::from),
            config_dir,
            aside,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Failure> {
        Settings::read(|name| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_empty_variable_is_an_unset_one() {
        let server = ("CODE_SEARCH_SERVER", "https://code.example");
        let settings = read(&[server, ("HOME", "/h"), ("CODE_SEARCH_PASSPHRASE", "")]);
        let settings = settings.expect("enough");
        assert!(settings.passphrase.is_none());
        assert_eq!(settings.config_dir, PathBuf::from("/h/.config/code-search"));
        assert_eq!(settings.aside, [PathBuf::from("/h/.local/state/code-search")]);
        assert!(read(&[server]).is_err(), "no home");
        assert!(read(&[("HOME", "/h"), ("CODE_SEARCH_SERVER", "")]).is_err(), "no server");
    }
}
