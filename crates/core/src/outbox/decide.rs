//! What becomes of a request that waits.

use core::time::Duration;

use super::entry::{Mishap, Progress, QueuedRequest, Setback, TokenTrouble, Wait};
use super::policy::OutboxPolicy;
use crate::error::Cause;
use crate::policy::Policy;
use crate::retry::{self, Dice};
use crate::time::UnixTime;

/// What became of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A reply arrived.
    Replied {
        /// Its status.
        status: u16,
        /// Its `Retry-After`.
        retry_after: Option<Duration>,
        /// The server says that it repeats what it has answered to this idempotency key before
        /// (`Idempotent-Replayed: true`).
        is_replayed: bool,
    },
    /// It surely never left.
    Unsent(Cause),
    /// It left, or may have, and no reply came.
    Lost(Cause),
    /// There was no token to send it with: nothing left.
    NoToken {
        /// Why.
        trouble: TokenTrouble,
        /// Asking for one before then is useless.
        retry_at: Option<UnixTime>,
    },
}

/// What comes next for a request and for its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The server has acted upon it: it is done.
    Sent,
    /// It stays first in its line until then.
    TryAgain(Wait),
    /// Its line waits for a person to log in. Until then it is looked whether there is a token, ever
    /// more rarely. Nothing is lost.
    Blocked(Wait),
    /// The server will not have it: it is set apart for a person to see, and the next goes on.
    Refused,
}

/// Whether a request may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// Yes.
    Go,
    /// Not before then; nor is what stands behind it.
    Wait(UnixTime),
    /// It is set apart: the next goes on.
    Failed,
    /// It may have been acted upon, longer ago than the server remembers its key: it has to be set
    /// apart.
    TooLate,
}

/// Which waits are cut short. None that a server has asked for is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hurry {
    /// None.
    #[default]
    No,
    /// Those for a token: one has come. A request that the API refused with a token waits on: sending
    /// it costs a renewal, whose token would hurry it again, without an end.
    Token,
    /// All: a person asks for it, or the network is back.
    All,
}

impl Hurry {
    fn cuts(self, progress: &Progress) -> bool {
        let what = progress.setback.map(|setback| setback.what);
        match self {
            Self::No => false,
            Self::Token => matches!(what, Some(Mishap::NoToken(_))),
            Self::All => true,
        }
    }
}

/// Whether a request may be sent at `now`, when `hurry` is made.
pub fn ready(
    progress: &Progress,
    is_idempotent: bool,
    now: UnixTime,
    hurry: Hurry,
    policy: &OutboxPolicy,
) -> Ready {
    if progress.is_failed {
        return Ready::Failed;
    }
    // No wait is longer than this but by a clock that was set back since; twice, as it may have been
    // set back by less than that.
    let longest = policy.max_asked.max(policy.max_delay).saturating_mul(2);
    if let Some(wait) = progress.wait
        && wait.until > now
        && wait.until.since(now) <= longest
        && (wait.is_asked || !hurry.cuts(progress))
    {
        return Ready::Wait(wait.until);
    }
    match progress.doubt_since {
        // A doubt far in the future is of a clock that was wrong: nobody knows how old it is.
        Some(since)
            if !is_idempotent && now.since(since).max(since.since(now)) >= policy.key_lives =>
        {
            Ready::TooLate
        }
        _ => Ready::Go,
    }
}

