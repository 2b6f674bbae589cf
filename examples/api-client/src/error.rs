//! What can go wrong, with a code each (A6).

use unlapse::RequestError;
use unlapse_core::UnixTime;

use crate::settings::SettingError;
use crate::token_file::TokenFileError;

/// Why the client could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcmeError {
    /// A setting is missing or cannot be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// There is no token to be had.
    #[error(transparent)]
    Token(#[from] unlapse::Error),
    /// The plain file is no login.
    #[error("the token file cannot be taken over: {0}")]
    TokenFile(#[from] TokenFileError),
    /// This client keeps nothing: a login that it took over would end with the process.
    #[error("this client keeps nothing, and the login of the file would end with it")]
    NotKept,
    /// The request has no answer: there is no token, or it is refused, or the API takes nothing now.
    #[error(transparent)]
    Request(RequestError),
    /// The API could not be reached, or broke off.
    #[error("the API cannot be reached")]
    Away,
    /// The API cannot answer now.
    #[error("the API answered {0}")]
    Busy(u16),
    /// The API refused the request.
    #[error("the API refused the request: {0}")]
    Refused(u16),
    /// What came back is not what the API says that it gives.
    #[error("the API's reply cannot be read")]
    Unreadable,
    /// Something of this machine's.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl AcmeError {
    /// The stable name of this error. Those of tokens and of requests that carry one are `unlapse`'s.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Setting(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::TokenFile(error) => error.code(),
            Self::NotKept => "nothing_kept",
            Self::Request(error) => error.code(),
            Self::Away => "acme_away",
            Self::Busy(_) => "acme_busy",
            Self::Refused(_) => "acme_refused",
            Self::Unreadable => "acme_unreadable",
            Self::Io(_) => "io",
        }
    }

    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Token(error) => error.is_retryable(),
            Self::Request(error) => error.is_retryable(),
            Self::Away | Self::Busy(_) => true,
            _ => false,
        }
    }

    /// Whether somebody has to log in.
    pub fn needs_login(&self) -> bool {
        match self {
            Self::Token(error) => error.needs_login(),
            Self::Request(error) => error.needs_login(),
            _ => false,
        }
    }

    /// The time before which asking again is useless, where it is known.
    pub fn retry_at(&self) -> Option<UnixTime> {
        match self {
            Self::Token(error) => error.retry_at(),
            Self::Request(error) => error.retry_at(),
            _ => None,
        }
    }
}

impl From<reqwest_middleware::Error> for AcmeError {
    fn from(error: reqwest_middleware::Error) -> Self {
        match error {
            reqwest_middleware::Error::Reqwest(error) => error.into(),
            reqwest_middleware::Error::Middleware(error) => match error.downcast() {
                // What is repeated here may be: it is away, whether or not it saw an earlier try.
                Ok(RequestError::InDoubt { last, .. }) if last.is_network() => Self::Away,
                Ok(error) => Self::Request(error),
                Err(other) => Self::Io(std::io::Error::other(other)),
            },
        }
    }
}

impl From<reqwest::Error> for AcmeError {
    fn from(_: reqwest::Error) -> Self {
        Self::Away
    }
}
