//! What a renewal does with an answer: keep it, pause, give up, and say so.

use std::sync::PoisonError;
use std::time::Duration;

use unlapse_core::{
    Breaker, Cause, Demand, Error, Grant, LoginReason, Now, Plan, Record, Rejection, Reuse,
    SecurityEvent, Spend, State, Stop, StoreError, Verdict, retry,
};

use crate::effort::Effort;
use crate::events::Event;
use crate::hold::{Hold, Kept};
use crate::renew::{Renewed, Renewer, may_serve};

impl Renewer {
    /// Keeps what was granted, and only then tells anyone (R4).
    pub(crate) async fn keep(
        &self,
        mut hold: Hold,
        record: &Record,
        grant: Grant,
        sent: Now,
        spend: Spend,
    ) -> Result<Renewed, Error> {
        let now = self.clock.now();
        // By the server's clock, where it is known: ours may be the wrong one (R11).
        let server = record.clock_offset.map_or(now.wall, |offset| now.wall.shifted(offset));
        if let Err(rule) = self.policy.rules.check(&grant, server, self.policy.skew) {
            self.tell(&Event::RuleBroken { rule });
            let failure = record.failure(Cause::Rule, now, None);
            // A login spends nothing; a refresh has spent the token, and its successor is kept.
            let successor = (spend != Spend::Login).then_some(grant.refresh_token).flatten();
            hold.keep(&record.granted_against_rules(successor, failure)).await;
            return Err(Error::RuleBroken { key: self.key.clone(), rule });
        }
        let mut renewed = match spend {
            Spend::Login => record.logged_in(grant, sent),
            Spend::Refresh | Spend::Replay => record.granted(grant, sent),
        };
        renewed.stored_at = now.wall;
        if let Kept::Unsaved { error: StoreError::TooLarge, .. } = hold.keep(&renewed).await
            && let Some(token) = renewed.token.as_mut().filter(|token| token.id_token.is_some())
        {
            // Kept aside for those who want it; the login is worth more.
            token.id_token = None;
            hold.keep(&renewed).await;
        }
        let kept = hold.release();
        if matches!(kept, Kept::Unsaved { error: StoreError::Fenced, .. }) {
            // Stored it is not: whatever its new holder has stored since counts for more (R19).
            renewed.stored_at = record.stored_at;
        }
        if let Kept::Unsaved { error, set_aside } = &kept {
            self.tell(&Event::Unsaved { error: error.clone(), set_aside: *set_aside });
        }
        self.tell(&Event::Renewed { generation: renewed.generation });
        Ok(Renewed::Token(Box::new(renewed), kept))
    }

    /// The server said `invalid_grant`: reads again, and believes it only of the current
    /// generation (R9). If it saw the refresh token used twice, and not by a replay of ours, somebody
    /// else has had it: no secret is kept (K3).
    pub(crate) async fn ended(
        &self,
        hold: &mut Hold,
        record: Record,
        spend: Spend,
        demand: Demand,
        rejection: Rejection,
    ) -> Result<Record, Error> {
        self.tell(&Event::Rejected { rejection });
        let reason = match (spend, record.intent) {
            (Spend::Login, _) => LoginReason::CredentialsRejected,
            (_, Some(intent)) if intent.in_doubt => LoginReason::RotationLost,
            _ if rejection == Rejection::RefreshTokenReused => LoginReason::ReuseDetected,
            _ => LoginReason::RefreshRejected,
        };
        if spend == Spend::Login && demand == Demand::NewLogin {
            // An extra login was refused; the one there is stays as it was.
            return Err(Error::NeedsLogin { key: self.key.clone(), reason });
        }
        let (stored, _) = hold.read(Some(&record)).await;
        if stored.generation > record.generation {
            return Ok(stored);
        }
        let is_reused = reason == LoginReason::ReuseDetected;
        let ended = if is_reused {
            record.revoked(SecurityEvent::ReuseDetected, self.clock.now())
        } else {
            record.ended(reason)
        };
        // Where stored credentials are tried next, nobody has to come as yet (R14).
        let is_last =
            spend == Spend::Login || !self.exchange.rungs(ended.credentials.as_ref()).login;
        if is_last {
            self.tell(&Event::Ended { reason });
        }
        if is_reused {
            match hold.clear(&ended).await {
                // Whoever has the lease now may have logged in anew.
                Ok(()) | Err(StoreError::Fenced) => {}
                Err(error) => hold.remember(&ended, error),
            }
        } else {
            hold.keep(&ended).await;
        }
        Ok(ended)
    }