/// What the outcome of an attempt means to `entry`, as it was before the attempt.
///
/// 401 is given here after the token has been renewed once for it (R13).
pub fn decide(
    outcome: Outcome,
    entry: &QueuedRequest,
    now: UnixTime,
    policy: &OutboxPolicy,
    dice: &mut Dice,
) -> Next {
    let progress = &entry.progress;
    let in_doubt = progress.doubt_since.is_some();
    let mut wait = |asked: Option<Duration>, is_asked: bool| {
        // An outage of an hour is not worth a thousand requests: the same backoff as a renewal's.
        let pace = Policy {
            base_delay: policy.base_delay,
            max_delay: policy.max_delay,
            ..Policy::default()
        };
        // Neither is a login that nobody makes for days worth asking for each second.
        let before = match outcome {
            Outcome::NoToken { .. } => progress.tokenless,
            _ => progress.attempts,
        };
        let attempt = before.saturating_add(1);
        let ours = retry::delay(attempt, &pace, None, dice);
        let asked = asked.map(|asked| asked.min(policy.max_asked));
        let wait = ours.max(asked.unwrap_or_default());
        Wait { until: now.plus(wait), is_asked: is_asked && asked.is_some() }
    };
    let (status, retry_after, is_replayed) = match outcome {
        Outcome::Replied { status, retry_after, is_replayed } => (status, retry_after, is_replayed),
        Outcome::Unsent(_) | Outcome::Lost(_) => return Next::TryAgain(wait(None, false)),
        Outcome::NoToken { trouble: TokenTrouble::Away, retry_at } => {
            // It is our own breaker that says so, as a rule: a token may be there long before, from
            // another process or a login.
            return Next::TryAgain(wait(retry_at.map(|at| at.since(now)), false));
        }
        Outcome::NoToken { .. } => return Next::Blocked(wait(None, false)),
    };
    match status {
        // 303: done, and its result is shown elsewhere (RFC 9110 §15.4.4). 304: what is there is what
        // was asked for.
        200..=299 | 303 | 304 => Next::Sent,
        // Gone is what it was to be, and it may be our own doing.
        404 | 410 if in_doubt && entry.message.method == "DELETE" => Next::Sent,
        401 => Next::Blocked(wait(None, false)),
        // "A request with this key is still under way" (the draft's §2.7): only an earlier attempt can
        // be, and not for ever.
        409 if in_doubt && progress.conflicts < policy.conflicts => {
            Next::TryAgain(wait(retry_after, true))
        }
        // The server will say so for ever, or cannot do such a thing at all.
        500..=599 if is_replayed => Next::Refused,
        501 | 505 => Next::Refused,
        408 | 425 | 429 | 500..=599 => Next::TryAgain(wait(retry_after, true)),
        _ => Next::Refused,
    }
}

impl Progress {
    /// As written before the request leaves: whoever finds it so after a crash knows that the server
    /// may have acted.
    #[must_use]
    pub fn begun(self, now: UnixTime) -> Self {
        Self {
            attempts: self.attempts.saturating_add(1),
            // Not later than now, whatever the clock was.
            doubt_since: Some(self.doubt_since.map_or(now, |since| since.min(now))),
            wait: None,
            ..self
        }
    }

    /// After an attempt that ended in `outcome` and left the request here; `self` is the progress
    /// before it was begun.
    #[must_use]
    pub fn after(self, outcome: Outcome, next: Next, now: UnixTime) -> Self {
        let begun = self.begun(now);
        let what = match outcome {
            Outcome::Replied { status, .. } => Mishap::Answered(status),
            Outcome::Unsent(cause) => Mishap::Unsent(cause),
            Outcome::Lost(cause) => Mishap::Lost(cause),
            Outcome::NoToken { trouble, .. } => Mishap::NoToken(trouble),
        };
        // What these answers are to was not acted upon, so that the doubt is what it was before. A
        // gateway's or a broken server's answer says nothing of what was done.
        let is_doubtful =
            matches!(outcome, Outcome::Lost(_) | Outcome::Replied { status: 409 | 500..=599, .. });
        Self {
            attempts: match outcome {
                Outcome::NoToken { .. } => self.attempts,
                _ => begun.attempts,
            },
            tokenless: match outcome {
                Outcome::NoToken { .. } => self.tokenless.saturating_add(1),
                _ => 0,
            },
            doubt_since: if is_doubtful { begun.doubt_since } else { self.doubt_since },
            conflicts: match outcome {
                Outcome::Replied { status: 409, .. } => self.conflicts.saturating_add(1),
                _ => 0,
            },
            setback: Some(Setback { at: now, what }),
            wait: match next {
                Next::TryAgain(wait) | Next::Blocked(wait) => Some(wait),
                Next::Sent | Next::Refused => None,
            },
            is_failed: next == Next::Refused,
        }
    }

    /// Set apart, because nobody can tell whether sending it again would act twice.
    #[must_use]
    pub fn too_late(self, now: UnixTime) -> Self {
        let setback = Some(Setback { at: now, what: Mishap::DoubtTooOld });
        Self { setback, wait: None, is_failed: true, ..self }
    }

    /// Put back into its line by a person, who takes it upon them that it may be acted upon twice.
    #[must_use]
    pub fn retried(self) -> Self {
        Self { tokenless: 0, doubt_since: None, conflicts: 0, wait: None, is_failed: false, ..self }
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
