//! What can go wrong, with a next step each (C17).

use unlapse::{Error, RequestError};
use unlapse_core::{Cause, StoreError};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was told something that it does not understand.
    #[error("{0}")]
    Usage(String),
    /// There is no token.
    #[error(transparent)]
    Token(#[from] Error),
    /// The server cannot be reached.
    #[error("the server cannot be reached")]
    Away,
    /// The request left, and no answer came.
    #[error("the server's answer is lost")]
    Lost,
    /// There is a token, and the request came to nothing all the same.
    #[error(transparent)]
    Request(Box<RequestError>),
    /// The server can be reached, and cannot answer now.
    #[error("the server answered {0}")]
    Later(u16),
    /// The server refused the request, with a good token.
    #[error("the server refused: {0}")]
    Refused(u16),
    /// What came back cannot be read.
    #[error("the server's reply cannot be read")]
    Unreadable,
    /// The server could not be told that the session is over.
    #[error("the server could not end the session: {0}")]
    NotRevoked(Cause),
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// Something of this machine's.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl From<reqwest_middleware::Error> for Failure {
    fn from(error: reqwest_middleware::Error) -> Self {
        match error {
            reqwest_middleware::Error::Middleware(error) => match error.downcast() {
                Ok(RequestError::Token(error)) => Self::Token(error),
                // What is repeated here may be: it is away, whether or not it saw an earlier try.
                Ok(RequestError::InDoubt { last, .. }) if last.is_network() => Self::Away,
                Ok(error) => Self::Request(Box::new(error)),
                Err(_) => Self::Lost,
            },
            reqwest_middleware::Error::Reqwest(error) if error.is_connect() => Self::Away,
            reqwest_middleware::Error::Reqwest(_) => Self::Lost,
        }
    }
}

impl Failure {
    /// What to do next.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Token(Error::NeedsLogin { .. } | Error::Store(StoreError::Damaged { .. })) => {
                "code-search login NAME"
            }
            Self::NotRevoked(_) => "nothing was removed: do it again when the server is back",
            Self::Token(Error::Store(error)) if error.is_retryable() => {
                "nothing is lost: see to the place that the message names, or wait for whoever has it"
            }
            _ if self.is_retryable() => {
                "nothing is lost: the same command will do when the server is back"
            }
            Self::Usage(_) => "docs/recipes/code-search.md shows how",
            Self::Refused(_) => "ask whoever runs the server whether you may do this",
            Self::Interrupted => "what was under way with the token was finished first",
            Self::Unreadable | Self::Io(_) => "see what the message names",
            _ => "look the code up in docs/troubleshooting.md",
        }
    }

    /// Whether the same may succeed later without anybody doing anything.
    fn is_retryable(&self) -> bool {
        match self {
            Self::Token(error) => error.is_retryable(),
            Self::Request(error) => error.is_retryable(),
            Self::Away | Self::Lost | Self::Later(_) | Self::NotRevoked(_) => true,
            _ => false,
        }
    }

    /// A stable name.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Request(error) => error.code(),
            Self::Away => "server_away",
            Self::Lost => "reply_lost",
            Self::Usage(_) => "usage",
            Self::Later(_) => "server_busy",
            Self::Refused(_) => "refused",
            Self::Unreadable => "reply_unreadable",
            Self::NotRevoked(_) => "not_revoked",
            Self::Interrupted => "interrupted",
            Self::Io(_) => "io",
        }
    }

    /// The exit code: those of the `unlapse` command.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            Self::Token(error) if error.needs_login() => 10,
            _ if self.is_retryable() => 11,
            Self::Usage(_) => 2,
            Self::Interrupted => 130,
            Self::Unreadable | Self::Io(_) => 1,
            _ => 13,
        }
    }
}
