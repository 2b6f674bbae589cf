//! Why a request that carries a token came to nothing.

use core::fmt;
use core::time::Duration;

use unlapse_core::{Error, UnixTime};

use super::call::Fault;
use super::origin::{Origin, OriginError};
use super::refusal::Refusal;

/// The error of an HTTP client underneath.
pub type BoxError = Box<dyn core::error::Error + Send + Sync>;

/// Why a request has no answer that its caller could use. Each kind has a stable
/// [`code`](RequestError::code), which is a heading of the project's `docs/troubleshooting.md`.
///
/// Three questions part the kinds: [`is_network`](RequestError::is_network),
/// [`is_authentication`](RequestError::is_authentication), and for what is neither,
/// [`is_retryable`](RequestError::is_retryable).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// There is no token to send.
    #[error(transparent)]
    Token(#[from] Error),
    /// The API refuses a token that was just renewed, or an API key, for which there is no other.
    #[error("{origin} refuses the token, and a new one would not help: {refusal}")]
    Unauthorized {
        /// The API.
        origin: Origin,
        /// What it says.
        refusal: Refusal,
    },
    /// The API refused the token, or wants a nonce in the proof; what it takes is at hand now, but the
    /// body of this request was sent and cannot be sent again. The next request will do.
    #[error("{origin} refused the request, whose body cannot be sent again; the next one will do")]
    BodySpent {
        /// The API.
        origin: Origin,
    },
    /// The breaker of the API is open (R16). Nothing was sent.
    #[error("{origin} failed too often and is not asked before {until}")]
    Away {
        /// The API.
        origin: Origin,
        /// When it is tried again.
        until: UnixTime,
    },
    /// No place was free among the requests that are made at once (C12). Nothing was sent.
    #[error("no place among the requests to {origin} within {waited:?}")]
    Busy {
        /// The API.
        origin: Origin,
        /// How long a place was waited for.
        waited: Duration,
    },
    /// The request's own deadline passed (R17).
    #[error("the request to {origin} is not done after {waited:?}: it waited for {waiting_for}")]
    Deadline {
        /// The API.
        origin: Origin,
        /// How long the caller waited.
        waited: Duration,
        /// What for, in the end.
        waiting_for: WaitingFor,
    },
    /// A token may not go there: it is none of the origins that were named, or plain http to another
    /// machine. Nothing was sent.
    #[error("the token is not for {origin}")]
    ForeignOrigin {
        /// Where the request would have gone.
        origin: Origin,
    },
    /// The request does not say where it goes, and not exactly one origin was named. Nothing was sent.
    #[error("nobody knows whom the token would go to: the request's URI is refused: {0}")]
    NoOrigin(OriginError),
    /// The HTTP client beneath failed before or apart from any of this: it was not ready, or the request
    /// has an `Authorization` header of its own and is none of ours.
    #[error("the HTTP client failed")]
    Client(#[source] BoxError),
    /// No connection was made: the API has surely not seen the request.
    #[error("no connection to {origin} could be made")]
    Unsent {
        /// The API.
        origin: Origin,
        /// What the HTTP client says.
        source: BoxError,
    },
    /// The request left, or may have, and no answer came. The API may have done what it asks for.
    #[error("the answer of {origin} is lost")]
    Lost {
        /// The API.
        origin: Origin,
        /// What the HTTP client says.
        source: BoxError,
    },
    /// An earlier try of an idempotent request was lost, or answered with a 408 or 5xx, and the last one
    /// came to nothing for a reason of its own. The API may have done what it asks for.
    #[error("{last}; {origin} may have done it at an earlier try")]
    InDoubt {
        /// The API.
        origin: Origin,
        /// Why the last try came to nothing. Of itself alone it says that nothing was sent.
        #[source]
        last: Box<RequestError>,
    },
}

/// What a request was waiting for when its deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitingFor {
    /// A token: its renewal goes on (R6).
    Token,
    /// A place among the requests at once.
    Place,
    /// The answer. The API may have seen the request.
    Answer,
}

impl fmt::Display for WaitingFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "a token, whose renewal goes on",
            Self::Place => "a place among the requests at once",
            Self::Answer => "the answer",
        })
    }
}

impl RequestError {
    /// What a fault of the HTTP client beneath is.
    pub(crate) fn of(fault: Fault, origin: Origin, source: BoxError) -> Self {
        match fault {
            Fault::Unsent => Self::Unsent { origin, source },
            Fault::Lost => Self::Lost { origin, source },
            Fault::Refused => Self::Client(source),
        }
    }

