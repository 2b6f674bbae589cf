//! What can be wrong with a configuration.

use std::path::PathBuf;

use super::origin::Origin;

/// Why there is no configuration. Values are never repeated: a secret may stand in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file is no TOML.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What the parser expected.
        message: String,
    },
    /// A key that means nothing.
    #[error("unknown key {}", at.name(key))]
    UnknownKey {
        /// The key with its table.
        key: String,
        /// Where it stands.
        at: Origin,
        /// The key that was most likely meant.
        nearest: Option<String>,
    },
    /// A value of the wrong type, out of range, or not one of the allowed.
    #[error("{} must be {allowed}", at.name(key))]
    BadValue {
        /// The key with its table.
        key: String,
        /// Where it was set.
        at: Origin,
        /// What is allowed.
        allowed: String,
        /// The value that was most likely meant.
        nearest: Option<String>,
    },
    /// A grant needs a key that is not set.
    #[error("profile `{profile}` ({at}) lacks `{key}`, which {needed_by} needs")]
    MissingKey {
        /// The profile.
        profile: String,
        /// The key to add, with its table where that is not the profile's own.
        key: &'static str,
        /// What needs it.
        needed_by: &'static str,
        /// Where the profile is.
        at: Origin,
    },
    /// A secret stands in a file that others may read, or that is committed one day.
    #[error("{} is a secret, and secrets do not belong in a configuration file", at.name(key))]
    SecretInFile {
        /// The key with its table.
        key: String,
        /// Where it stands.
        at: Origin,
        /// How to give it.
        instead: &'static str,
    },
    /// No such profile.
    #[error("there is no profile `{name}`")]
    UnknownProfile {
        /// The name that was asked for.
        name: String,
        /// The profile that was most likely meant.
        nearest: Option<String>,
        /// Every profile there is.
        known: Vec<String>,
    },
    /// None was named, and there is not exactly one.
    #[error("no profile was named, and {}", match known.len() {
        0 => "there is none".to_owned(),
        count => format!("there are {count}"),
    })]
    NoProfile {
        /// Every profile there is.
        known: Vec<String>,
    },
    /// A file that is there, or was named, cannot be read.
    #[error("the configuration file {} {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A project's file that somebody else wrote or can change.
    #[error("the configuration file {} {problem}", path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is neither a home directory nor a state directory.
    #[error("there is no home directory to keep state in")]
    NoHome,
}

impl ConfigError {
    /// The stable name of this error, a heading of the troubleshooting page.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "config_syntax",
            Self::UnknownKey { .. } => "config_unknown_key",
            Self::BadValue { .. } => "config_bad_value",
            Self::MissingKey { .. } => "config_missing_key",
            Self::SecretInFile { .. } => "config_secret_in_file",
            Self::UnknownProfile { .. } => "config_unknown_profile",
            Self::NoProfile { .. } => "config_no_profile",
            Self::Unreadable { .. } => "config_unreadable",
            Self::Untrusted { .. } => "config_untrusted",
            Self::NoHome => "config_no_home",
        }
    }
}
