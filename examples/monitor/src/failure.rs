//! What can go wrong, with a next step each.

use unlapse::{EnvironmentError, Error, Unfinished};
use unlapse_core::StoreError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was told something that it does not understand.
    #[error("{0}")]
    Usage(String),
    /// The environment says something that is not understood.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Of some keys, what was to be done is not.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
    /// There is no token.
    #[error(transparent)]
    Token(#[from] Error),
    /// The server cannot be reached, or broke off.
    #[error("the server cannot be reached")]
    Away,
    /// The server can be reached, and cannot answer now.
    #[error("the server answered {0}")]
    Later(u16),
    /// The server refused the request, with a good token.
    #[error("the server refused: {0}")]
    Refused(u16),
    /// What came back cannot be read.
    #[error("the server's reply cannot be read")]
    Unreadable,
    /// The server could not be told that the sessions are over.
    #[error("the server could not end the session: {0}")]
    NotRevoked(unlapse_core::Cause),
    /// Something of this machine's.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Token(error.into())
    }
}

impl Failure {
    /// What to do next.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Token(Error::Store(StoreError::Damaged { .. })) => "monitor login ACCOUNT",
            Self::Token(error) if error.needs_login() => "monitor login ACCOUNT",
            Self::Token(error) if !error.is_retryable() => {
                "look the code up in docs/troubleshooting.md"
            }
            Self::Token(_) | Self::Away | Self::Later(_) => {
                "nothing is lost: it goes on when the server is back"
            }
            Self::NotRevoked(_) => "nothing was removed: do it again when the server is back",
            Self::Usage(_) | Self::Environment(_) => "docs/recipes/monitor.md shows how",
            Self::Refused(_) => "ask whoever runs the server whether you may do this",
            Self::Unfinished(_) => "do it again: what was done is done",
            Self::Unreadable | Self::Io(_) => "see what the message names",
        }
    }

    /// A stable name.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Environment(error) => error.code(),
            Self::Unfinished(_) => "unfinished",
            Self::Token(error) => error.code(),
            Self::Away => "server_away",
            Self::Later(_) => "server_busy",
            Self::Refused(_) => "refused",
            Self::Unreadable => "reply_unreadable",
            Self::NotRevoked(_) => "not_revoked",
            Self::Io(_) => "io",
        }
    }

    /// The exit code: those of the `unlapse` command.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Environment(_) => 2,
            Self::Token(error) if error.needs_login() => 10,
            Self::Token(error) if error.is_retryable() => 11,
            Self::Away | Self::Later(_) | Self::NotRevoked(_) => 11,
            Self::Token(_) | Self::Refused(_) => 13,
            Self::Unfinished(_) | Self::Unreadable | Self::Io(_) => 1,
        }
    }
}
