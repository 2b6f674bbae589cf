//! The renewal transaction: lease, read, plan, intend, spend, judge, keep, release.
//!
//! One page of linear code over injected effects. What to do is decided by `plan`, what an answer
//! means by `classify`, both pure; here they are only carried out. It runs as a task of its own:
//! callers wait for its outcome, and nothing that happens to them happens to it (R6).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use unlapse_core::{
    Admission, Answer, Cause, Demand, Dice, Error, Grant, Key, LoginReason, Now, Place, Plan,
    Policy, Record, Rejection, Reuse, Rungs, Situation, Spend, Stop, Store, StoreError, Verdict,
    classify, plan, retry, salt,
};

use crate::effects::{Breakers, Clock, Exchange, Request};
use crate::events::{self, Event, Observer};
use crate::hold::{Hold, Kept};

/// Between looks at the store while somebody else holds the lease (C6).
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Everything that a renewal of one key needs.
pub(crate) struct Renewer {
    pub(crate) key: Key,
    pub(crate) policy: Policy,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) exchange: Arc<dyn Exchange>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) breakers: Arc<dyn Breakers>,
    pub(crate) dice: Mutex<Dice>,
    pub(crate) observer: Option<Observer>,
    pub(crate) has_api_key: bool,
}

/// What a renewal came to.
#[derive(Clone, Debug)]
pub(crate) enum Renewed {
    /// This record's token, and how well it is kept.
    Token(Box<Record>, Kept),
    /// The API key stands in (R14).
    ApiKey,
}

/// What this renewal has gone through so far.
#[derive(Default)]
struct Effort {
    attempts: u32,
    lost: u32,
    waited: Duration,
    last: Option<Cause>,
}

impl Renewer {
    /// Renews, or finds that somebody has. `known` is a newer record than the store's that this
    /// process could not save.
    pub(crate) async fn renew(
        &self,
        known: Option<Record>,
        demand: Demand,
    ) -> Result<Renewed, Error> {
        let mut hold = match self.lease(demand).await? {
            Turn::Mine(hold) => hold,
            Turn::Served(record, kept) => return Ok(self.adopt(*record, kept)),
        };
        let (mut record, trouble) = hold.read(known.as_ref()).await;
        let mut effort = Effort::default();
        if let Some(error) = &trouble {
            self.tell(&Event::StoreAway { error: error.clone() });
        }
        loop {
            let now = self.clock.now();
            let situation = self.situation(&record, now, demand, &effort);
            let spend = match plan(&situation) {
                Plan::Adopt => {
                    self.leave(&mut hold, &record, &effort).await;
                    return Ok(self.adopt(record, hold.release()));
                }
                Plan::ApiKey => {
                    self.leave(&mut hold, &record, &effort).await;
                    return Ok(Renewed::ApiKey);
                }
                Plan::Stop(stop) => {
                    self.leave(&mut hold, &record, &effort).await;
                    return Err(self.stopped(stop, &record, &effort, trouble));
                }
                Plan::Spend(spend) => spend,
            };
            let deadline = situation.deadline();
            if spend != Spend::Login {
                let intended = record.intend(now, spend == Spend::Replay);
                if let Err(error) = hold.intend(&intended).await
                    // Sending the token again does no harm there: the intent guards nothing.
                    && record.reuse(self.policy.reuse).window().is_some()
                {
                    return Err(error.into());
                }
                record = intended;
            }
            effort.attempts += 1;
            self.tell(&Event::Spending { spend, attempt: effort.attempts });
            let sent = self.clock.now();
            let verdict = self.spend(spend, &mut record, deadline).await;
            let now = self.clock.now();
            self.count(&verdict, now);
            match verdict {
                Verdict::Granted(grant) => {
                    return self.keep(hold, &record, *grant, sent, spend).await;
                }
                Verdict::Rejected(Rejection::InvalidGrant) => {
                    self.tell(&Event::Rejected { rejection: Rejection::InvalidGrant });
                    record = self.ended(&mut hold, record, spend, demand).await?;
                }
                Verdict::Rejected(rejection) => {
                    self.tell(&Event::Rejected { rejection });
                    let failed = record.failed(record.failure(Cause::Client, now, None));
                    hold.keep(&failed).await;
                    return Err(Error::ClientRejected { key: self.key.clone(), rejection });
                }
                Verdict::Transient { cause, retry_after, again } => {
                    self.tell(&Event::Failed { cause });
                    let asked = retry_after.map(|wait| wait.min(self.policy.max_delay));
                    record = record.failed(record.failure(cause, now, asked));
                    effort.last = Some(cause);
                    self.pause(&mut hold, &mut record, &effort, asked, again).await?;
                }
                Verdict::Unsent(cause) => {
                    self.tell(&Event::Failed { cause });
                    record = record.failed(record.failure(cause, now, None));
                    effort.last = Some(cause);
                    self.pause(&mut hold, &mut record, &effort, None, true).await?;
                }
                Verdict::Unknown(cause) => {
                    self.tell(&Event::InDoubt { cause });
                    effort.last = Some(cause);
                    effort.lost += 1;
                    effort.waited += now.since(&sent);
                    record = if spend == Spend::Login {
                        record.failed(record.failure(cause, now, None))
                    } else {
                        record.in_doubt(record.failure(cause, now, None))
                    };
                    if spend == Spend::Login {
                        self.pause(&mut hold, &mut record, &effort, None, effort.lost < 2).await?;
                    }
                }
            }
        }
    }

