//! A database that cannot be asked now.

use core::time::Duration;

/// The database cannot be asked now, or its answer was lost: what was asked for may have happened
/// all the same. It has logged the cause itself, without values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database cannot answer now")]
pub struct Away {
    /// Asking again earlier is useless.
    pub retry_after: Duration,
}

impl Away {
    /// A row, a column or a value that is not as asked for, which no caller can mend.
    pub(crate) fn misread(what: &'static str) -> Self {
        tracing::error!(what, "the database: not as expected");
        Self { retry_after: Duration::from_secs(1) }
    }
}