    /// Waits before the next attempt, or gives up: what is known is kept for others to see (R15).
    pub(crate) async fn pause(
        &self,
        hold: &mut Hold,
        record: &mut Record,
        effort: &mut Effort,
        asked: Option<Duration>,
        again: bool,
    ) -> Result<(), Error> {
        let wait = {
            let mut dice = self.world.dice.lock().unwrap_or_else(PoisonError::into_inner);
            retry::delay(effort.attempts, &self.policy, asked, &mut dice)
        };
        let again = again && effort.attempts < self.policy.attempts;
        if again && wait <= self.policy.lease_wait {
            // What the server asked for is waited out here, and binds the next attempt no more.
            record.failure =
                record.failure.map(|failure| unlapse_core::Failure { retry_at: None, ..failure });
            // Whoever finds this record after a death meanwhile should find no doubt in it (R7).
            hold.keep(record).await;
            self.clock.sleep(wait).await;
            effort.delay = wait;
            return Ok(());
        }
        // A long wait is not sat out with the lease in hand: others should see why, and until when.
        if again && let Some(failure) = &mut record.failure {
            failure.retry_at = Some(self.clock.now().wall.plus(wait));
        }
        hold.keep(record).await;
        let cause = effort.last.unwrap_or(Cause::Interrupted);
        Err(self.temporary(cause, effort, record))
    }

    /// The renewal came to nothing: a valid token serves all the same (R10), and where nothing valid
    /// is there the API key (R14) or what was valid (K12), if that was chosen. A person who logs in
    /// hears what happened.
    pub(crate) fn fall_back(
        &self,
        hold: Hold,
        record: Record,
        demand: Demand,
        effort: &mut Effort,
        error: Error,
    ) -> Result<Renewed, Error> {
        let now = self.clock.now();
        if effort.is_login {
            return Err(error);
        }
        effort.failed = Some(error.code());
        if may_serve(&record, demand, &now) {
            return Ok(self.adopt(record, hold.release()));
        }
        let is_valid = record.token.as_ref().is_some_and(|token| !token.is_expired(&now));
        let is_away = !matches!(
            error,
            Error::ClientRejected { .. } | Error::SenderKey { .. } | Error::Store(_)
        );
        let may_stand_in = is_away && self.policy.api_key_while_away && self.has_api_key;
        if may_stand_in && !is_valid {
            return Ok(Renewed::ApiKey);
        }
        let is_stale = matches!(demand, Demand::Fresh { .. })
            && record.is_stale_after(&error, &now, &self.policy);
        if is_stale { Ok(self.stale(record, hold.release())) } else { Err(error) }
    }

    fn temporary(&self, cause: Cause, effort: &Effort, record: &Record) -> Error {
        Error::Temporary {
            key: self.key.clone(),
            cause,
            attempts: effort.attempts,
            retry_at: record.failure.and_then(|failure| failure.retry_at),
        }
    }

    /// A renewal ends without a grant: what it learned is kept, if it made a request. The intent of
    /// a request that was answered must not be left behind as a doubt (R7).
    pub(crate) async fn end(
        &self,
        plan: Plan,
        mut hold: Hold,
        mut record: Record,
        effort: &Effort,
        trouble: Option<StoreError>,
    ) -> Result<Renewed, Error> {
        let now = self.clock.now();
        if let Some(reason) = lapsed(plan, &record, &now).filter(|_| hold.is_leased()) {
            record = record.ended(reason);
            if !matches!(hold.keep(&record).await, Kept::Unsaved { error: StoreError::Fenced, .. })
            {
                self.tell(&Event::Ended { reason });
            }
        } else if effort.attempts > 0 && record.failure.is_some() {
            hold.keep(&record).await;
        }
        match plan {
            Plan::Stop(stop) => Err(self.stopped(stop, &record, effort, trouble)),
            Plan::ApiKey => Ok(Renewed::ApiKey),
            Plan::Stale => Ok(self.stale(record, hold.release())),
            Plan::Adopt | Plan::Spend(_) => Ok(self.adopt(record, hold.release())),
        }
    }

