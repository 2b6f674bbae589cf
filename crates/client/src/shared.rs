//! What the handles of one credential share: the published token, and the renewal under way.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use http::HeaderValue;
use unlapse_core::{
    Demand, Error, Freshness, Now, Record, RuleBroken, Secret, StoreError, UnixTime,
};

use tracing::{Instrument as _, Span};

use crate::chore;
use crate::current::Current;
use crate::effort::Effort;
use crate::events::Event;
use crate::flight::{Flight, Outcome, Traffic, UnderWay, alike, joins, satisfies};
use crate::hold::{Hold, Kept};
use crate::info::Info;
use crate::keeper::Upkeep;
use crate::mark::Mark;
use crate::published::Published;
use crate::renew::{Renewed, Renewer};
use crate::source::AccessToken;
use crate::sync::{AtomicBool, Mutex, watch};
use crate::trace;

/// A set has as many of these as it has keys: what is the same for all of them is in its `World`.
pub(crate) struct Shared {
    pub(crate) me: Weak<Self>,
    pub(crate) renewer: Renewer,
    pub(crate) api_key: Option<Secret>,
    pub(crate) current: Published,
    flight: Mutex<Option<Flight>>,
    /// A record that was found damaged, until somebody is told (C4): a store says so only once.
    pub(crate) damage: Mutex<Option<Box<StoreError>>>,
    /// Renewals under way, joined or not.
    pub(crate) traffic: Traffic,
    /// Somebody looks at the store.
    pub(crate) looking: AtomicBool,
    /// The keeper has word of a change that it has not thought about yet.
    pub(crate) is_listed: AtomicBool,
    pub(crate) upkeep: Mutex<Upkeep>,
    #[cfg(feature = "metrics")]
    unsaved: crate::metrics::Unsaved,
}

impl Shared {
    pub(crate) fn new(mut renewer: Renewer, api_key: Option<Secret>) -> Arc<Self> {
        renewer.has_api_key = api_key.is_some();
        let shared = Arc::new_cyclic(|me| Self {
            me: Weak::clone(me),
            renewer,
            api_key,
            current: Published::nothing(),
            flight: Mutex::new(None),
            damage: Mutex::new(None),
            traffic: Traffic::default(),
            looking: AtomicBool::new(false),
            is_listed: AtomicBool::new(false),
            upkeep: Mutex::default(),
            #[cfg(feature = "metrics")]
            unsaved: crate::metrics::Unsaved::default(),
        });
        #[cfg(feature = "metrics")]
        crate::metrics::describe_once();
        shared.think_again();
        shared
    }

    /// Counts this credential among those whose newest token is not saved, or no more.
    #[cfg(feature = "metrics")]
    pub(crate) fn measure_unsaved(&self) {
        self.unsaved.measure(&self.renewer.key, || self.is_unsaved());
    }

    /// A login that is missing because its record was damaged is called that, once.
    fn with_damage(&self, error: Error) -> Error {
        if !error.needs_login() {
            return error;
        }
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        damage.take().map_or(error, |damage| Error::Store(*damage))
    }

    /// A valid token at once, with a renewal started if it is due; or a renewal waited for.
    pub(crate) async fn serve(self: &Arc<Self>, demand: Demand) -> Result<Arc<Current>, Error> {
        let now = self.renewer.clock.now();
        let Some(valid) = self.valid(&now) else {
            return self.serve_expired(demand, &now).await;
        };
        let asks_for_more = matches!(demand, Demand::Fresh { min_ttl } if !min_ttl.is_zero());
        if valid.is_hot(now.wall) && (!asks_for_more || self.is_met(demand, &valid)) {
            return Ok(valid);
        }
        if asks_for_more && !self.is_met(demand, &valid) {
            return self.wait_or_serve(demand, self.renewer.policy.caller_deadline).await;
        }
        // Both in the background: what is due is renewed, what is only older than memory is trusted
        // is looked at, which takes no lease.
        if self.is_met(demand, &valid) {
            self.glance();
        } else {
            self.launch(demand);
        }
        Ok(valid)
    }

    /// Waits for a better token; failing that, the one that there is, as long as it is valid (R10).
    pub(crate) async fn wait_or_serve(
        self: &Arc<Self>,
        demand: Demand,
        patience: Duration,
    ) -> Result<Arc<Current>, Error> {
        match self.wait_for(demand, patience).await {
            Err(error) => match self.valid(&self.renewer.clock.now()) {
                Some(valid) => Ok(valid),
                None => self.stale_after(demand, error).await,
            },
            waited => waited,
        }
    }

