//! The right to make a try: what the breaker of an API says (R16).

use unlapse_core::{Admission, Breaker, BreakerPolicy, Now, UnixTime};

use super::decide::Outcome;
use super::errand::Errand;
use super::error::RequestError;
use super::lane::Lane;
use crate::effects::Breakers;

/// A try under way. Dropped without an outcome, it was no trial: the next may make it.
pub(crate) struct Turn<'a> {
    breakers: &'a dyn Breakers,
    name: &'a str,
    is_trial: bool,
}

impl<'a> Turn<'a> {
    /// Whether there is any use in waiting for a turn.
    pub(crate) fn look(
        breakers: &dyn Breakers,
        lane: &Lane,
        errand: &Errand,
        now: UnixTime,
    ) -> Result<(), RequestError> {
        admitted(breakers.read(&lane.breaker).admit(now), errand)
    }

    /// Takes it: when the breaker asks for a trial, one of all requests makes it.
    pub(crate) fn take(
        breakers: &'a dyn Breakers,
        lane: &'a Lane,
        errand: &Errand,
        now: UnixTime,
    ) -> Result<Self, RequestError> {
        let mut admission = Admission::Closed;
        breakers.update(&lane.breaker, &mut |breaker| {
            admission = breaker.admit(now);
            if admission == Admission::Trial { breaker.trying(now) } else { breaker }
        });
        admitted(admission, errand)?;
        Ok(Self { breakers, name: &lane.breaker, is_trial: admission == Admission::Trial })
    }

    /// Tells the breaker, and says whether it is open now. An API that answers 401 is there.
    pub(crate) fn end(mut self, outcome: Outcome, now: Now, policy: &BreakerPolicy) -> bool {
        if outcome == Outcome::Refused {
            return false;
        }
        self.is_trial = false;
        let mut is_open = false;
        self.breakers.update(self.name, &mut |breaker| {
            let after = match outcome {
                failure if failure.is_failure() => breaker.failed(now.wall, policy),
                Outcome::Answered { status: 429, .. } => breaker.answered(),
                _ => breaker.succeeded(),
            };
            is_open = matches!(after.admit(now.wall), Admission::Open { .. });
            after
        });
        is_open
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.is_trial {
            let without = |breaker| Breaker { trial_since: None, ..breaker };
            self.breakers.update(self.name, &mut { without });
        }
    }
}

fn admitted(admission: Admission, errand: &Errand) -> Result<(), RequestError> {
    match admission {
        Admission::Open { until } => {
            Err(RequestError::Away { origin: errand.origin.clone(), until })
        }
        Admission::Closed | Admission::Trial => Ok(()),
    }
}
