//! What can go wrong, with a next step each (C17).

use unlapse::Error;
use unlapse_core::StoreError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was told something that it does not understand.
    #[error("{0}")]
    Usage(String),
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
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Something of this machine's.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl Failure {
    /// What to do next.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Token(Error::Store(StoreError::Damaged { .. })) => "code-search login NAME",
            Self::Token(error) if error.needs_login() => "code-search login NAME",
            Self::Token(error) if !error.is_retryable() => {
                "look the code up in docs/troubleshooting.md"
            }
            Self::Token(_) | Self::Away | Self::Later(_) => {
                "nothing is lost: the same command will do when the server is back"
            }
            Self::Usage(_) => "docs/recipes/code-search.md shows how",
            Self::Refused(_) => "ask whoever runs the server whether you may do this",
            Self::Interrupted => "what was under way with the token was finished first",
            Self::Unreadable | Self::Io(_) => "see what the message names",
        }
    }

    /// A stable name.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Token(error) => error.code(),
            Self::Away => "server_away",
            Self::Later(_) => "server_busy",
            Self::Refused(_) => "refused",
            Self::Unreadable => "reply_unreadable",
            Self::Interrupted => "interrupted",
            Self::Io(_) => "io",
        }
    }

    /// The exit code: those of the `unlapse` command.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Token(error) if error.needs_login() => 10,
            Self::Token(error) if error.is_retryable() => 11,
            Self::Away | Self::Later(_) => 11,
            Self::Token(_) | Self::Refused(_) => 13,
            Self::Interrupted => 130,
            Self::Unreadable | Self::Io(_) => 1,
        }
    }
}