    /// The stable name of this error, a heading of the troubleshooting page. For want of a token it is
    /// that error's own.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::Unauthorized { .. } => "api_unauthorized",
            Self::BodySpent { .. } => "api_body_spent",
            Self::Away { .. } => "api_away",
            Self::Busy { .. } => "api_busy",
            Self::Deadline { .. } => "api_deadline",
            Self::ForeignOrigin { .. } | Self::NoOrigin(_) => "api_origin",
            Self::Client(_) => "api_client",
            Self::Unsent { .. } => "api_unreachable",
            Self::Lost { .. } | Self::InDoubt { .. } => "api_reply_lost",
        }
    }

    /// Whether the same request may succeed later without anybody doing anything. Whether it may be
    /// *made* again is another matter where it may have been seen: [`RequestError::was_sent`].
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Token(error) => error.is_retryable(),
            Self::InDoubt { last, .. } => last.is_retryable(),
            Self::Unauthorized { .. }
            | Self::ForeignOrigin { .. }
            | Self::NoOrigin(_)
            | Self::Client(_) => false,
            Self::BodySpent { .. }
            | Self::Away { .. }
            | Self::Busy { .. }
            | Self::Deadline { .. }
            | Self::Unsent { .. }
            | Self::Lost { .. } => true,
        }
    }

    /// Whether the API may have done what the request asks for: there is no answer, and it left or may
    /// have left, by the last try or one before it. A request that was refused for its token was sent,
    /// and nothing was done.
    pub fn was_sent(&self) -> bool {
        matches!(
            self,
            Self::Lost { .. }
                | Self::InDoubt { .. }
                | Self::Client(_)
                | Self::Deadline { waiting_for: WaitingFor::Answer, .. }
        )
    }

    /// Whether a person has to log in again.
    pub fn needs_login(&self) -> bool {
        match self {
            Self::Token(error) => error.needs_login(),
            Self::InDoubt { last, .. } => last.needs_login(),
            _ => false,
        }
    }

    /// Whether the API could not be reached or did not answer: nothing is said of the token.
    pub fn is_network(&self) -> bool {
        match self {
            Self::Unsent { .. }
            | Self::Lost { .. }
            | Self::Away { .. }
            | Self::Deadline { waiting_for: WaitingFor::Answer, .. } => true,
            Self::InDoubt { last, .. } => last.is_network(),
            _ => false,
        }
    }

    /// Whether it is about the token: there is none, or it was refused.
    pub fn is_authentication(&self) -> bool {
        match self {
            Self::Token(_) | Self::Unauthorized { .. } | Self::BodySpent { .. } => true,
            Self::InDoubt { last, .. } => last.is_authentication(),
            _ => false,
        }
    }

    /// The time before which asking again is useless, where it is known.
    pub fn retry_at(&self) -> Option<UnixTime> {
        match self {
            Self::Token(error) => error.retry_at(),
            Self::Away { until, .. } => Some(*until),
            Self::InDoubt { last, .. } => last.retry_at(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse_core::{Cause, Key, LoginReason};

    fn origin() -> Origin {
        "https://api.example".parse().expect("an origin")
    }

    /// Whether it is retryable, was sent, is of the network, is about the token.
    fn answers(error: &RequestError) -> [bool; 4] {
        [error.is_retryable(), error.was_sent(), error.is_network(), error.is_authentication()]
    }

    #[test]
    fn c17_a_row_for_each_error_and_what_it_answers() {
        let key = || Key::new("acme");
        let at = UnixTime::from_secs(1);
        let waited = Duration::from_secs(1);
        let source = || BoxError::from("broken pipe");
        let temporary =
            Error::Temporary { key: key(), cause: Cause::Connect, attempts: 3, retry_at: Some(at) };
        let ended = Error::NeedsLogin { key: key(), reason: LoginReason::RefreshRejected };
        let late = |waiting_for| RequestError::Deadline { origin: origin(), waited, waiting_for };
        let in_doubt = |last| RequestError::InDoubt { origin: origin(), last: Box::new(last) };
        let (yes, no) = (true, false);
        for (error, code, expected) in [
            (temporary.into(), "temporary_failure", [yes, no, no, yes]),
            (ended.into(), "login_needed", [no, no, no, yes]),
            (
                RequestError::Unauthorized { origin: origin(), refusal: Refusal::default() },
                "api_unauthorized",
                [no, no, no, yes],
            ),
            (RequestError::BodySpent { origin: origin() }, "api_body_spent", [yes, no, no, yes]),
            (RequestError::Away { origin: origin(), until: at }, "api_away", [yes, no, yes, no]),
            (RequestError::Busy { origin: origin(), waited }, "api_busy", [yes, no, no, no]),
            (late(WaitingFor::Token), "api_deadline", [yes, no, no, no]),
            (late(WaitingFor::Place), "api_deadline", [yes, no, no, no]),
            (late(WaitingFor::Answer), "api_deadline", [yes, yes, yes, no]),
            (RequestError::ForeignOrigin { origin: origin() }, "api_origin", [no, no, no, no]),
            (RequestError::NoOrigin(OriginError::NotAbsolute), "api_origin", [no, no, no, no]),
            (RequestError::Client(source()), "api_client", [no, yes, no, no]),
            (
                RequestError::Unsent { origin: origin(), source: source() },
                "api_unreachable",
                [yes, no, yes, no],
            ),
            (
                RequestError::Lost { origin: origin(), source: source() },
                "api_reply_lost",
                [yes, yes, yes, no],
            ),
            (
                in_doubt(RequestError::Busy { origin: origin(), waited }),
                "api_reply_lost",
                [yes, yes, no, no],
            ),
            (
                in_doubt(RequestError::Unsent { origin: origin(), source: source() }),
                "api_reply_lost",
                [yes, yes, yes, no],
            ),
            (
                in_doubt(RequestError::BodySpent { origin: origin() }),
                "api_reply_lost",
                [yes, yes, no, yes],
            ),
        ] {
            assert_eq!((error.code(), answers(&error)), (code, expected), "{error}");
            let has_time = matches!(code, "temporary_failure" | "api_away");
            assert_eq!(error.retry_at(), has_time.then_some(at), "{error}");
            assert_eq!(error.needs_login(), code == "login_needed", "{error}");
        }
    }
}
