//! How a [`TokenSource`] is put together.

use std::sync::{Arc, Weak};

use unlapse_core::{Key, Policy, Secret, Store};

use crate::effects::{Breakers, Clock, Exchange, Spawn};
use crate::events::Observer;
use crate::renew::Renewer;
use crate::shared::Shared;
use crate::source::TokenSource;
use crate::world::Effects;

/// Puts a [`TokenSource`] together from its effects. For many keys, see
/// [`Sources`](crate::Sources).
#[must_use]
pub struct Builder {
    key: Key,
    exchange: Arc<dyn Exchange>,
    effects: Effects,
    policy: Policy,
    api_key: Option<Secret>,
}

impl Builder {
    /// A source of `key`'s tokens over these effects. `seed` spreads retries: two processes should
    /// not have the same.
    pub fn with_effects(
        key: Key,
        store: Arc<dyn Store>,
        exchange: Arc<dyn Exchange>,
        clock: Arc<dyn Clock>,
        spawn: Arc<dyn Spawn>,
        seed: u64,
    ) -> Self {
        let effects = Effects::new(store, clock, spawn, seed);
        Self { key, exchange, effects, policy: Policy::default(), api_key: None }
    }

    /// A source on tokio's clock and tasks.
    #[cfg(feature = "tokio")]
    pub fn new(key: Key, store: Arc<dyn Store>, exchange: Arc<dyn Exchange>) -> Self {
        use crate::tokio::{TokioClock, TokioSpawn, seed};
        let clock = Arc::new(TokioClock::new());
        Self::with_effects(key, store, exchange, clock, Arc::new(TokioSpawn), seed())
    }

    /// What is a matter of choice.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Breakers that are shared with other sources of the same server (R16). Without, a source has
    /// its own.
    pub fn breakers(mut self, breakers: Arc<dyn Breakers>) -> Self {
        self.effects.breakers = breakers;
        self
    }

    /// Is told what happens.
    pub fn observer(mut self, observer: Observer) -> Self {
        self.effects.observer = Some(observer);
        self
    }

    /// The last rung of the ladder (R14).
    pub fn api_key(mut self, api_key: Secret) -> Self {
        self.api_key = Some(api_key);
        self
    }

    /// Whether tokens are renewed ahead of time by a task of their own; on by default. Off for a
    /// process that lives for one token.
    pub fn ahead_of_time(mut self, ahead: bool) -> Self {
        self.effects.ahead = ahead;
        self
    }

    /// The source, with what the store has (A4). A store that cannot be read now is no error: it is
    /// read again when a token is asked for.
    pub async fn build(self) -> TokenSource {
        let world = self.effects.world(Weak::new());
        let renewer =
            Renewer::new(self.key, self.exchange, Arc::new(self.policy), Arc::clone(&world));
        let shared = Shared::new(renewer, self.api_key);
        // Whatever is wrong with the store is met again, and told, by the first renewal.
        let _ = shared.look().await;
        world.keep();
        TokenSource::of(shared)
    }
}