    /// Joins or starts a renewal until the demand is met, it fails, or `patience` is over (R15).
    pub(crate) async fn wait_for(
        self: &Arc<Self>,
        demand: Demand,
        patience: Duration,
    ) -> Result<Arc<Current>, Error> {
        let start = self.renewer.clock.now();
        let mut left = patience;
        let mut died = 0;
        let mut asked = 0_u32;
        loop {
            let before = self.generation();
            // A renewal that was made for less may end without what is asked for here, and so may
            // the next: after one of them, only a renewal for the same demand is shared.
            let shares = if died == 0 { joins } else { alike };
            let mut outcome = self.board(demand, shares, false);
            let ended = tokio::select! {
                biased;
                ended = outcome.wait_for(Option::is_some) => ended.map(|ended| ended.clone()),
                () = self.renewer.clock.sleep(left) => {
                    return Err(Error::Deadline { key: self.renewer.key.clone(), waited: patience });
                }
            };
            let error = match ended {
                Ok(Some(Ok(())) | None) => {
                    // What has ended on its way is no answer (R11).
                    if let Some(current) = self.served_now(demand)
                        && satisfies(demand, &current, before)
                    {
                        return Ok(current);
                    }
                    died += 1;
                    None
                }
                // Somebody else has the lease by now: join them.
                Ok(Some(Err(Error::Store(StoreError::Fenced)))) => {
                    died += 1;
                    None
                }
                Ok(Some(Err(error))) => Some(error),
                Err(_) => {
                    // The leader died without an outcome (R20): take over.
                    died += 1;
                    None
                }
            };
            let now = self.renewer.clock.now();
            left = patience.saturating_sub(now.elapsed(&start));
            match error {
                Some(error) => {
                    // It may have been made for more than is wanted here (R10).
                    if matches!(demand, Demand::Fresh { .. })
                        && let Some(valid) = self.valid(&now)
                    {
                        return Ok(valid);
                    }
                    if self.is_stale_after(demand, &error, &now) {
                        return Err(error);
                    }
                    if let Error::Temporary { attempts, .. } = &error {
                        asked = asked.saturating_add((*attempts).max(1));
                    }
                    match error.retry_at() {
                        Some(at)
                            if asked < self.renewer.policy.attempts
                                && at > now.wall
                                && at.since(now.wall) < left =>
                        {
                            self.renewer.clock.sleep(at.since(now.wall)).await;
                            let waited = self.renewer.clock.now().elapsed(&start);
                            left = patience.saturating_sub(waited);
                        }
                        _ => return Err(self.with_damage(error)),
                    }
                }
                None if died > 3 || left.is_zero() => {
                    let waited = now.elapsed(&start);
                    return Err(Error::Deadline { key: self.renewer.key.clone(), waited });
                }
                None => {}
            }
        }
    }

    /// Joins the renewal under way if it serves this demand as well, or starts one, ahead of time:
    /// nobody waits for its token.
    pub(crate) fn launch(self: &Arc<Self>, demand: Demand) -> watch::Receiver<Option<Outcome>> {
        self.board(demand, joins, true)
    }

    fn board(
        self: &Arc<Self>,
        demand: Demand,
        shares: fn(Demand, Demand) -> bool,
        automatic: bool,
    ) -> watch::Receiver<Option<Outcome>> {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flight.as_ref()
            && shares(demand, flight.demand)
            && flight.outcome.has_changed().is_ok()
            && flight.outcome.borrow().is_none()
        {
            return flight.outcome.clone();
        }
        let (sender, outcome) = watch::channel(None);
        *flight = Some(Flight { demand, outcome: outcome.clone() });
        // Counted before anybody can join it: whoever has joined and settles waits for it (R6).
        let under_way = UnderWay::begin(Arc::clone(self));
        drop(flight);
        let shared = Arc::clone(self);
        let span = trace::renewal(&self.renewer.key, demand, automatic, self.generation());
        let task = async move {
            let _under_way = under_way;
            let ended = shared.run(demand, automatic).await;
            // Ended before it is told, so that whoever hears of it starts a new one if need be.
            sender.send_replace(Some(ended));
            drop(sender);
            shared.disembark();
            shared.think_again();
        };
        self.renewer.world.spawn.spawn(Box::pin(task.instrument(span)));
        outcome
    }

    /// Keeps nothing of a renewal that has ended.
    fn disembark(&self) {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if flight.as_ref().is_some_and(|flight| flight.outcome.borrow().is_some()) {
            *flight = None;
        }
    }

    /// One renewal and its publication, and what is told of it.
    async fn run(&self, demand: Demand, automatic: bool) -> Outcome {
        let start = self.renewer.clock.now();
        let mut effort = Effort::default();
        self.renewer.tell(&Event::Started { demand, automatic });
        let seen = self.current.newest();
        let last = self.current.load_full();
        let last = last.as_ref().and_then(|current| current.record());
        let renewed = self.renewer.renew(last, seen.generation(), demand, &mut effort).await;
        let outcome = effort.outcome(&renewed);
        let ended = self.publish_renewed(renewed, seen, effort.is_held).await;
        let current = self.current.load_full();
        let token = current.as_ref().and_then(|current| current.record()?.token.as_ref());
        trace::finished(&Span::current(), outcome, effort.attempts);
        self.renewer.tell(&Event::Finished {
            outcome,
            generation: self.generation(),
            attempts: effort.attempts,
            duration: self.renewer.clock.now().elapsed(&start),
            automatic,
            lifetime: token.and_then(|token| token.lifetime),
        });
        ended
    }

