//! Why a part did not start.

use std::fmt;
use std::io;

/// What went wrong, in words for the person who runs the test.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    pub(crate) fn io(doing: &str, error: &io::Error) -> Self {
        Self(format!("{doing}: {error}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
