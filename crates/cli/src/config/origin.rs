//! Where a value comes from.

use core::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

/// The place that a value was set in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody set it.
    Default,
    /// A line of a configuration file.
    File {
        /// The file.
        path: Arc<Path>,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl Origin {
    /// What was set, for messages: the key in its file and line, or the variable or flag itself.
    pub(crate) fn name(&self, key: &str) -> String {
        match self {
            Self::Default | Self::File { .. } => format!("`{key}` in {self}"),
            Self::Variable(name) => format!("the environment variable `{name}`"),
            Self::Flag(name) => format!("`{name}`"),
        }
    }

    /// The origin as `config show --json` prints it.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Default => json!({ "kind": "default" }),
            Self::File { path, line } => {
                json!({ "kind": "file", "file": path.display().to_string(), "line": line })
            }
            Self::Variable(name) => json!({ "kind": "environment", "variable": name }),
            Self::Flag(name) => json!({ "kind": "flag", "flag": name }),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Valued<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it was set.
    pub(crate) origin: Origin,
}

impl<T> Valued<T> {
    /// A value that nobody set.
    pub(crate) fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// Another value in its place, from the same origin.
    pub(crate) fn replaced<U>(&self, value: U) -> Valued<U> {
        Valued { value, origin: self.origin.clone() }
    }
}
