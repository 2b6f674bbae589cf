//! What can go wrong, with a code each.

use unlapse::RequestError;
use unlapse_core::Cause;
use unlapse_oauth::EndpointError;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It was told something that it does not understand.
    #[error("{0}")]
    Usage(&'static str),
    /// `BACKEND` is no URL that a password may be sent to.
    #[error("BACKEND cannot be used: {0}")]
    Backend(#[from] EndpointError),
    /// There is no session, or it cannot be renewed now.
    #[error(transparent)]
    Session(#[from] unlapse::Error),
    /// The request has no answer.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The backend answered something else than a greeting.
    #[error("the backend answered {0}")]
    Answered(u16),
    /// The greeting is no text.
    #[error("the backend's answer cannot be read")]
    Unreadable,
    /// The backend could not be told that the session is over: nothing was removed.
    #[error("the backend could not end the session, and it goes on: {0}")]
    NotRevoked(Cause),
    /// Something of this machine's, or a connection that broke.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl Failure {
    /// A stable name.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::Backend(_) => "backend_url",
            Self::Session(error) => error.code(),
            Self::Request(error) => error.code(),
            Self::Answered(_) => "backend_answered",
            Self::Unreadable => "backend_unreadable",
            Self::NotRevoked(_) => "not_revoked",
            Self::Io(_) => "io",
        }
    }

    /// The exit codes of the `unlapse` command.
    pub(crate) fn exit(&self) -> u8 {
        let (needs_login, is_retryable) = match self {
            Self::Session(error) => (error.needs_login(), error.is_retryable()),
            Self::Request(error) => (error.needs_login(), error.is_retryable()),
            Self::Usage(_) | Self::Backend(_) => return 2,
            Self::Answered(500..) | Self::NotRevoked(_) => (false, true),
            _ => (false, false),
        };
        match (needs_login, is_retryable) {
            (true, _) => 10,
            (_, true) => 11,
            _ => 1,
        }
    }
}
