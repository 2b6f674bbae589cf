//! The circuit breaker of a token endpoint (C11, R16), as a pure state machine.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::BreakerPolicy;
use crate::time::UnixTime;

/// Counts the consecutive failures of one endpoint, and stops asking it for a while.
///
/// Shared by every key of the endpoint. Rejections of a login are answers, and count as none;
/// rejections of the *client* are not helped by asking again, and count (R9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// Consecutive failures.
    pub failures: u32,
    /// Set once it has opened: until when it refuses. Afterwards one trial is let through.
    pub open_until: Option<UnixTime>,
    /// How long it was opened for, which the next failed trial doubles.
    pub open_for: Duration,
    /// A trial is under way since then.
    pub trial_since: Option<UnixTime>,
    /// The last failure was an answer: the endpoint is there, and it is no want of a server that the
    /// breaker stands for (K12).
    #[serde(default)]
    pub is_there: bool,
}

/// Whether a request may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// As usual.
    Closed,
    /// One trial: tell the breaker with [`Breaker::trying`] before it is made.
    Trial,
    /// Not before then.
    Open {
        /// When the next trial is let through.
        until: UnixTime,
    },
}

/// A trial that has not reported after this long has died, and another may be made.
const TRIAL_DIES_AFTER: Duration = Duration::from_secs(60);

impl Breaker {
    /// Whether a request may be made at `now`.
    pub fn admit(&self, now: UnixTime) -> Admission {
        if self.open_until.is_none() {
            return Admission::Closed;
        }
        if let Some(until) = self.open_at(now) {
            return Admission::Open { until };
        }
        match self.trial_since {
            Some(since) if now >= since && now.since(since) < TRIAL_DIES_AFTER => {
                Admission::Open { until: since.plus(TRIAL_DIES_AFTER) }
            }
            _ => Admission::Trial,
        }
    }

    /// Until when it is open, if it is at `now`. A clock set back must not keep it open for longer
    /// than it was opened for.
    fn open_at(&self, now: UnixTime) -> Option<UnixTime> {
        self.open_until.filter(|until| now < *until && until.since(now) <= self.open_for)
    }

    /// A trial starts at `now`.
    #[must_use]
    pub fn trying(self, now: UnixTime) -> Self {
        Self { trial_since: Some(now), ..self }
    }

    /// The endpoint answered: closed, and everything forgotten.
    #[must_use]
    pub fn succeeded(self) -> Self {
        Self::default()
    }

    /// The endpoint asked to be left alone for a while (429): neither a success nor a failure, but
    /// the end of a trial.
    #[must_use]
    pub fn answered(self) -> Self {
        if self.trial_since.is_some() { Self::default() } else { self }
    }

    /// No request was made after all: nothing is known, and a trial is another's to make.
    #[must_use]
    pub fn not_asked(self) -> Self {
        Self { trial_since: None, ..self }
    }

    /// The endpoint answered at `now` what asking again does not help: a failure like any other, of an
    /// endpoint that is there.
    #[must_use]
    pub fn refused(self, now: UnixTime, policy: &BreakerPolicy) -> Self {
        Self { is_there: true, ..self.failed(now, policy) }
    }

    /// The endpoint failed at `now`.
    #[must_use]
    pub fn failed(self, now: UnixTime, policy: &BreakerPolicy) -> Self {
        let failures = self.failures.saturating_add(1);
        // A request that was under way when it opened prolongs nothing.
        if self.open_at(now).is_some() {
            return Self { failures, trial_since: None, is_there: false, ..self };
        }
        let open_for = match self.open_until {
            Some(_) => self.open_for.saturating_mul(2).min(policy.open_at_most),
            None => policy.open_for,
        };
        let opens = self.open_until.is_some() || failures >= policy.failures;
        let open_until = opens.then(|| now.plus(open_for));
        Self {
            failures,
            open_until,
            open_for: if opens { open_for } else { Duration::ZERO },
            trial_since: None,
            is_there: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn failed(times: u32) -> Breaker {
        let policy = BreakerPolicy::default();
        (0..times).fold(Breaker::default(), |breaker, _| breaker.failed(secs(100), &policy))
    }

    #[test]
    fn r16_what_was_never_sent_counts_for_nothing_and_frees_the_trial() {
        assert_eq!(failed(4).not_asked(), failed(4));
        let trial = failed(5).trying(secs(400));
        assert_ne!(trial.admit(secs(401)), Admission::Trial);
        assert_eq!(trial.not_asked().admit(secs(401)), Admission::Trial);
    }

    #[test]
    fn r16_five_failures_open_it_for_300_s() {
        assert_eq!(failed(4).admit(secs(100)), Admission::Closed);
        assert_eq!(failed(5).admit(secs(100)), Admission::Open { until: secs(400) });
        assert_eq!(failed(5).admit(secs(399)), Admission::Open { until: secs(400) });
        assert_eq!(failed(5).admit(secs(400)), Admission::Trial);
    }

    #[test]
    fn r16_an_answer_in_between_starts_the_count_again() {
        let breaker = failed(4).succeeded().failed(secs(100), &BreakerPolicy::default());
        assert_eq!(breaker.admit(secs(100)), Admission::Closed);
    }

    #[test]
    fn r16_one_trial_at_a_time_and_a_dead_one_is_replaced() {
        let trying = failed(5).trying(secs(400));
        assert_eq!(trying.admit(secs(401)), Admission::Open { until: secs(460) });
        assert_eq!(trying.admit(secs(460)), Admission::Trial);
        assert_eq!(trying.succeeded().admit(secs(401)), Admission::Closed);
    }

    #[test]
    fn r16_failed_trials_double_the_wait_to_an_hour() {
        let policy = BreakerPolicy::default();
        let mut breaker = failed(5);
        let mut waits = Vec::new();
        for _ in 0..6 {
            let until = breaker.open_until.expect("open");
            breaker = breaker.trying(until).failed(until, &policy);
            waits.push(breaker.open_until.expect("open").since(until).as_secs());
        }
        assert_eq!(waits, [600, 1200, 2400, 3600, 3600, 3600]);
    }

    #[test]
    fn k12_r9_the_last_failure_says_whether_the_endpoint_is_there() {
        let policy = BreakerPolicy::default();
        let refused = failed(4).refused(secs(100), &policy);
        assert_eq!(refused.admit(secs(100)), Admission::Open { until: secs(400) });
        assert!(refused.is_there && !failed(5).is_there);
        // Also while it is open, and by a trial.
        assert!(failed(5).refused(secs(200), &policy).is_there);
        assert!(!refused.failed(secs(200), &policy).is_there);
        assert!(!refused.trying(secs(400)).failed(secs(400), &policy).is_there);
        assert!(!refused.succeeded().is_there);
        // One that was kept before this was asked.
        let before = r#"{"failures":5,"open_until":400000,"open_for":{"secs":300,"nanos":0},"trial_since":null}"#;
        assert!(!serde_json::from_str::<Breaker>(before).expect("as it was").is_there);
    }

    #[test]
    fn r16_a_late_failure_does_not_prolong_it() {
        let breaker = failed(5).failed(secs(200), &BreakerPolicy::default());
        assert_eq!(breaker.open_until, Some(secs(400)));
    }

    #[test]
    fn r11_a_clock_set_back_does_not_keep_it_open() {
        // 395 s ahead is more than the 300 s that it was opened for.
        assert_eq!(failed(5).admit(secs(5)), Admission::Trial);
    }
}
