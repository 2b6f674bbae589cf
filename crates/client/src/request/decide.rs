//! What comes after one try of a request (C10, R13).

use std::time::Duration;

/// What became of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The token was refused: 401, whatever its challenge says.
    Unauthorized,
    /// The proof was refused for its nonce: 401 with `use_dpop_nonce` and a nonce (RFC 9449 §9).
    WantsNonce,
    /// Any other answer.
    Answered {
        /// The HTTP status.
        status: u16,
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// The request surely never arrived.
    Unsent,
    /// It may have arrived, and no answer came.
    Lost,
    /// Somebody between here and the network refused it, for reasons of their own.
    Refused,
}

impl Outcome {
    /// Whether time may help: it counts as one of the tries that may fail.
    pub(crate) fn is_repeated_later(self) -> bool {
        self.is_failure() || matches!(self, Self::Answered { status: 408 | 425 | 429, .. })
    }

    /// Whether the API may have done what the request asks for, although the try failed: a gateway gives
    /// up on what goes on behind it.
    pub(crate) fn may_be_done(self) -> bool {
        matches!(self, Self::Lost | Self::Answered { status: 408 | 500..=599, .. })
    }

    /// Whether the API is in trouble, as its breaker sees it (R16): a refused token is no trouble.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::Unsent | Self::Lost | Self::Answered { status: 500..=599, .. })
    }
}

/// The request, and what it has gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a column of the table")]
pub(crate) struct Standing {
    /// Sent twice it does no more than sent once: by its method (RFC 9110 §9.2.2), or since it
    /// carries an `Idempotency-Key`.
    pub(crate) is_idempotent: bool,
    /// A copy of its body is at hand.
    pub(crate) can_repeat: bool,
    /// The token was an API key, for which there is no other.
    pub(crate) is_api_key: bool,
    /// The token is here since this API refused the one before, a moment ago: what refuses both would
    /// refuse the next.
    pub(crate) is_suspect: bool,
    /// It was repeated with another token already.
    pub(crate) renewed: bool,
    /// It was proven again already.
    pub(crate) proven_again: bool,
    /// The nonce that came is another than the one that was shown.
    pub(crate) is_nonce_new: bool,
    /// Tries that failed, this one included.
    pub(crate) failures: u32,
    /// Tries that may fail.
    pub(crate) attempts: u32,
    /// The breaker has opened.
    pub(crate) is_away: bool,
    /// How long to wait before a repeat.
    pub(crate) delay: Duration,
    /// The longest wait that makes sense.
    pub(crate) max_delay: Duration,
    /// What is left of the request's deadline.
    pub(crate) left: Duration,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The caller gets what there is: the answer, or the error of the network.
    Give,
    /// Have this generation renewed, and repeat the request with its successor (R13).
    Renew,
    /// Have it renewed for the next request: this one cannot be repeated.
    RenewForNext,
    /// Repeat it with the nonce that came (RFC 9449 §9).
    Prove,
    /// The nonce is known for the next request: this one cannot be repeated.
    ProveNext,
    /// Repeat it after so long.
    Wait(Duration),
    /// The API does not take the token, and a new one would not help.
    End,
}

/// Decides it.
pub(crate) fn decide(outcome: Outcome, standing: &Standing) -> Step {
    match outcome {
        Outcome::WantsNonce if standing.proven_again || !standing.is_nonce_new => Step::End,
        Outcome::WantsNonce if !standing.can_repeat => Step::ProveNext,
        Outcome::WantsNonce => Step::Prove,
        Outcome::Unauthorized if standing.is_api_key || standing.is_suspect => Step::End,
        Outcome::Unauthorized if standing.renewed => Step::End,
        Outcome::Unauthorized if !standing.can_repeat => Step::RenewForNext,
        Outcome::Unauthorized => Step::Renew,
        // It was not done, whatever it is (RFC 6585 §4).
        Outcome::Answered { status: 429, retry_after } => again(standing, retry_after),
        // It may have been done: a gateway gives up on what goes on behind it.
        Outcome::Answered { status: 408 | 425 | 500 | 502 | 503 | 504, retry_after }
            if standing.is_idempotent =>
        {
            again(standing, retry_after)
        }
        Outcome::Unsent => again(standing, None),
        Outcome::Lost if standing.is_idempotent => again(standing, None),
        Outcome::Answered { .. } | Outcome::Lost | Outcome::Refused => Step::Give,
    }
}

/// Once more, if there is any use in it. What the server asks for is not cut short: to ask before it
/// wants to be asked brings another refusal.
fn again(standing: &Standing, retry_after: Option<Duration>) -> Step {
    let may = standing.can_repeat && standing.failures < standing.attempts && !standing.is_away;
    let is_in_time = standing.delay < standing.left
        && retry_after.is_none_or(|wanted| wanted <= standing.max_delay);
    if may && is_in_time { Step::Wait(standing.delay) } else { Step::Give }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
