//! The renewal transaction: lease, read, plan, intend, spend, judge, keep, release.
//!
//! One page of linear code over injected effects. What to do is decided by `plan`, what an answer
//! means by `classify`, both pure; here they are only carried out. It runs as a task of its own:
//! callers wait for its outcome, and nothing that happens to them happens to it (R6).

use std::sync::Arc;
use std::time::Duration;

use unlapse_core::{
    Admission, Answer, Cause, Demand, Error, Key, Now, Plan, Policy, Record, Reuse, Secret,
    SenderKeyProblem, Situation, Spend, Stop, StoreError, Verdict, classify, decide, plan,
};

use tracing::Instrument as _;

use crate::effects::{Clock, Exchange, Request};
use crate::effort::Effort;
use crate::events::Event;
use crate::feed::Feed;
use crate::hold::{Hold, Kept, Memory};
use crate::trace;
use crate::world::World;

/// Between looks at the store while somebody else holds the lease (C6).
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Everything that a renewal of one key needs.
pub(crate) struct Renewer {
    pub(crate) key: Key,
    pub(crate) policy: Arc<Policy>,
    pub(crate) exchange: Arc<dyn Exchange>,
    /// The world's, at hand for the hot path.
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) world: Arc<World>,
    /// Who has subscribed to this key.
    pub(crate) feed: Feed,
    pub(crate) has_api_key: bool,
    /// What could not be saved (R5).
    pub(crate) memory: Memory,
}

/// What a renewal came to.
#[derive(Clone, Debug)]
pub(crate) enum Renewed {
    /// This record's token, and how well it is kept.
    Token(Box<Record>, Kept),
    /// This record's token, which has ended: its server cannot be reached (K12).
    Stale(Box<Record>, Kept),
    /// The API key stands in (R14).
    ApiKey,
}

impl Renewer {
    pub(crate) fn new(
        key: Key,
        exchange: Arc<dyn Exchange>,
        policy: Arc<Policy>,
        world: Arc<World>,
    ) -> Self {
        let clock = Arc::clone(&world.clock);
        let memory = Memory::default();
        let feed = Feed::default();
        Self { key, policy, exchange, clock, world, feed, has_api_key: false, memory }
    }

    /// Renews, or finds that somebody has. `last` is the record that this process has seen last,
    /// for when the store cannot be read; `seen` the newest generation that it has.
    pub(crate) async fn renew(
        &self,
        last: Option<&Record>,
        seen: u64,
        demand: Demand,
        effort: &mut Effort,
    ) -> Result<Renewed, Error> {
        let start = self.clock.now();
        let mut hold = match self.lease(demand).instrument(trace::lease()).await? {
            Turn::Mine(hold) => hold,
            Turn::Served(record, kept) => return Ok(self.adopt(*record, kept)),
        };
        let leased = self.clock.now();
        self.tell(&Event::Leased { waited: leased.elapsed(&start) });
        let (record, trouble) = hold.read(last).instrument(trace::read()).await;
        let record = record.counting_on(seen);
        effort.is_held = trouble.is_none() && hold.is_leased();
        if let Some(error) = &trouble {
            self.tell(&Event::StoreAway { error: error.clone() });
        }
        let renewed = self.renew_held(hold, record, demand, effort, trouble).await;
        self.tell(&Event::Released { held: self.clock.now().elapsed(&leased) });
        renewed
    }

