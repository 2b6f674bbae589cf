//! The keys that an issuer publishes, kept near.

use core::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwapOption, Guard};
use tokio::sync::watch;
use unlapse_core::UnixTime;

use crate::fetch::{Fetch, FetchError};
use crate::held::{Held, Standing, Term};
use crate::jwk_set::JwkSet;
use crate::published::{Place, Published};
use crate::runtime::Runtime;

/// Holds the keys of an issuer, and asks for them as seldom as it can. Clones share them.
///
/// - **Ahead of time**: when four fifths of their time are over, the next use asks for them again,
///   and nobody waits.
/// - **Once**: whoever needs them meanwhile shares the request that is under way.
/// - **The issuer is down**: the keys at hand are used on, a day at most.
/// - **A new key** ([`Header::kid`](crate::Header) unknown): asked for at once, once a minute at
///   most, whatever kids strangers make up.
/// - **A key that is gone** from a set that was fetched is gone here.
#[derive(Clone)]
pub struct JwksCache(Arc<Cache>);

/// When to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePolicy {
    /// How long keys are good when the issuer does not say: 5 min.
    pub lifetime: Duration,
    /// Shortest time that they are kept, whatever the issuer says: 1 min.
    pub shortest: Duration,
    /// Longest time without asking again, whatever the issuer says: 1 h. A key that is withdrawn is
    /// refused by then.
    pub longest: Duration,
    /// For how long they are used on while the issuer cannot be asked: 24 h.
    pub stale: Duration,
    /// Least time between two requests because of unknown names: 1 min.
    pub unknown_pause: Duration,
    /// Pause after the first failure; it doubles up to [`Self::longest_pause`]: 1 s.
    pub first_pause: Duration,
    /// Longest pause after a failure: 30 s.
    pub longest_pause: Duration,
    /// Longest time for one request: 10 s.
    pub deadline: Duration,
}

impl Default for CachePolicy {
    fn default() -> Self {
        let secs = Duration::from_secs;
        Self {
            lifetime: secs(300),
            shortest: secs(60),
            longest: secs(3600),
            stale: secs(24 * 3600),
            unknown_pause: secs(60),
            first_pause: secs(1),
            longest_pause: secs(30),
            deadline: secs(10),
        }
    }
}

struct Cache {
    place: Place,
    fetch: Arc<dyn Fetch>,
    runtime: Arc<dyn Runtime>,
    policy: CachePolicy,
    held: ArcSwapOption<Held>,
    /// Milliseconds since 1970, before which nothing is asked for again: read on each use.
    quiet_until: AtomicU64,
    asking: Mutex<Asking>,
}

#[derive(Default)]
struct Asking {
    /// Closed when the request has come to its end, or its task was dropped.
    under_way: Option<watch::Receiver<()>>,
    failures: u32,
    asked_for_unknown: Option<UnixTime>,
}

/// Why keys are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// There are none.
    Any,
    /// Those at hand are old.
    Newer,
    /// A token names one that is not among them.
    Unknown,
}

/// Whether the keys at hand will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtHand {
    /// They will, or nothing better can be had now.
    Good,
    /// Only if none are to be had that are newer.
    Overdue,
    /// There are none.
    Nothing,
}

impl JwksCache {
    /// For the keys at `jwks_uri`. Nothing is asked for before they are needed.
    pub fn at(
        jwks_uri: &str,
        fetch: Arc<dyn Fetch>,
        runtime: Arc<dyn Runtime>,
    ) -> Result<Self, FetchError> {
        Ok(Self::new(Place::at(jwks_uri)?, fetch, runtime, CachePolicy::default()))
    }

    /// For the keys of `issuer`, whose metadata say where they are (RFC 8414 §3, OpenID Connect
    /// Discovery §4).
    pub fn of_issuer(
        issuer: &str,
        fetch: Arc<dyn Fetch>,
        runtime: Arc<dyn Runtime>,
    ) -> Result<Self, FetchError> {
        Ok(Self::new(Place::of_issuer(issuer)?, fetch, runtime, CachePolicy::default()))
    }

    fn new(
        place: Place,
        fetch: Arc<dyn Fetch>,
        runtime: Arc<dyn Runtime>,
        policy: CachePolicy,
    ) -> Self {
        Self(Arc::new(Cache {
            place,
            fetch,
            runtime,
            policy,
            held: ArcSwapOption::empty(),
            quiet_until: AtomicU64::new(0),
            asking: Mutex::default(),
        }))
    }

    /// The same place with another policy; what is held is not taken along.
    #[must_use]
    pub fn with_policy(&self, policy: CachePolicy) -> Self {
        let Cache { place, fetch, runtime, .. } = &*self.0;
        Self::new(place.clone(), Arc::clone(fetch), Arc::clone(runtime), policy)
    }

