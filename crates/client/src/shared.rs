//! What the handles of one credential share: the published token, and the renewal under way.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use tracing::{Instrument as _, Span};
use unlapse_core::{Demand, Error, Secret, StoreError};

use crate::current::Current;
use crate::effort::Effort;
use crate::events::Event;
use crate::flight::{Flight, Outcome, Traffic, UnderWay, alike, joins, satisfies};
use crate::keeper::Upkeep;
use crate::published::Published;
use crate::renew::Renewer;
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

    /// Waits for the renewals under way, and saves what could not be saved before (R5, R6).
    pub(crate) async fn settle(&self) -> Result<(), Error> {
        self.landed().await;
        self.save_unsaved().await
    }

    /// Waits until no renewal is under way.
    pub(crate) async fn landed(&self) {
        self.traffic.landed().await;
    }
}

#[cfg(feature = "metrics")]
impl Drop for Shared {
    fn drop(&mut self) {
        self.unsaved.measure(&self.renewer.key, || false);
    }
}