    /// The renewal, with the lease in hand and `record` as read under it.
    pub(crate) async fn renew_held(
        &self,
        mut hold: Hold,
        mut record: Record,
        demand: Demand,
        effort: &mut Effort,
        trouble: Option<StoreError>,
    ) -> Result<Renewed, Error> {
        loop {
            let now = self.clock.now();
            let may_spend = hold.may_spend(self.policy.without_store);
            let situation = self.situation(&record, now, demand, effort, may_spend);
            #[cfg(feature = "metrics")]
            crate::metrics::breaker(&self.key, situation.breaker);
            let (row, planned) = decide(&situation);
            self.tell(&Event::Planned { plan: planned, row });
            let spend = match planned {
                // What cannot be kept is asked for for want of a token, not ahead of time.
                Plan::Spend(_) if !hold.is_leased() && may_serve(&record, demand, &now) => {
                    return Ok(self.adopt(record, hold.release()));
                }
                Plan::Spend(spend) => spend,
                end => {
                    effort.ended_by(row);
                    return self.end(end, hold, record, effort, trouble).await;
                }
            };
            let sender_key = match self.sender_key(&record, spend, effort) {
                Ok(sender_key) => sender_key,
                Err(problem) => {
                    let error = Error::SenderKey { key: self.key.clone(), problem };
                    return self.fall_back(hold, record, demand, effort, error);
                }
            };
            if !self.claim(now) {
                // Somebody else makes the trial: plan again, and find the breaker open.
                continue;
            }
            let deadline = situation.deadline();
            effort.attempts += 1;
            let (attempt, delay) = (effort.attempts, std::mem::take(&mut effort.delay));
            self.tell(&Event::Spending { spend, attempt, delay });
            let start = self.clock.now();
            let prepared = self.prepare(deadline).instrument(trace::prepare()).await;
            let verdict = if let Err(cause) = prepared {
                Verdict::Unsent(cause)
            } else {
                if spend != Spend::Login {
                    let intended =
                        self.intend(&mut hold, &record, spend, demand, sender_key.as_ref());
                    record = match intended.instrument(trace::intend()).await {
                        Ok(intended) => intended,
                        Err(error) => return self.fall_back(hold, record, demand, effort, error),
                    };
                }
                let span = trace::spend(spend, attempt, delay);
                let spent = self.spend(spend, &mut record, demand, sender_key.as_ref(), deadline);
                let verdict = spent.instrument(span.clone()).await;
                trace::judged(&span, &verdict);
                verdict
            };
            if spend == Spend::Login {
                // Of one login one key, however often it is asked for.
                effort.sender_key = sender_key;
            }
            let now = self.clock.now();
            self.count(&verdict, now);
            let (cause, asked, again) = match verdict {
                Verdict::Granted(grant) => {
                    let kept = self.keep(hold, &record, *grant, start, spend);
                    let kept = kept.instrument(trace::keep()).await;
                    effort.is_granted = kept.is_ok();
                    return kept;
                }
                Verdict::Rejected(rejection) if rejection.ends_login() => {
                    record = self.ended(&mut hold, record, spend, demand, rejection).await?;
                    continue;
                }
                Verdict::Rejected(rejection) => {
                    self.tell(&Event::Rejected { rejection });
                    record = failed(&record, spend, Cause::Client, now, None);
                    hold.keep(&record).await;
                    let error = Error::ClientRejected { key: self.key.clone(), rejection };
                    return self.fall_back(hold, record, demand, effort, error);
                }
                Verdict::Unknown(cause) => {
                    self.tell(&Event::InDoubt { cause });
                    effort.lost += 1;
                    effort.waited += now.elapsed(&start);
                    if spend != Spend::Login {
                        effort.last = Some(cause);
                        record = record.in_doubt(record.failure(cause, now, None));
                        continue;
                    }
                    (cause, None, effort.lost < 2)
                }
                Verdict::Unsent(cause) => (cause, None, true),
                Verdict::Transient { cause, retry_after, again } => {
                    (cause, retry_after.map(|wait| wait.min(self.policy.max_delay)), again)
                }
            };
            self.tell(&Event::Failed { cause });
            effort.last = Some(cause);
            record = failed(&record, spend, cause, now, asked);
            if let Err(error) = self.pause(&mut hold, &mut record, effort, asked, again).await {
                return self.fall_back(hold, record, demand, effort, error);
            }
        }
    }