    /// The keys at hand; none before they were first fetched.
    pub fn keys(&self) -> Option<JwkSet> {
        self.0.held.load().as_ref().map(|held| held.set.clone())
    }

    /// How old the keys at hand are.
    pub fn age(&self) -> Option<Duration> {
        let held = self.0.held.load();
        let term = held.as_ref()?.term?;
        Some(self.0.runtime.now().since(term.fetched_at))
    }

    /// Fetches the keys now, unless a request failed just before. Worth doing when a server starts,
    /// so that its first request does not wait. Says whether there are keys.
    pub async fn warm(&self) -> bool {
        self.ask(Need::Newer).await;
        self.0.held.load().is_some()
    }

    /// The keys at hand and whether they will do. Asks for others when it is time to, without
    /// waiting for them.
    pub(crate) fn at_hand(&self, now: UnixTime) -> (Guard<Option<Arc<Held>>>, AtHand) {
        let held = self.0.held.load();
        let standing =
            held.as_ref().and_then(|held| held.term).map_or(Standing::Gone, |t| t.standing(now));
        let is_quiet = || self.0.is_quiet(now);
        let at_hand = match standing {
            Standing::Fresh => AtHand::Good,
            Standing::Due => {
                if !is_quiet() {
                    self.0.join(Need::Newer);
                }
                AtHand::Good
            }
            Standing::Overdue if is_quiet() => AtHand::Good,
            Standing::Overdue => AtHand::Overdue,
            Standing::Gone => AtHand::Nothing,
        };
        (held, at_hand)
    }

    /// Waits for the request that answers this need; not at all when none may be made now.
    pub(crate) async fn ask(&self, need: Need) {
        if let Some(mut under_way) = self.0.join(need) {
            // An error says that the sender is gone: the request has ended, one way or the other.
            let _ = under_way.changed().await;
        }
    }
}

impl Asking {
    /// Whether a request may be made now for that reason.
    fn may_ask(&mut self, need: Need, now: UnixTime, pause: Duration) -> bool {
        if need != Need::Unknown {
            return true;
        }
        // A clock that was set back does not make the pause longer than one pause.
        let too_soon = |at: UnixTime| now >= at && now.since(at) < pause;
        if self.asked_for_unknown.is_some_and(too_soon) {
            return false;
        }
        self.asked_for_unknown = Some(now);
        true
    }
}

impl Cache {
    /// Joins the request that is under way, or starts one if it may.
    fn join(self: &Arc<Self>, need: Need) -> Option<watch::Receiver<()>> {
        let now = self.runtime.now();
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        // A task that was dropped has closed its channel and left this behind.
        let live = asking.under_way.as_ref().filter(|under_way| under_way.has_changed().is_ok());
        if let Some(under_way) = live {
            return Some(under_way.clone());
        }
        if self.is_quiet(now) || !asking.may_ask(need, now, self.policy.unknown_pause) {
            return None;
        }
        let (end, under_way) = watch::channel(());
        asking.under_way = Some(under_way.clone());
        drop(asking);
        let cache = Arc::clone(self);
        self.runtime.spawn(Box::pin(async move {
            cache.fetch().await;
            drop(end);
        }));
        Some(under_way)
    }

    /// Whether a request failed just before. A clock that was set back makes no pause longer.
    fn is_quiet(&self, now: UnixTime) -> bool {
        let until = UnixTime::from_millis(self.quiet_until.load(Ordering::Relaxed));
        now < until && until.since(now) <= self.policy.longest_pause
    }

    async fn fetch(&self) {
        let published = tokio::select! {
            published = self.place.read(&*self.fetch, &self.policy) => published,
            () = self.runtime.sleep(self.policy.deadline) => Err(FetchError::Timeout.into()),
        };
        let now = self.runtime.now();
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        match published {
            Ok(published) => {
                asking.failures = 0;
                self.keep(published, now);
            }
            Err(error) => {
                let pause = self.policy.first_pause.saturating_mul(1 << asking.failures.min(16));
                let pause = pause.min(self.policy.longest_pause);
                asking.failures = asking.failures.saturating_add(1);
                self.quiet_until.store(now.plus(pause).as_millis(), Ordering::Relaxed);
                tracing::warn!(code = error.code(), "the issuer's keys could not be had: {error}");
            }
        }
    }

    fn keep(&self, published: Published, now: UnixTime) {
        let Published { set, lifetime } = published;
        let version = match &*self.held.load() {
            None => 1,
            Some(held) if held.set == set => held.version,
            Some(held) => held.version + 1,
        };
        let stale = self.policy.stale.max(lifetime);
        let term = Some(Term { fetched_at: now, lifetime, stale });
        self.held.store(Some(Arc::new(Held { set, version, term })));
    }
}

impl fmt::Debug for JwksCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksCache").field("place", &self.0.place).finish_non_exhaustive()
    }
}
