//! The numbers of a request that carries a token.

use std::time::Duration;

use unlapse_core::{BreakerPolicy, Policy};

/// Everything about requests to an API that is a matter of choice. The defaults are those of the
/// requirements (C10, C12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestPolicy {
    /// Longest from the call until the head of an answer: the wait for a token, for a place, the tries
    /// and the pauses between them. One request may have its own: [`RequestDeadline`].
    pub deadline: Duration,
    /// Tries of one request that fails, the first included. What a refused token or a wanted nonce
    /// costs is not counted: each is one try more, once (R13, RFC 9449 §9).
    pub attempts: u32,
    /// Requests to one origin at once, until the head of the answer (C12): at least one, whatever it
    /// says; `usize::MAX` is no limit. A waiting renewal takes no place. For sources that share an API,
    /// [`Places`](crate::Places).
    pub at_once: usize,
    /// Longest wait for a place among them. Zero: one that is free, or none.
    pub place_wait: Duration,
    /// Delay before the first repeat; doubles with each (C10).
    pub base_delay: Duration,
    /// Longest delay between tries. A `Retry-After` beyond it is not cut short: the answer goes to
    /// the caller at once.
    pub max_delay: Duration,
    /// The breaker of each origin, apart from the token endpoint's (R16). What counts as a failure is
    /// a 5xx or no answer, never a refused token.
    pub breaker: BreakerPolicy,
}

impl Default for RequestPolicy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(60),
            attempts: 3,
            at_once: 10,
            place_wait: Duration::from_secs(5),
            base_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            // An API has many routes behind one origin: shut for as long as a token endpoint is, one
            // of them would take the others with it.
            breaker: BreakerPolicy {
                failures: 5,
                open_for: Duration::from_secs(30),
                open_at_most: Duration::from_secs(300),
            },
        }
    }
}

impl RequestPolicy {
    /// The same, as the backoff of a renewal is told (R15).
    pub(crate) fn backoff(&self) -> Policy {
        Policy { base_delay: self.base_delay, max_delay: self.max_delay, ..Policy::default() }
    }
}

/// The deadline of one request, among its extensions, in place of [`RequestPolicy::deadline`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestDeadline(pub Duration);