    /// Waits for the lease, and meanwhile for somebody else's token (R1, R2).
    async fn lease(&self, demand: Demand) -> Result<Turn, Error> {
        let start = self.clock.now();
        loop {
            let left = self.policy.lease_wait.saturating_sub(self.clock.now().elapsed(&start));
            let busy = match Hold::take(self, left.min(LOOK_AGAIN)).await {
                Ok(hold) => return Ok(Turn::Mine(hold)),
                Err(busy) => busy,
            };
            if let Ok(Some(stored)) = self.world.store.load(&self.key).await {
                let (now, effort) = (self.clock.now(), Effort::default());
                if plan(&self.situation(&stored.record, now, demand, &effort, true)) == Plan::Adopt
                {
                    let kept = Kept::found(stored.place);
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
        may_spend: bool,
    ) -> Situation<'a> {
        let mut rungs = self.exchange.rungs(record.credentials.as_ref());
        // Nothing single-use is spent without the lease (R1).
        rungs.refresh &= may_spend;
        rungs.api_key |= self.has_api_key;
        if effort.is_login {
            rungs.login &= demand == Demand::NewLogin;
            rungs.api_key = false;
        }
        let breaker = self.world.breakers.read(&self.exchange.endpoint());
        Situation {
            record,
            now,
            policy: &self.policy,
            key: &self.key,
            demand,
            rungs,
            breaker: breaker.admit(now.wall),
            is_there: breaker.is_there,
            attempts: effort.attempts,
            lost: effort.lost,
            waited: effort.waited,
        }
    }

    /// Whether a renewal ahead of time of what this record has could only say that a person has to
    /// log in (R14).
    pub(crate) fn needs_person(&self, record: &Record, now: Now) -> bool {
        let demand = Demand::Fresh { min_ttl: Duration::ZERO };
        let situation = self.situation(record, now, demand, &Effort::default(), true);
        matches!(plan(&situation), Plan::Stop(Stop::NeedsLogin(_)))
    }

    /// The right to make a request: when the breaker asks for a trial, one of all keys makes it
    /// (R16).
    fn claim(&self, now: Now) -> bool {
        let mut admission = Admission::Closed;
        self.world.breakers.update(&self.exchange.endpoint(), &mut |breaker| {
            admission = breaker.admit(now.wall);
            if admission == Admission::Trial { breaker.trying(now.wall) } else { breaker }
        });
        !matches!(admission, Admission::Open { .. })
    }

    /// Whatever the server must be asked before a secret leaves.
    async fn prepare(&self, deadline: Duration) -> Result<(), Cause> {
        tokio::select! {
            biased;
            prepared = self.exchange.prepare() => prepared,
            () = self.clock.sleep(deadline) => Err(Cause::Timeout),
        }
    }

    /// The key to prove the request with: a login's own, or the one that the refresh token is bound
    /// to (RFC 9449 §5).
    fn sender_key(
        &self,
        record: &Record,
        spend: Spend,
        effort: &Effort,
    ) -> Result<Option<Secret>, SenderKeyProblem> {
        let kept = match spend {
            Spend::Login => effort.sender_key.as_ref(),
            Spend::Refresh | Spend::Replay => record.sender_key(),
        };
        self.exchange.sender_key(kept)
    }

    /// The intent, durable before the refresh token leaves (R3), and with it the key that the server
    /// may bind its successor to.
    async fn intend(
        &self,
        hold: &mut Hold,
        record: &Record,
        spend: Spend,
        demand: Demand,
        sender_key: Option<&Secret>,
    ) -> Result<Record, Error> {
        let is_bound_anew = sender_key.is_some() && record.sender_key().is_none();
        let now = self.clock.now();
        let intended = record.intend(now, spend == Spend::Replay);
        let intended = intended.bound_to(sender_key.cloned());
        match hold.commit(&intended).await {
            Ok(()) => Ok(intended),
            // Sending the token again does no harm there: the intent guards nothing. But whoever has
            // lost the lease leaves it to whoever has it (R1), and a key that is kept nowhere must
            // not become the one that the login hangs on.
            Err(error)
                if error != StoreError::Fenced
                    && !is_bound_anew
                    && record.reuse(self.policy.reuse) == Reuse::Stable =>
            {
                Ok(intended)
            }
            // In memory, if that was chosen, and for want of a token alone (C16).
            Err(error)
                if self.policy.without_store.goes_on(&error)
                    && !is_bound_anew
                    && !may_serve(record, demand, &now) =>
            {
                self.tell(&Event::StoreAway { error: error.clone() });
                hold.remember(&intended, error);
                Ok(intended)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the request, and reads the server's clock off its answer.
    async fn spend(
        &self,
        spend: Spend,
        record: &mut Record,
        demand: Demand,
        sender_key: Option<&Secret>,
        deadline: Duration,
    ) -> Verdict {
        let anew = match demand {
            Demand::Rejected(_) | Demand::NewerThan(_) | Demand::Force => true,
            Demand::Fresh { .. } | Demand::NewLogin => false,
        };
        let credentials = record.credentials.as_ref();
        let refresh_token = record.token.as_ref().and_then(|token| token.refresh_token.as_ref());
        let request = match (spend, refresh_token) {
            (Spend::Refresh | Spend::Replay, Some(refresh_token)) => {
                Request::Refresh { refresh_token, credentials, sender_key }
            }
            _ => Request::Login { credentials, anew, sender_key },
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
        let mut verdict = classify(answer, door);
        if let Verdict::Granted(grant) = &mut verdict {
            grant.sender_key = sender_key.cloned();
        }
        match spend {
            Spend::Login => verdict,
            Spend::Refresh | Spend::Replay => verdict.with_caution(record.reuse(self.policy.reuse)),
        }
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

    pub(crate) fn adopt(&self, record: Record, kept: Kept) -> Renewed {
        self.tell(&Event::Adopted { generation: record.generation });
        Renewed::Token(Box::new(record), kept)
    }

    pub(crate) fn stale(&self, record: Record, kept: Kept) -> Renewed {
        self.tell(&Event::Stale { generation: record.generation });
        Renewed::Stale(Box::new(record), kept)
    }
}

/// How waiting for the lease ended.
enum Turn {
    /// The lease is ours, or the store is away.
    Mine(Hold),
    /// Somebody else's token came first.
    Served(Box<Record>, Kept),
}

/// The record after an attempt that decided nothing. A login touches no refresh token.
fn failed(
    record: &Record,
    spend: Spend,
    cause: Cause,
    now: Now,
    retry_after: Option<Duration>,
) -> Record {
    let failure = record.failure(cause, now, retry_after);
    if spend == Spend::Login { record.login_failed(failure) } else { record.failed(failure) }
}

/// Whether a valid token satisfies the caller (R10).
pub(crate) fn may_serve(record: &Record, demand: Demand, now: &Now) -> bool {
    let token = record.token.as_ref();
    matches!(demand, Demand::Fresh { .. }) && token.is_some_and(|token| !token.is_expired(now))
}
