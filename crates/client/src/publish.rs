//! What callers get from now on: what a renewal came to, or what somebody else has kept.

use std::sync::PoisonError;
use std::time::Duration;

use unlapse_core::{Error, Record};

use crate::chore;
use crate::current::Current;
use crate::events::Event;
use crate::flight::Outcome;
use crate::hold::{Hold, Kept};
use crate::mark::Mark;
use crate::renew::{Renewed, Renewer};
use crate::shared::Shared;

impl Shared {
    /// Makes what a renewal came to what callers get. `seen` was published when it began.
    /// `is_held`: under the lease.
    pub(crate) async fn publish_renewed(
        &self,
        renewed: Result<Renewed, Error>,
        seen: Mark,
        is_held: bool,
    ) -> Outcome {
        match renewed {
            Ok(Renewed::Token(record, kept)) => {
                let again = self.renewer.policy.round;
                self.publish_until(record, kept, again, is_held.then_some(seen));
                Ok(())
            }
            Ok(Renewed::Stale(record, kept)) => {
                self.publish_stale(record, kept);
                Ok(())
            }
            Ok(Renewed::ApiKey) => self.publish_api_key(seen),
            Err(error) => {
                // The store may have a valid token, which was not enough for what was demanded here
                // (R10), or none any more, since somebody has logged out (K9).
                let _ = self.look().await;
                // Nor does a store that cannot be changed bring back what a verdict has ended (K3).
                if let Some(ended) = self.renewer.memory.unsaved().filter(|it| it.token.is_none()) {
                    self.forget(&ended);
                }
                // The old token, if it is still valid, serves until the next round (R10).
                self.republish(&error);
                Err(error)
            }
        }
    }

    /// Makes `record` what callers get, unless they already have a newer one.
    pub(crate) fn publish_record(&self, record: Box<Record>, kept: Kept) {
        self.publish_until(record, kept, self.renewer.policy.round, None);
    }

    /// The same, with the time after which a token that is due is looked at again, and what had been
    /// `seen` where the record was read under the lease.
    fn publish_until(&self, record: Box<Record>, kept: Kept, again: Duration, seen: Option<Mark>) {
        let now = self.renewer.clock.now();
        let mark = Mark::of(&record);
        let Renewer { key, policy, .. } = &self.renewer;
        self.publish(mark, seen, |before| {
            let stale = before.and_then(|it| it.still_stale(&record, kept.clone(), &now, policy));
            stale.or_else(|| Current::token(record, kept, &now, key, policy, again))
        });
    }

    pub(crate) fn publish(
        &self,
        mark: Mark,
        seen: Option<Mark>,
        next: impl FnOnce(Option<&Current>) -> Option<Current>,
    ) {
        let mut found = false;
        let is_published = self.current.publish(mark, seen, |before| {
            let next = next(before);
            found = next.is_some();
            next
        });
        if !is_published {
            return;
        }
        #[cfg(feature = "metrics")]
        self.measure_unsaved();
        if found {
            *self.damage.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.think_again();
    }

    /// Makes the API key what callers get, unless a record was published since `seen`: a person may
    /// have logged in.
    fn publish_api_key(&self, seen: Mark) -> Outcome {
        let now = self.renewer.clock.now();
        let header = self.api_key.as_ref().map(crate::current::api_key_header);
        match header {
            Some(Ok(header)) => {
                let current = Current::api_key(header, &now, &self.renewer.policy);
                self.current.replace(seen, Some(current));
                #[cfg(feature = "metrics")]
                self.measure_unsaved();
                Ok(())
            }
            _ => Err(self.unusable()),
        }
    }

    /// Saves what could not be saved before (R5).
    pub(crate) async fn save_unsaved(&self) -> Result<(), Error> {
        if self.renewer.memory.unsaved().is_none() && !self.is_unsaved() {
            return Ok(());
        }
        let renewer = &self.renewer;
        let wait = renewer.policy.lease_wait;
        let seen = self.current.newest();
        let mut hold = Hold::take(renewer, wait).await?;
        let (record, trouble) = hold.read(None).await;
        let kept = hold.release();
        if let Some(trouble) = trouble {
            return Err(trouble.into());
        }
        if record.token.is_none() {
            // Somebody has logged out meanwhile: there is nothing to save any more (K9).
            self.current.replace(seen, None);
            #[cfg(feature = "metrics")]
            self.measure_unsaved();
            return Ok(());
        }
        let saved = match &kept {
            Kept::Saved => {
                renewer.tell(&Event::Saved { generation: record.generation });
                Ok(())
            }
            Kept::Unsaved { error, .. } => Err(error.clone().into()),
        };
        self.publish_until(Box::new(record), kept, renewer.policy.round, Some(seen));
        saved
    }

    /// Serves what there is for another while, since `error` was all that came of more.
    pub(crate) fn republish(&self, error: &Error) {
        let Renewer { key, policy, clock, .. } = &self.renewer;
        let now = clock.now();
        let again = chore::pause(error, policy);
        self.current.republish(|current| {
            if current.is_stale() && matches!(error, Error::BreakerOpen { .. }) {
                // Nobody was asked: what was found out last holds until its round is over.
                return None;
            }
            let stale = current.is_stale().then(|| self.stale_again(current, error, &now));
            stale.flatten().or_else(|| current.again(&now, key, policy, again))
        });
        self.think_again();
    }

    /// Forgets the credential: it was cleared, and `cleared` is what is left of its record.
    pub(crate) fn forget(&self, cleared: &Record) {
        self.current.forget(Mark::of(cleared));
        #[cfg(feature = "metrics")]
        self.measure_unsaved();
    }
}
