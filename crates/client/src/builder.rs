//! How a [`TokenSource`] is put together.

use std::sync::{Arc, Mutex};

use unlapse_core::{Dice, Key, Policy, Secret, Store};

use crate::agenda::Agenda;
use crate::effects::{Breakers, Clock, Exchange, MemoryBreakers, Spawn};
use crate::events::Observer;
use crate::hold::Memory;
use crate::renew::Renewer;
use crate::shared::Shared;
use crate::source::TokenSource;
use crate::world::World;

/// Puts a [`TokenSource`] together from its effects.
#[must_use]
pub struct Builder {
    key: Key,
    store: Arc<dyn Store>,
    exchange: Arc<dyn Exchange>,
    clock: Arc<dyn Clock>,
    spawn: Arc<dyn Spawn>,
    seed: u64,
    policy: Policy,
    breakers: Arc<dyn Breakers>,
    observer: Option<Observer>,
    api_key: Option<Secret>,
    ahead: bool,
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
        Self {
            key,
            store,
            exchange,
            clock,
            spawn,
            seed,
            policy: Policy::default(),
            breakers: Arc::new(MemoryBreakers::default()),
            observer: None,
            api_key: None,
            ahead: true,
        }
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
        self.breakers = breakers;
        self
    }

    /// Is told what happens.
    pub fn observer(mut self, observer: Observer) -> Self {
        self.observer = Some(observer);
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
        self.ahead = ahead;
        self
    }

    /// The source, with what the store has (A4). A store that cannot be read now is no error: it is
    /// read again when a token is asked for.
    pub async fn build(self) -> TokenSource {
        let world = Arc::new(World {
            store: self.store,
            clock: Arc::clone(&self.clock),
            spawn: self.spawn,
            breakers: self.breakers,
            dice: Mutex::new(Dice::new(self.seed)),
            observer: self.observer,
            agenda: self.ahead.then(|| Arc::new(Agenda::new())),
        });
        let renewer = Renewer {
            key: self.key,
            policy: Arc::new(self.policy),
            exchange: self.exchange,
            clock: self.clock,
            world: Arc::clone(&world),
            has_api_key: self.api_key.is_some(),
            memory: Memory::default(),
        };
        let shared = Shared::new(renewer, self.api_key);
        // Whatever is wrong with the store is met again, and told, by the first renewal.
        let _ = shared.look().await;
        world.keep();
        TokenSource::of(shared)
    }
}
