//! Carries a request: a token, a place, a try, and whatever is decided after it.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tokio::sync::OwnedSemaphorePermit;
use unlapse_core::{Now, retry};

use super::call::{Call, Ended, Fault};
use super::decide::{Outcome, Standing, Step, decide};
use super::errand::Errand;
use super::error::{RequestError, WaitingFor};
use super::lane::{Lane, Lanes, Seats};
use super::origin::Origin;
use super::policy::RequestPolicy;
use super::refusal::Refusal;
use super::turn::Turn;
use crate::dpop::{self, Proven};
use crate::effects::{Breakers, Clock};
use crate::memory_breakers::MemoryBreakers;
use crate::places::Places;
use crate::source::TokenSource;

/// Carries requests that have one login. Its copies share places, breakers, and what was learned.
#[derive(Clone)]
pub(crate) struct Carrier {
    source: TokenSource,
    pub(crate) policy: Arc<RequestPolicy>,
    /// Where the token may go; `None`: wherever it is safe.
    pub(crate) only_to: Option<Arc<[Origin]>>,
    pub(crate) breakers: Arc<dyn Breakers>,
    /// Places that are shared with other sources.
    pub(crate) places: Option<Arc<Places>>,
    lanes: Arc<Lanes>,
}

/// How far a request has come.
struct Progress {
    start: Now,
    failures: u32,
    renewed: bool,
    proven_again: bool,
    /// A try that failed may have been done all the same.
    in_doubt: bool,
}

/// A try that may be made now: with this token, at this place.
struct Ready<'a> {
    proven: Proven,
    nonce: Option<String>,
    turn: Turn<'a>,
    /// Given back with the head of the answer.
    _place: OwnedSemaphorePermit,
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.source.key();
        let mut debug = f.debug_struct("Carrier");
        debug.field("key", key).field("policy", &self.policy).field("only_to", &self.only_to);
        debug.finish_non_exhaustive()
    }
}

impl Carrier {
    pub(crate) fn new(source: TokenSource) -> Self {
        Self {
            source,
            policy: Arc::default(),
            only_to: None,
            breakers: Arc::new(MemoryBreakers::default()),
            places: None,
            lanes: Arc::default(),
        }
    }

    fn clock(&self) -> &dyn Clock {
        &*self.source.shared().renewer.clock
    }

    /// Whom a request to `uri` goes to, if the token may go there. One that does not say so goes to the
    /// one origin that was named, if it was one: tonic's services and connections of hyper's know
    /// their server by themselves.
    #[cfg(feature = "tower")]
    pub(crate) fn origin(&self, uri: &http::Uri) -> Result<Origin, RequestError> {
        let origin = match (self.only_to.as_deref(), Origin::of(uri)) {
            (_, Ok(origin)) => origin,
            (Some([only]), Err(super::origin::OriginError::NotAbsolute))
                if uri.scheme().is_none() && uri.authority().is_none() =>
            {
                only.clone()
            }
            (_, Err(error)) => return Err(RequestError::NoOrigin(error)),
        };
        self.admits(origin)
    }

    /// The same origin, if the token may go there.
    pub(crate) fn admits(&self, origin: Origin) -> Result<Origin, RequestError> {
        let may = match &self.only_to {
            None => origin.is_safe(),
            Some(named) => named.contains(&origin),
        };
        if may { Ok(origin) } else { Err(RequestError::ForeignOrigin { origin }) }
    }

    /// Carries a request to its end. A caller that is dropped meanwhile gives its place back, and no
    /// renewal that it waited for ends with it (R6).
    pub(crate) async fn carry<C: Call>(
        &self,
        errand: &Errand,
        call: C,
    ) -> Result<C::Reply, Ended<C::Error>> {
        let mut progress = Progress {
            start: self.clock().now(),
            failures: 0,
            renewed: false,
            proven_again: false,
            in_doubt: false,
        };
        let ended = self.bring(errand, call, &mut progress).await;
        // Whatever became of the last try, those before it are not forgotten.
        ended
            .map_err(|ended| if progress.in_doubt { ended.in_doubt(&errand.origin) } else { ended })
    }

