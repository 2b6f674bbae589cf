//! Service beyond a token's end, while its server cannot be reached (K12).
//!
//! A token that has ended is worth something to whoever cannot get another: an API may be lenient, or
//! out of reach as well and its answers cached. It is served only for want of a network or a server,
//! never against a verdict, and never for longer than `Policy::stale`.

use core::time::Duration;

use crate::error::{Cause, Error, StoreError};
use crate::plan::Stop;
use crate::policy::Policy;
use crate::record::{Record, State};
use crate::time::Now;

impl Cause {
    /// Whether it is for want of a network or of a working server: nobody who knows the login has
    /// answered. What only asks to be left alone (429) is there, and so is what answers nonsense.
    pub fn is_away(self) -> bool {
        match self {
            Self::Connect
            | Self::Timeout
            | Self::Broken
            | Self::Status(408 | 500..)
            // A firewall, a proxy or a captive portal, which may redirect as well.
            | Self::Html(_)
            | Self::Unreadable(300..=399) => true,
            Self::Status(_)
            | Self::Unreadable(_)
            | Self::TooLarge
            | Self::Rule
            | Self::Interrupted
            | Self::Client
            | Self::Request
            | Self::Host => false,
        }
    }
}

impl Record {
    /// How much longer the token may be served beyond its end; `None` while it is valid, when that
    /// is over, and when the login has ended or its last renewal failed for anything but want of a
    /// server. That there is such want now is for [`Record::is_stale_after`] to say.
    pub fn stale_left(&self, now: &Now, policy: &Policy) -> Option<Duration> {
        let token = self.token.as_ref()?;
        let is_renewable = self.state == State::Active && !token.refresh_ended(now);
        if policy.stale.is_zero() || !token.is_expired(now) || !is_renewable {
            return None;
        }
        if self.failure.is_some_and(|failure| !failure.cause.is_away()) {
            return None;
        }
        let most = token.lifetime?.saturating_add(policy.stale);
        most.checked_sub(now.since(&token.obtained)).filter(|left| !left.is_zero())
    }

    /// Whether the last renewal is known to have failed for want of a server.
    pub fn is_away(&self) -> bool {
        self.failure.is_some_and(|failure| failure.cause.is_away())
    }

    /// Whether the token may be served beyond its end after a renewal that ended with `error`.
    pub fn is_stale_after(&self, error: &Error, now: &Now, policy: &Policy) -> bool {
        let is_away = match error {
            Error::Temporary { cause, .. } | Error::OutcomeUnknown { cause, .. } => cause.is_away(),
            // The renewal goes on, here or elsewhere: what is known is how the last one ended.
            Error::Deadline { .. } | Error::Store(StoreError::Busy { .. }) => self.is_away(),
            // Only a plan knows what has opened it.
            Error::BreakerOpen { .. }
            | Error::NeedsLogin { .. }
            | Error::ClientRejected { .. }
            | Error::SenderKey { .. }
            | Error::RuleBroken { .. }
            | Error::Store(_) => false,
        };
        is_away && self.stale_left(now, policy).is_some()
    }

    /// Whether the token may be served beyond its end when a plan stops like this. `is_there`: what
    /// opened the breaker were answers.
    pub(crate) fn is_stale_at(
        &self,
        stop: Stop,
        is_there: bool,
        now: &Now,
        policy: &Policy,
    ) -> bool {
        let is_away = match stop {
            // Other keys of the endpoint may have opened it, before this one was tried.
            Stop::BreakerOpen { .. } => !is_there,
            Stop::Later { .. } | Stop::InDoubt => self.is_away(),
            Stop::NeedsLogin(_) => false,
        };
        is_away && self.stale_left(now, policy).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Rejection, RuleBroken, SenderKeyProblem};
    use crate::key::Key;
    use crate::record::LoginReason;
    use crate::secret::Secret;
    use crate::time::{BootTime, UnixTime};
    use crate::token::Grant;

    const SENT: Now =
        Now { wall: UnixTime::from_secs(1_000_000), boot: BootTime { boot: 1, millis: 0 } };

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// An hour's token, whose last renewal failed like this.
    fn record(cause: Option<Cause>) -> Record {
        let mut grant = Grant::bearer(Secret::new("at"));
        grant.expires_in = Some(secs(3600));
        grant.refresh_token = Some(Secret::new("rt"));
        let record = Record::default().granted(grant, SENT);
        match cause {
            Some(cause) => record.failed(record.failure(cause, SENT.plus(secs(3500)), None)),
            None => record,
        }
    }

    fn policy(stale: u64) -> Policy {
        Policy { stale: secs(stale), ..Policy::default() }
    }

