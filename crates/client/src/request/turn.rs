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
    /// When the trial began that this is.
    trial: Option<UnixTime>,
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
        Ok(Self {
            breakers,
            name: &lane.breaker,
            trial: (admission == Admission::Trial).then_some(now),
        })
    }

    /// Tells the breaker, and says whether it is open now. An API that answers 401 is there.
    pub(crate) fn end(mut self, outcome: Outcome, now: Now, policy: &BreakerPolicy) -> bool {
        if outcome == Outcome::Refused {
            return false;
        }
        self.trial = None;
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
        let Some(began) = self.trial else { return };
        self.breakers.update(self.name, &mut |breaker| match breaker.trial_since {
            Some(since) if since == began => Breaker { trial_since: None, ..breaker },
            // This one was given up for dead, and another is under way.
            _ => breaker,
        });
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, Method};

    use super::super::lane::{Lanes, Seats};
    use super::*;
    use crate::memory_breakers::MemoryBreakers;

    #[test]
    fn r16_a_trial_that_was_given_up_for_dead_takes_no_turn_from_the_next() {
        let origin: super::super::origin::Origin =
            "https://api.example".parse().expect("an origin");
        let (breakers, lane) =
            (MemoryBreakers::default(), Lanes::default().to(&origin, Seats::Own(1)));
        let errand =
            Errand::new(&Method::GET, &HeaderMap::new(), origin, "/", Duration::from_secs(120));
        let at = |secs| UnixTime::from_secs(1000 + secs);
        let policy = BreakerPolicy { failures: 1, ..BreakerPolicy::default() };
        breakers.update(&lane.breaker, &mut |breaker| breaker.failed(at(0), &policy));

        let begins = policy.open_for.as_secs();
        let take = |secs| Turn::take(&breakers, &lane, &errand, at(begins + secs));
        let dead = take(0).expect("the trial");
        assert!(take(59).is_err(), "one at a time");
        let next = take(60).expect("the first is taken to be dead");
        drop(dead);
        assert!(take(61).is_err(), "the next is under way");
        drop(next);
        assert!(take(62).is_ok());
    }
}
