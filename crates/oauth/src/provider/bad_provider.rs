//! What is wrong with a catalogue. Names fields and never repeats a value: whatever stands in the
//! wrong place may be a secret (R18).

use core::fmt;

/// Why a descriptor makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {problem}")]
pub struct BadProvider {
    field: String,
    problem: String,
}

impl BadProvider {
    pub(super) fn of(field: &str, problem: impl fmt::Display) -> Self {
        Self { field: field.to_owned(), problem: problem.to_string() }
    }

    /// Which field, with dots: `token.url`.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong with it, and what to do.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// Why a text is no catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadCatalogue {
    /// More than 1 MiB, or more than a thousand providers.
    #[error("the catalogue is larger than 1 MiB, or has more than 1000 providers")]
    TooLarge,
    /// It is no TOML.
    #[error("line {line}: {problem}")]
    Syntax {
        /// Where, counted from one.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A table's name is none.
    #[error("line {line}: a provider's name is 1 to 64 lower-case letters, digits and `-`")]
    Name {
        /// Where, counted from one.
        line: usize,
    },
    /// A provider makes no sense.
    #[error("provider `{provider}`: {bad}")]
    Provider {
        /// Which.
        provider: String,
        /// What is wrong with it.
        bad: BadProvider,
    },
}