    async fn bring<C: Call>(
        &self,
        errand: &Errand,
        mut call: C,
        progress: &mut Progress,
    ) -> Result<C::Reply, Ended<C::Error>> {
        let seats = self.places.as_deref().map_or(Seats::Own(self.policy.at_once), Seats::Shared);
        let lane = self.lanes.to(&errand.origin, seats);
        loop {
            let ready = self.ready(errand, &lane, progress).await?;
            let Ready { proven, nonce, turn, _place: place } = ready;
            let left = self.left(errand, progress);
            let Some(tried) = within(self.clock(), left, call.send(&proven)).await else {
                // A caller in a hurry says nothing of the API; one that had time does.
                if left >= self.policy.deadline / 2 {
                    turn.end(Outcome::Lost, self.clock().now(), &self.policy.breaker);
                }
                return Err(self.too_late(errand, progress, WaitingFor::Answer).into());
            };
            drop(place);
            let now = self.clock().now();
            let outcome = match &tried {
                Ok(reply) => outcome(C::head(reply), &proven, &now),
                Err((Fault::Unsent, _)) => Outcome::Unsent,
                Err((Fault::Lost, _)) => Outcome::Lost,
                Err((Fault::Refused, _)) => Outcome::Refused,
            };
            let given = tried.as_ref().ok().and_then(|reply| dpop::nonce(C::head(reply).1));
            if let Some(given) = given.filter(|_| proven.proof().is_some()) {
                lane.remember_nonce(given);
            }
            let is_away = turn.end(outcome, now, &self.policy.breaker);
            let generation = proven.bearer().generation();
            if matches!(outcome, Outcome::Answered { .. }) {
                lane.accepted(generation);
            }
            progress.failures += u32::from(outcome.is_repeated_later());
            progress.in_doubt |= outcome.may_be_done();
            let standing = Standing {
                is_idempotent: errand.is_idempotent,
                can_repeat: call.can_repeat(),
                is_api_key: generation == 0,
                // A newer one that is at hand costs nothing to try.
                is_suspect: lane.is_suspect(generation, &now) && !self.is_superseded(generation),
                renewed: progress.renewed,
                proven_again: progress.proven_again,
                is_nonce_new: given != nonce.as_deref(),
                failures: progress.failures,
                attempts: self.policy.attempts,
                is_away,
                delay: self.delay(outcome, progress.failures),
                max_delay: self.policy.max_delay,
                left: self.left(errand, progress),
            };
            let step = decide(outcome, &standing);
            if step != Step::Give {
                let origin = &errand.origin;
                tracing::debug!(target: "unlapse", %origin, ?outcome, ?step, generation);
            }
            match step {
                Step::Give => return tried.map_err(|(fault, error)| Ended::Network(fault, error)),
                Step::Renew => {
                    drop(tried);
                    self.renew(errand, &lane, progress, generation).await?;
                    progress.renewed = true;
                }
                Step::Prove => progress.proven_again = true,
                Step::Wait(wait) => {
                    drop(tried);
                    self.clock().sleep(wait).await;
                }
                Step::RenewForNext => {
                    drop(tried);
                    self.renew(errand, &lane, progress, generation).await?;
                    return Err(RequestError::BodySpent { origin: errand.origin.clone() }.into());
                }
                Step::ProveNext => {
                    return Err(RequestError::BodySpent { origin: errand.origin.clone() }.into());
                }
                Step::End => {
                    if outcome == Outcome::Unauthorized && progress.renewed {
                        lane.refused(generation, now);
                    }
                    let shown = proven.bearer().header().as_bytes();
                    let refusal = tried.map(|reply| Refusal::read(C::head(&reply).1, shown));
                    let refusal = refusal.unwrap_or_default();
                    let origin = errand.origin.clone();
                    return Err(RequestError::Unauthorized { origin, refusal }.into());
                }
            }
        }
    }

