//! Callers whose token has ended while its server cannot be reached (K12).

use std::sync::Arc;

use unlapse_core::{Demand, Error, Now, Record};

use crate::current::{Credential, Current};
use crate::hold::Kept;
use crate::mark::Mark;
use crate::shared::Shared;

impl Shared {
    /// What a caller gets who has no valid token: a renewed one, or the one that has ended where the
    /// policy allows that. Between two renewals that failed, the latter is at hand.
    pub(crate) async fn serve_expired(
        self: &Arc<Self>,
        demand: Demand,
        now: &Now,
    ) -> Result<Arc<Current>, Error> {
        let policy = &self.renewer.policy;
        if let Some(stale) = self.stale(demand, now).filter(|stale| stale.is_hot(now.wall)) {
            return Ok(stale);
        }
        let ended = self.current.load_full();
        let is_away = ended
            .as_ref()
            .and_then(|ended| ended.record())
            .is_some_and(|record| record.is_away() && record.stale_left(now, policy).is_some());
        // It failed before, and may hang now: no longer than another process would be waited for.
        let patience = if is_away { policy.lease_wait } else { policy.caller_deadline };
        self.wait_or_serve(demand, patience.min(policy.caller_deadline)).await
    }

    /// The current token, if a renewal has found that it is stale, and as long as that is allowed.
    pub(crate) fn stale(&self, demand: Demand, now: &Now) -> Option<Arc<Current>> {
        let current = self.current.load_full().filter(|current| current.is_stale())?;
        let is_allowed = current.record()?.stale_left(now, &self.renewer.policy).is_some();
        (is_allowed && matches!(demand, Demand::Fresh { .. })).then_some(current)
    }

    /// Whether that is all there is to wait for after `error`.
    pub(crate) fn is_stale_after(&self, demand: Demand, error: &Error, now: &Now) -> bool {
        let current = self.current.load_full();
        let record = current.as_ref().and_then(|current| current.record());
        matches!(demand, Demand::Fresh { .. })
            && record.is_some_and(|record| record.is_stale_after(error, now, &self.renewer.policy))
    }

    /// What is left for a caller whose wait ended with `error`. Whoever comes next does not wait
    /// again before the next round: the renewal goes on without them.
    pub(crate) async fn stale_after(
        &self,
        demand: Demand,
        error: Error,
    ) -> Result<Arc<Current>, Error> {
        let policy = &self.renewer.policy;
        if policy.stale.is_zero() || !matches!(demand, Demand::Fresh { .. }) {
            return Err(error);
        }
        if matches!(error, Error::Deadline { .. }) {
            // What the renewal under way has run into so far.
            let _ = self.look().await;
        }
        let now = self.renewer.clock.now();
        self.current.republish(|current| self.stale_again(current, &error, &now));
        // The look, or the renewal, may have brought a valid one by now.
        self.valid(&now).or_else(|| self.stale(demand, &now)).ok_or(error)
    }

    /// The current token, stale until the next round, if that is all there is after `error`.
    pub(crate) fn stale_again(
        &self,
        current: &Current,
        error: &Error,
        now: &Now,
    ) -> Option<Current> {
        let policy = &self.renewer.policy;
        match &current.credential {
            Credential::Token { record, .. } if record.is_stale_after(error, now, policy) => {
                let kept = current.credential.kept();
                Current::stale(record.clone(), kept, now, policy, policy.round)
            }
            _ => None,
        }
    }

    /// Makes a token that has ended what callers get, until the next round.
    pub(crate) fn publish_stale(&self, record: Box<Record>, kept: Kept) {
        let now = self.renewer.clock.now();
        let policy = &self.renewer.policy;
        let mark = Mark::of(&record);
        let next = Current::stale(record.clone(), kept.clone(), &now, policy, policy.round);
        match next {
            Some(next) => self.publish(mark, None, |_| Some(next)),
            // The bound was reached meanwhile.
            None => self.publish_record(record, kept),
        }
    }
}
