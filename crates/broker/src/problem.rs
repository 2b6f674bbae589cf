//! What the broker says when it cannot do what it was asked to (RFC 9457).

use core::fmt;
use core::time::Duration;

use unlapse::unlapse_core::UnixTime;

use crate::code::Code;
use crate::connection_id::ConnectionId;

/// A problem: what failed, for whom, and what to do next (I5). It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Problem {
    /// Which one it is.
    pub code: Code,
    /// What is the matter here, in a sentence.
    pub detail: String,
    /// The connection that it is about; apart, so that a result stays small.
    pub account: Option<Box<ConnectionId>>,
    /// Requests that were made to the provider.
    pub attempts: u32,
    /// How long was tried.
    pub duration: Duration,
    /// When asking again makes sense.
    pub retry_at: Option<UnixTime>,
}

impl Problem {
    /// A problem that is no connection's.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { code, detail, account: None, attempts: 0, duration: Duration::ZERO, retry_at: None }
    }

    /// The same, about this connection.
    pub fn of(mut self, account: &ConnectionId) -> Self {
        self.account = Some(Box::new(account.clone()));
        self
    }

    /// The same, with when to ask again.
    pub fn retry_at(mut self, at: Option<UnixTime>) -> Self {
        self.retry_at = at;
        self
    }

    /// The same, after so many requests and so long.
    pub fn after(mut self, attempts: u32, duration: Duration) -> Self {
        self.attempts = attempts;
        self.duration = duration;
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl core::error::Error for Problem {}