    /// Waits until a try may be made. No place is held while a token is waited for (C12): a renewal
    /// keeps nobody else from where they are going.
    async fn ready<'a>(
        &'a self,
        errand: &Errand,
        lane: &'a Lane,
        progress: &Progress,
    ) -> Result<Ready<'a>, RequestError> {
        for last in [false, true] {
            Turn::look(&*self.breakers, lane, errand, self.clock().now().wall)?;
            if !self.source.is_at_hand() {
                let left = self.left(errand, progress);
                match within(self.clock(), left, self.source.bearer()).await {
                    Some(waited) => waited.map(drop)?,
                    None => return Err(self.too_late(errand, progress, WaitingFor::Token)),
                }
            }
            let place = self.place(errand, lane, progress).await?;
            // It may have ended while a place was waited for.
            if !last && !self.source.is_at_hand() {
                continue;
            }
            let nonce = lane.nonce();
            let proven = self.source.proven(&errand.method, &errand.url, nonce.as_deref());
            let left = self.left(errand, progress);
            let Some(proven) = within(self.clock(), left, proven).await else { break };
            let proven = proven?;
            let turn = Turn::take(&*self.breakers, lane, errand, self.clock().now().wall)?;
            return Ok(Ready { proven, nonce, turn, _place: place });
        }
        Err(self.too_late(errand, progress, WaitingFor::Token))
    }

    async fn place(
        &self,
        errand: &Errand,
        lane: &Lane,
        progress: &Progress,
    ) -> Result<OwnedSemaphorePermit, RequestError> {
        // One that is free is nobody's: whoever waits was given theirs first.
        if let Ok(place) = Arc::clone(&lane.places).try_acquire_owned() {
            return Ok(place);
        }
        let left = self.left(errand, progress);
        let patience = self.policy.place_wait.min(left);
        let place = Arc::clone(&lane.places).acquire_owned();
        match within(self.clock(), patience, place).await {
            // The semaphore is never closed.
            Some(Ok(place)) => Ok(place),
            _ if patience < left => {
                Err(RequestError::Busy { origin: errand.origin.clone(), waited: patience })
            }
            _ => Err(self.too_late(errand, progress, WaitingFor::Place)),
        }
    }

    /// Has the refused generation renewed, once for all who ask (R13).
    async fn renew(
        &self,
        errand: &Errand,
        lane: &Lane,
        progress: &Progress,
        generation: u64,
    ) -> Result<(), RequestError> {
        let left = self.left(errand, progress);
        let was_superseded = self.is_superseded(generation);
        match within(self.clock(), left, self.source.reject(generation)).await {
            Some(renewed) => {
                let renewed = renewed?.generation();
                // One that was there already was bought for another reason.
                if !was_superseded {
                    lane.renewed(renewed, self.clock().now());
                }
                Ok(())
            }
            None => Err(self.too_late(errand, progress, WaitingFor::Token)),
        }
    }

    /// Whether a newer token is at hand.
    fn is_superseded(&self, generation: u64) -> bool {
        self.source.shared().newer_than(generation).is_some()
    }

    fn left(&self, errand: &Errand, progress: &Progress) -> Duration {
        errand.deadline.saturating_sub(self.clock().now().elapsed(&progress.start))
    }

    fn too_late(
        &self,
        errand: &Errand,
        progress: &Progress,
        waiting_for: WaitingFor,
    ) -> RequestError {
        let waited = self.clock().now().elapsed(&progress.start);
        RequestError::Deadline { origin: errand.origin.clone(), waited, waiting_for }
    }

    /// How long to wait before the next try (C10).
    fn delay(&self, outcome: Outcome, failures: u32) -> Duration {
        if !outcome.is_repeated_later() {
            return Duration::ZERO;
        }
        let wanted = match outcome {
            Outcome::Answered { retry_after, .. } => retry_after,
            _ => None,
        };
        let dice = &self.source.shared().renewer.world.dice;
        let mut dice = dice.lock().unwrap_or_else(PoisonError::into_inner);
        retry::delay(failures, &self.policy.backoff(), wanted, &mut dice)
    }
}

/// What an answer to a request with this token is.
fn outcome((status, headers): (StatusCode, &HeaderMap), proven: &Proven, now: &Now) -> Outcome {
    if status == StatusCode::UNAUTHORIZED || is_unauthenticated(headers) {
        let wants_nonce = dpop::wanted_nonce(status, headers).is_some();
        return if wants_nonce && proven.proof().is_some() {
            Outcome::WantsNonce
        } else {
            Outcome::Unauthorized
        };
    }
    let retry_after = headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
    let retry_after = retry_after.and_then(|value| retry::retry_after(value, now.wall));
    Outcome::Answered { status: status.as_u16(), retry_after }
}

/// gRPC's 401 has the status 200, and in an answer that is nothing but its refusal this header.
fn is_unauthenticated(headers: &HeaderMap) -> bool {
    headers.get("grpc-status").is_some_and(|status| status == "16")
}

/// The outcome of `future`, if it comes in time.
async fn within<T>(
    clock: &dyn Clock,
    left: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    if left.is_zero() {
        return None;
    }
    tokio::select! {
        biased;
        outcome = future => Some(outcome),
        () = clock.sleep(left) => None,
    }
}
