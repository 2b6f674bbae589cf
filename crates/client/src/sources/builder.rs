//! How a set of sources is put together.

use std::sync::{Arc, Once};
use std::time::Duration;

use unlapse_core::{Key, Policy, Secret, Store};

use super::loading::Loading;
use super::strays::Strays;
use super::{Members, Set, Sources};
use crate::effects::{Breakers, Clock, Exchange, Spawn};
use crate::events::Observer;
use crate::world::Effects;

/// How long a source that nobody holds or asks for stays in memory, unless said otherwise.
const IDLE: Duration = Duration::from_secs(3600);

/// Something that depends on the key.
pub(super) type Of<T> = Box<dyn Fn(&Key) -> T + Send + Sync>;

/// Puts [`Sources`] together from their effects.
#[must_use]
pub struct SourcesBuilder {
    effects: Effects,
    servers: Of<Arc<dyn Exchange>>,
    policies: Of<Arc<Policy>>,
    api_keys: Of<Option<Secret>>,
    idle: Duration,
    at_most: usize,
}

impl SourcesBuilder {
    pub(super) fn new(
        store: Arc<dyn Store>,
        servers: Of<Arc<dyn Exchange>>,
        clock: Arc<dyn Clock>,
        spawn: Arc<dyn Spawn>,
        seed: u64,
    ) -> Self {
        let policy = Arc::new(Policy::default());
        Self {
            effects: Effects::new(store, clock, spawn, seed),
            servers,
            policies: Box::new(move |_| Arc::clone(&policy)),
            api_keys: Box::new(|_| None),
            idle: IDLE,
            at_most: usize::MAX,
        }
    }

    /// What is a matter of choice, the same for every key.
    pub fn policy(self, policy: Policy) -> Self {
        let policy = Arc::new(policy);
        self.policies(move |_| Arc::clone(&policy))
    }

    /// What is a matter of choice, for each key; asked when its source comes into memory. Keys of the
    /// same server should share one policy.
    pub fn policies(
        mut self,
        policies: impl Fn(&Key) -> Arc<Policy> + Send + Sync + 'static,
    ) -> Self {
        self.policies = Box::new(policies);
        self
    }

    /// The last rung of the ladder for each key (R14); asked when its source comes into memory.
    pub fn api_keys(
        mut self,
        api_keys: impl Fn(&Key) -> Option<Secret> + Send + Sync + 'static,
    ) -> Self {
        self.api_keys = Box::new(api_keys);
        self
    }

    /// Breakers that are shared with other sets and sources (R16). Without, the set has its own,
    /// one for each token endpoint.
    pub fn breakers(mut self, breakers: Arc<dyn Breakers>) -> Self {
        self.effects.breakers = breakers;
        self
    }

    /// Is told what happens, and to which key.
    pub fn observer(mut self, observer: Observer) -> Self {
        self.effects.observer = Some(observer);
        self
    }

    /// Whether tokens are renewed ahead of time, by one task for all keys; on by default. Without it,
    /// no source is let go of but for [`SourcesBuilder::at_most`].
    pub fn ahead_of_time(mut self, ahead: bool) -> Self {
        self.effects.ahead = ahead;
        self
    }

    /// How long a source that nobody holds and nobody asked for stays in memory; an hour by default.
    /// It is noticed when the keeper turns to the key: to look at it, every trust time
    /// ([`Policy::trust`]), or to renew it. Until then it is renewed ahead of time; afterwards it comes
    /// back from the store when it is asked for.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// So many sources stay in memory, or some more for a moment; without end by default. Beyond it, of
    /// those that nobody holds and that have nothing to lose, the ones go that were asked for least
    /// lately. With nothing renewed ahead of time, this is what bounds the memory.
    pub fn at_most(mut self, sources: usize) -> Self {
        self.at_most = sources;
        self
    }

    /// The set, empty as yet. Its keeper starts with the first source that is asked for, in the tokio
    /// runtime of whoever asks, and ends with that runtime: a set that is kept in a `static` should be
    /// asked first from the one that lives on.
    pub fn build(self) -> Sources {
        let members = Arc::new(Members::new(self.idle, self.at_most));
        let world = self.effects.world(Arc::downgrade(&members));
        let Self { servers, policies, api_keys, .. } = self;
        let loading = Loading::default();
        let (strays, keeping) = (Arc::<Strays>::default(), Once::new());
        Sources::of(Set { members, loading, strays, world, keeping, servers, policies, api_keys })
    }
}