    fn stopped(
        &self,
        stop: Stop,
        record: &Record,
        effort: &Effort,
        trouble: Option<StoreError>,
    ) -> Error {
        let key = self.key.clone();
        let cause = effort.last.or(record.failure.map(|failure| failure.cause));
        match stop {
            // The store lost or hides the login: say that instead.
            Stop::NeedsLogin(reason) => match trouble.filter(|_| effort.attempts == 0) {
                Some(trouble) => Error::Store(trouble),
                None => Error::NeedsLogin { key, reason },
            },
            Stop::Later { .. } => {
                self.temporary(cause.unwrap_or(Cause::Interrupted), effort, record)
            }
            Stop::BreakerOpen { until } => {
                Error::BreakerOpen { endpoint: self.exchange.endpoint(), until }
            }
            Stop::InDoubt => {
                let cause = cause.unwrap_or(Cause::Interrupted);
                match record.reuse(self.policy.reuse) {
                    Reuse::Strict | Reuse::Grace(_) => Error::OutcomeUnknown { key, cause },
                    // It will be sent again, and nothing says that it will be refused.
                    _ => self.temporary(cause, effort, record),
                }
            }
        }
    }

    /// Counts an answer for the endpoint's breaker (R16). A verdict on the login is an answer; one
    /// on the client is not helped by asking again (R9); 429 says itself when to come back.
    pub(crate) fn count(&self, verdict: &Verdict, now: Now) {
        let policy = &self.policy.breaker;
        let (mut before, mut after) = (Breaker::default(), Breaker::default());
        self.world.breakers.update(&self.exchange.endpoint(), &mut |breaker| {
            let next = match verdict {
                Verdict::Granted(_) => breaker.succeeded(),
                Verdict::Rejected(rejection) if rejection.ends_login() => breaker.succeeded(),
                Verdict::Transient { cause: Cause::Status(429), .. } => breaker.answered(),
                // Nobody was asked, for a reason of ours: it says nothing of the server.
                Verdict::Unsent(Cause::Interrupted | Cause::Request | Cause::Host) => {
                    breaker.not_asked()
                }
                Verdict::Unsent(cause) if !self.exchange.is_telling(*cause) => breaker.not_asked(),
                Verdict::Transient { cause, .. }
                | Verdict::Unsent(cause)
                | Verdict::Unknown(cause)
                    if cause.is_away() =>
                {
                    breaker.failed(now.wall, policy)
                }
                // It is there: no want of a server that a stale token stands in for (K12).
                Verdict::Rejected(_)
                | Verdict::Transient { .. }
                | Verdict::Unsent(_)
                | Verdict::Unknown(_) => breaker.refused(now.wall, policy),
            };
            (before, after) = (breaker, next);
            next
        });
        #[cfg(feature = "metrics")]
        crate::metrics::breaker(&self.key, after.admit(now.wall));
        match (before.open_until, after.open_until) {
            (Some(_), None) => self.tell(&Event::BreakerClosed),
            (before, Some(until)) if before != Some(until) => {
                self.tell(&Event::BreakerOpened { until });
            }
            _ => {}
        }
    }
}

/// Why a login has ended that nobody has rejected: its refresh token is past its end, or its access token
/// is and there never was another. Kept like a verdict, so that it is told once, and nobody looks again
/// and again at what only a person can mend.
fn lapsed(plan: Plan, record: &Record, now: &Now) -> Option<LoginReason> {
    let Plan::Stop(Stop::NeedsLogin(reason)) = plan else { return None };
    let token = record.token.as_ref().filter(|_| record.state == State::Active)?;
    let has_ended = match reason {
        LoginReason::RefreshExpired => true,
        // It serves to its end. A refresh token that may not be used now is there all the same.
        LoginReason::NoRefreshToken => token.refresh_token.is_none() && token.is_expired(now),
        _ => false,
    };
    has_ended.then_some(reason)
}