    /// Makes what a renewal came to what callers get. `seen` was published when it began.
    /// `is_held`: under the lease.
    async fn publish_renewed(
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

    /// Whether the newest token still has to be saved in its place.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.current.load().as_ref().is_some_and(|current| current.is_unsaved())
    }

    /// Forgets the credential: it was cleared, and `cleared` is what is left of its record.
    pub(crate) fn forget(&self, cleared: &Record) {
        self.current.forget(Mark::of(cleared));
        #[cfg(feature = "metrics")]
        self.measure_unsaved();
    }

    /// Waits for the renewals under way, and saves what could not be saved before (R5, R6).
    pub(crate) async fn settle(&self) -> Result<(), Error> {
        self.landed().await;
        self.save_unsaved().await
    }

    /// Waits until no renewal is under way.
    pub(crate) async fn landed(&self) {
        self.traffic.landed().await;
    }

    fn freshness(&self, current: &Current, now: &Now) -> Option<Freshness> {
        current.record()?.freshness(&self.renewer.key, now, &self.renewer.policy)
    }

    /// The current credential, if it may be used.
    pub(crate) fn valid(&self, now: &Now) -> Option<Arc<Current>> {
        let current = self.current.load();
        let current = current.as_ref()?;
        let valid = match current.record() {
            Some(record) => record.token.as_ref().is_some_and(|token| !token.is_expired(now)),
            None => current.is_hot(now.wall),
        };
        valid.then(|| Arc::clone(current))
    }

    /// The current credential, if this demand may be served with it at this moment. Of what has just
    /// been published the cheap clock tells; ten thousand may be waiting for it.
    fn served_now(&self, demand: Demand) -> Option<Arc<Current>> {
        if let Some(current) = self.current.load().as_ref()
            && !current.is_stale()
            && current.is_hot(self.renewer.clock.coarse())
        {
            return Some(Arc::clone(current));
        }
        let now = self.renewer.clock.now();
        self.valid(&now).or_else(|| self.stale(demand, &now))
    }

    /// Whether nothing has to be renewed for this demand.
    pub(crate) fn is_met(&self, demand: Demand, current: &Current) -> bool {
        let Some(record) = current.record() else { return true };
        let Demand::Fresh { min_ttl } = demand else { return false };
        let now = self.renewer.clock.now();
        record.is_fresh_for(min_ttl, &self.renewer.key, &now, &self.renewer.policy)
    }

    /// Whether the current token should be renewed.
    pub(crate) fn is_due(&self) -> bool {
        let now = self.renewer.clock.now();
        let current = self.current.load_full();
        let freshness = current.and_then(|current| self.freshness(&current, &now));
        !matches!(freshness, Some(Freshness::Fresh { .. }))
    }

    /// A valid token of a later generation.
    pub(crate) fn newer_than(&self, generation: u64) -> Option<Arc<Current>> {
        let current = self.valid(&self.renewer.clock.now())?;
        (current.generation() > generation).then_some(current)
    }

    /// When the current token ends; the beginning of time where there is none.
    pub(crate) fn ends_at(&self) -> UnixTime {
        let current = self.current.load_full();
        let token = current.as_ref().and_then(|current| current.record()?.token.as_ref());
        token.map_or_else(UnixTime::default, |token| {
            token.expires_at().unwrap_or(UnixTime::from_millis(u64::MAX))
        })
    }

    pub(crate) fn generation(&self) -> u64 {
        self.current.load().as_ref().map_or(0, |current| current.generation())
    }

    pub(crate) fn header(&self, current: &Current) -> Result<HeaderValue, Error> {
        current.header().map_err(|_| self.unusable())
    }

    pub(crate) fn access_token(&self, current: &Current) -> Result<AccessToken, Error> {
        if let Some(record) = current.record() {
            let token = AccessToken::of(record, current.is_unsaved());
            let token = token.map(|token| AccessToken { is_stale: current.is_stale(), ..token });
            return token.ok_or_else(|| self.unusable());
        }
        self.api_key.clone().map(AccessToken::api_key).ok_or_else(|| self.unusable())
    }

    pub(crate) fn info(&self) -> Info {
        let now = self.renewer.clock.now();
        let current = self.current.load_full();
        Info::of(current.as_deref(), &now, &self.renewer.policy)
    }

    /// There is a token, or an API key, and no header can carry it.
    pub(crate) fn unusable(&self) -> Error {
        Error::RuleBroken { key: self.renewer.key.clone(), rule: RuleBroken::Unsendable }
    }
}

#[cfg(feature = "metrics")]
impl Drop for Shared {
    fn drop(&mut self) {
        self.unsaved.measure(&self.renewer.key, || false);
    }
}