    #[test]
    fn k12_a_row_for_each_cause() {
        let rows = [
            (Cause::Connect, true),
            (Cause::Timeout, true),
            (Cause::Broken, true),
            (Cause::Status(500), true),
            (Cause::Status(502), true),
            (Cause::Status(503), true),
            (Cause::Status(599), true),
            (Cause::Status(408), true),
            // It is there, and wants to be left alone, or says so in JSON.
            (Cause::Status(429), false),
            (Cause::Status(425), false),
            (Cause::Status(400), false),
            // Somebody else's pages.
            (Cause::Html(200), true),
            (Cause::Html(403), true),
            (Cause::Html(503), true),
            (Cause::Unreadable(302), true),
            (Cause::Unreadable(200), false),
            (Cause::Unreadable(404), false),
            (Cause::TooLarge, false),
            (Cause::Rule, false),
            (Cause::Interrupted, false),
            (Cause::Client, false),
            (Cause::Request, false),
            (Cause::Host, false),
        ];
        for (cause, away) in rows {
            assert_eq!(cause.is_away(), away, "{cause:?}");
            let left = record(Some(cause)).stale_left(&SENT.plus(secs(3600)), &policy(60));
            assert_eq!(left, away.then_some(secs(60)), "{cause:?}");
        }
    }

    #[test]
    fn k12_from_its_end_to_the_bound_and_no_longer() {
        let record = record(Some(Cause::Connect));
        let rows = [
            (3599, 60, None),
            (3600, 60, Some(60)),
            (3659, 60, Some(1)),
            (3660, 60, None),
            (9999, 60, None),
            // Off.
            (3600, 0, None),
        ];
        for (at, stale, left) in rows {
            let found = record.stale_left(&SENT.plus(secs(at)), &policy(stale));
            assert_eq!(found, left.map(secs), "{at} {stale}");
        }
        // The clock that says more counts (R11).
        let mut now = SENT.plus(secs(3660));
        now.wall = SENT.wall;
        assert_eq!(record.stale_left(&now, &policy(60)), None);
    }

    #[test]
    fn k12_never_after_the_login_has_ended() {
        let now = SENT.plus(secs(3601));
        let away = record(Some(Cause::Connect));
        assert!(away.stale_left(&now, &policy(60)).is_some());
        for reason in [LoginReason::RefreshRejected, LoginReason::RotationLost] {
            assert_eq!(away.ended(reason).stale_left(&now, &policy(60)), None, "{reason:?}");
        }
        assert_eq!(away.cleared(now).stale_left(&now, &policy(60)), None);
        let ended = away.next(|record| {
            let token = record.token.as_mut().expect("granted");
            token.refresh_ends_at = Some(SENT.wall.plus(secs(3600)));
        });
        assert_eq!(ended.stale_left(&now, &policy(60)), None);
        // A token without an end never gets there.
        let endless = away.next(|record| {
            record.token.as_mut().expect("granted").lifetime = None;
        });
        assert_eq!(endless.stale_left(&now, &policy(60)), None);
    }

    #[test]
    fn k12_a_row_for_each_error() {
        let key = || Key::new("acme");
        let temporary = |cause| Error::Temporary { key: key(), cause, attempts: 3, retry_at: None };
        let busy = || Error::Store(StoreError::Busy { key: key(), holder: None });
        let open = || Error::BreakerOpen { endpoint: "e".to_owned(), until: SENT.wall };
        let late = || Error::Deadline { key: key(), waited: secs(1) };
        let away = Some(Cause::Status(503));
        let rows = [
            (temporary(Cause::Connect), None, true),
            (temporary(Cause::Status(429)), None, false),
            (temporary(Cause::Connect), Some(Cause::Client), false),
            (Error::OutcomeUnknown { key: key(), cause: Cause::Broken }, away, true),
            (Error::OutcomeUnknown { key: key(), cause: Cause::Interrupted }, away, false),
            (open(), None, false),
            (open(), away, false),
            (open(), Some(Cause::Client), false),
            (late(), away, true),
            (late(), None, false),
            (busy(), away, true),
            (busy(), None, false),
            (Error::NeedsLogin { key: key(), reason: LoginReason::RotationLost }, away, false),
            (Error::ClientRejected { key: key(), rejection: Rejection::Other }, away, false),
            (Error::SenderKey { key: key(), problem: SenderKeyProblem::Missing }, away, false),
            (Error::RuleBroken { key: key(), rule: RuleBroken::Lifetime }, away, false),
            (Error::Store(StoreError::Fenced), away, false),
        ];
        let now = SENT.plus(secs(3600));
        for (error, failure, expected) in rows {
            let found = record(failure).is_stale_after(&error, &now, &policy(60));
            assert_eq!(found, expected, "{error:?} {failure:?}");
        }
    }
}
