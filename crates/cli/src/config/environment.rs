//! What surrounds the process, as a value: tests build their own.

use core::fmt;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use unlapse_core::Secret;

use super::error::ConfigError;
use super::origin::Origin;

/// The environment that a configuration is read from.
#[derive(Clone)]
pub(crate) struct Environment {
    /// The variables.
    pub(crate) vars: BTreeMap<OsString, OsString>,
    /// The working directory; `None` when it is gone.
    pub(crate) cwd: Option<PathBuf>,
    /// The user's home directory, where there is one.
    pub(crate) home: Option<PathBuf>,
    /// The directory of temporary files.
    pub(crate) temp: PathBuf,
    /// The user's number, on systems that number users.
    pub(crate) uid: Option<u32>,
}

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        Self {
            vars: std::env::vars_os().collect(),
            cwd: std::env::current_dir().ok(),
            home: std::env::home_dir().filter(|home| home.is_absolute()),
            temp: std::env::temp_dir(),
            #[cfg(unix)]
            uid: Some(rustix::process::geteuid().as_raw()),
            #[cfg(not(unix))]
            uid: None,
        }
    }

    /// A variable's value; an empty one counts as unset, as the XDG specification has it.
    pub(crate) fn os(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A variable that must be text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ConfigError> {
        let Some(value) = self.os(name) else { return Ok(None) };
        value.to_str().map(Some).ok_or_else(|| ConfigError::BadValue {
            key: name.to_owned(),
            at: Origin::Variable(name.to_owned()),
            allowed: "UTF-8 text".to_owned(),
            nearest: None,
        })
    }

    /// A variable that holds a secret. A line end at its end, which shells and files leave there,
    /// is none of it.
    pub(crate) fn secret(&self, name: &str) -> Result<Option<Secret>, ConfigError> {
        let text = self.text(name)?.map(|text| text.trim_end_matches(['\r', '\n']));
        Ok(text.filter(|text| !text.is_empty()).map(Secret::new))
    }

    /// A variable that is on (`1`, `true`) or off (`0`, `false`, unset).
    pub(crate) fn switch(&self, name: &str) -> Result<bool, ConfigError> {
        match self.text(name)? {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(_) => Err(ConfigError::BadValue {
                key: name.to_owned(),
                at: Origin::Variable(name.to_owned()),
                allowed: "`1` or `0`".to_owned(),
                nearest: None,
            }),
        }
    }

    /// A directory of the XDG specification: `name`'s value, or `fallback` below the home
    /// directory. A relative value is ignored, as the specification demands.
    pub(crate) fn xdg(&self, name: &str, fallback: &str) -> Option<PathBuf> {
        let named = self.os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        named.or_else(|| self.home.as_ref().map(|home| home.join(fallback)))
    }

    /// The directory for state: `UNLAPSE_HOME`, else `unlapse` among the user's state.
    pub(crate) fn state_dir(&self) -> Option<PathBuf> {
        match self.os("UNLAPSE_HOME") {
            Some(home) => Some(self.absolute(Path::new(home))),
            None => self.xdg("XDG_STATE_HOME", ".local/state").map(|state| state.join("unlapse")),
        }
    }

    /// `path`, which a variable or a flag named, seen from the working directory.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        let whole = self.cwd.as_ref().map_or_else(|| path.to_owned(), |cwd| cwd.join(path));
        std::path::absolute(&whole).unwrap_or(whole)
    }

    /// `~/x` below the home directory; anything else as it is.
    pub(crate) fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }
}

impl fmt::Debug for Environment {
    /// Names only: values may be secrets (C13).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("vars", &self.vars.keys())
            .field("cwd", &self.cwd)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Environment {
    /// A user who works and lives in `cwd`, with no variable set.
    pub(crate) fn at(cwd: &Path) -> Self {
        Self {
            vars: BTreeMap::new(),
            cwd: Some(cwd.to_owned()),
            home: Some(cwd.join("home")),
            temp: PathBuf::from("/tmp"),
            uid: Environment::of_process().uid,
        }
    }

    /// The same, with a variable set.
    pub(crate) fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.vars.insert(name.into(), value.as_ref().to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c13_debug_prints_no_value() {
        let environment = Environment::at(Path::new("/w")).with("UNLAPSE_PASSPHRASE", "canary");
        let debug = format!("{environment:?}");
        assert!(debug.contains("UNLAPSE_PASSPHRASE") && !debug.contains("canary"), "{debug}");
    }

    #[test]
    fn the_state_directory_by_its_sources() {
        let bare = Environment::at(Path::new("/w"));
        let rows = [
            (bare.clone(), "/w/home/.local/state/unlapse"),
            (bare.clone().with("XDG_STATE_HOME", "/s"), "/s/unlapse"),
            (bare.clone().with("XDG_STATE_HOME", "relative"), "/w/home/.local/state/unlapse"),
            (bare.clone().with("UNLAPSE_HOME", "/u"), "/u"),
            (bare.clone().with("UNLAPSE_HOME", "u"), "/w/u"),
            (bare.with("UNLAPSE_HOME", ""), "/w/home/.local/state/unlapse"),
        ];
        for (environment, expected) in rows {
            assert_eq!(environment.state_dir(), Some(PathBuf::from(expected)));
        }
    }

    #[test]
    fn k6_a_switch_is_on_or_off_or_an_error() {
        let bare = Environment::at(Path::new("/w"));
        assert_eq!(bare.switch("UNLAPSE_NO_STORE"), Ok(false));
        for (value, expected) in [("1", true), ("true", true), ("0", false), ("", false)] {
            let environment = bare.clone().with("UNLAPSE_NO_STORE", value);
            assert_eq!(environment.switch("UNLAPSE_NO_STORE"), Ok(expected), "{value}");
        }
        let error = bare.with("UNLAPSE_NO_STORE", "perhaps").switch("UNLAPSE_NO_STORE");
        assert_eq!(
            error.expect_err("neither").to_string(),
            "the environment variable `UNLAPSE_NO_STORE` must be `1` or `0`"
        );
    }
}