    /// Waits for the lease, and meanwhile for somebody else's token (R1, R2).
    async fn lease(&self, demand: Demand) -> Result<Turn, Error> {
        let start = self.clock.now();
        loop {
            let left = self.policy.lease_wait.saturating_sub(self.clock.now().since(&start));
            let busy = match Hold::take(&*self.store, &self.key, left.min(LOOK_AGAIN)).await {
                Ok(hold) => return Ok(Turn::Mine(hold)),
                Err(busy) => busy,
            };
            if let Ok(Some(stored)) = self.store.load(&self.key).await {
                let situation =
                    self.situation(&stored.record, self.clock.now(), demand, &Effort::default());
                if plan(&situation) == Plan::Adopt {
                    let kept = match stored.place {
                        Place::Kept => Kept::Saved,
                        Place::SetAside => Kept::Unsaved { error: busy, set_aside: true },
                    };
                    return Ok(Turn::Served(Box::new(stored.record), kept));
                }
            }
            if left.is_zero() {
                return Err(busy.into());
            }
        }
    }

    fn situation<'a>(
        &'a self,
        record: &'a Record,
        now: Now,
        demand: Demand,
        effort: &Effort,
    ) -> Situation<'a> {
        let rungs = self.exchange.rungs(record.credentials.as_ref());
        Situation {
            record,
            now,
            policy: &self.policy,
            salt: salt(&self.key.identity(), record.generation),
            demand,
            rungs: Rungs { api_key: rungs.api_key || self.has_api_key, ..rungs },
            breaker: self.breakers.read(&self.exchange.endpoint()).admit(now.wall),
            attempts: effort.attempts,
            lost: effort.lost,
            waited: effort.waited,
        }
    }

    /// Makes the request, and reads the server's clock off its answer.
    async fn spend(&self, spend: Spend, record: &mut Record, deadline: Duration) -> Verdict {
        let endpoint = self.exchange.endpoint();
        let breaker = self.breakers.read(&endpoint);
        let now = self.clock.now().wall;
        if breaker.admit(now) == Admission::Trial {
            self.breakers.write(&endpoint, breaker.trying(now));
        }
        let credentials = record.credentials.as_ref();
        let refresh_token = record.token.as_ref().and_then(|token| token.refresh_token.as_ref());
        let request = match (spend, refresh_token) {
            (Spend::Refresh | Spend::Replay, Some(refresh_token)) => {
                Request::Refresh { refresh_token, credentials }
            }
            _ => Request::Login { credentials },
        };
        let door = self.exchange.door(&request);
        let answer = tokio::select! {
            biased;
            answer = self.exchange.send(request) => answer,
            () = self.clock.sleep(deadline) => Answer::Lost(Cause::Timeout),
        };
        if let Answer::Replied(reply) = &answer
            && let Some(date) = reply.date
        {
            record.clock_offset = Some(self.clock_offset(date));
        }
        classify(answer, door)
    }

    /// The server's clock less ours; a wrong clock is reported, not obeyed (R11).
    fn clock_offset(&self, server: unlapse_core::UnixTime) -> i64 {
        let ours = i128::from(self.clock.now().wall.as_millis());
        let millis = i64::try_from(i128::from(server.as_millis()) - ours).unwrap_or(i64::MAX);
        if u128::from(millis.unsigned_abs()) > self.policy.skew.as_millis() + 1000 {
            self.tell(&Event::ClockOff { millis });
        }
        millis
    }

    /// Keeps what was granted, and only then tells anyone (R4).
    async fn keep(
        &self,
        mut hold: Hold,
        record: &Record,
        grant: Grant,
        sent: Now,
        spend: Spend,
    ) -> Result<Renewed, Error> {
        let now = self.clock.now();
        if let Err(rule) = self.policy.rules.check(&grant, now.wall, self.policy.skew) {
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
        hold.keep(&renewed).await;
        let kept = hold.release();
        if let Kept::Unsaved { error, set_aside } = &kept {
            self.tell(&Event::Unsaved { error: error.clone(), set_aside: *set_aside });
        }
        self.tell(&Event::Renewed { generation: renewed.generation });
        Ok(Renewed::Token(Box::new(renewed), kept))
    }

    /// The server said `invalid_grant`: reads again, and believes it only of the current
    /// generation (R9).
    async fn ended(
        &self,
        hold: &mut Hold,
        record: Record,
        spend: Spend,
        demand: Demand,
    ) -> Result<Record, Error> {
        let reason = match (spend, record.intent) {
            (Spend::Login, _) => LoginReason::CredentialsRejected,
            (_, Some(intent)) if intent.replays > 0 => LoginReason::RotationLost,
            _ => LoginReason::RefreshRejected,
        };
        if spend == Spend::Login && demand == Demand::NewLogin {
            // An extra login was refused; the one there is stays as it was.
            return Err(Error::NeedsLogin { key: self.key.clone(), reason });
        }
        let (stored, _) = hold.read(None).await;
        if stored.generation > record.generation {
            return Ok(stored);
        }
        self.tell(&Event::Ended { reason });
        let ended = record.ended(reason);
        hold.keep(&ended).await;
        Ok(ended)
    }

    /// Waits before the next attempt, or gives up: what is known is kept for others to see (R15).
    async fn pause(
        &self,
        hold: &mut Hold,
        record: &mut Record,
        effort: &Effort,
        asked: Option<Duration>,
        again: bool,
    ) -> Result<(), Error> {
        let wait = {
            let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
            retry::delay(effort.attempts, &self.policy, asked, &mut dice)
        };
        // A long wait is not sat out with the lease in hand: others should see why.
        if again && effort.attempts < self.policy.attempts && wait <= self.policy.lease_wait {
            // What the server asked for is waited out here, and binds the next attempt no more.
            record.failure =
                record.failure.map(|failure| unlapse_core::Failure { retry_at: None, ..failure });
            self.clock.sleep(wait).await;
            return Ok(());
        }
        hold.keep(record).await;
        let cause = effort.last.unwrap_or(Cause::Interrupted);
        Err(self.temporary(cause, effort, record))
    }

    fn temporary(&self, cause: Cause, effort: &Effort, record: &Record) -> Error {
        Error::Temporary {
            key: self.key.clone(),
            cause,
            attempts: effort.attempts,
            retry_at: record.failure.and_then(|failure| failure.retry_at),
        }
    }

    /// Before a renewal ends without a grant: what it learned is kept, if it made a request. The
    /// intent of a request that was answered must not be left behind as a doubt (R7).
    async fn leave(&self, hold: &mut Hold, record: &Record, effort: &Effort) {
        if effort.attempts > 0 && record.failure.is_some() {
            hold.keep(record).await;
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
            // No login because the store lost or hides it: say that instead.
            Stop::NeedsLogin(LoginReason::NeverLoggedIn) if trouble.is_some() => trouble.map_or(
                Error::NeedsLogin { key, reason: LoginReason::NeverLoggedIn },
                Error::Store,
            ),
            Stop::NeedsLogin(reason) => Error::NeedsLogin { key, reason },
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
    fn count(&self, verdict: &Verdict, now: Now) {
        let endpoint = self.exchange.endpoint();
        let breaker = self.breakers.read(&endpoint);
        let next = match verdict {
            Verdict::Granted(_) | Verdict::Rejected(Rejection::InvalidGrant) => breaker.succeeded(),
            Verdict::Transient { cause: Cause::Status(429), .. } => return,
            Verdict::Rejected(_)
            | Verdict::Transient { .. }
            | Verdict::Unsent(_)
            | Verdict::Unknown(_) => breaker.failed(now.wall, &self.policy.breaker),
        };
        if next != breaker {
            self.breakers.write(&endpoint, next);
        }
    }

    fn adopt(&self, record: Record, kept: Kept) -> Renewed {
        self.tell(&Event::Adopted { generation: record.generation });
        Renewed::Token(Box::new(record), kept)
    }

    /// Logs an event and passes it on.
    pub(crate) fn tell(&self, event: &Event) {
        events::trace(&self.key, event);
        if let Some(observer) = &self.observer {
            observer(&self.key, event);
        }
    }
}

/// How waiting for the lease ended.
enum Turn {
    /// The lease is ours, or the store is away.
    Mine(Hold),
    /// Somebody else's token came first.
    Served(Box<Record>, Kept),
}
