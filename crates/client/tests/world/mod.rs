//! A small world around the unchanged renewal: virtual time, a store that can be told to fail, and
//! a server that rotates refresh tokens and revokes the login when one is used twice.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of the world")]

mod clock;
mod server;
mod store;

use std::sync::{Arc, Mutex};
use std::time::Duration;

pub use clock::{WorldClock, WorldSpawn};
pub use server::{Fault, Server};
pub use store::WorldStore;
use unlapse::{Builder, Event, Key, Policy, TokenSource};
use unlapse_core::Reuse;

/// One server, one store, and as many processes as a test starts.
pub struct World {
    pub server: Arc<Server>,
    pub store: Arc<WorldStore>,
    pub clock: Arc<WorldClock>,
    pub policy: Policy,
    pub events: Arc<Mutex<Vec<Event>>>,
}

impl World {
    /// A world whose server behaves as `class`, with one login of an hour's tokens.
    pub fn new(class: Reuse) -> Self {
        let clock = Arc::new(WorldClock::new());
        Self {
            server: Arc::new(Server::new(class, Arc::clone(&clock))),
            store: Arc::new(WorldStore::default()),
            clock,
            policy: Policy { reuse: class, ..Policy::default() },
            events: Arc::default(),
        }
    }

    pub fn builder(&self) -> Builder {
        self.builder_on(WorldSpawn::default())
    }

    /// A process whose renewal dies at its `polls`th step.
    pub async fn dying_process(&self, polls: usize) -> TokenSource {
        let spawn = WorldSpawn { dies_after: Some(polls) };
        self.builder_on(spawn).ahead_of_time(false).build().await
    }

    fn builder_on(&self, spawn: WorldSpawn) -> Builder {
        let events = Arc::clone(&self.events);
        Builder::with_effects(
            Key::new("acme"),
            Arc::clone(&self.store) as _,
            Arc::clone(&self.server) as _,
            Arc::clone(&self.clock) as _,
            Arc::new(spawn),
            7,
        )
        .policy(self.policy.clone())
        .observer(Arc::new(move |_, event| events.lock().unwrap().push(event.clone())))
    }

    /// A process without a keeper, so that a test says when things happen.
    pub async fn process(&self) -> TokenSource {
        self.builder().ahead_of_time(false).build().await
    }

    /// Puts a login into the store, as a person would.
    pub async fn log_in(&self) -> TokenSource {
        let process = self.process().await;
        let grant = self.server.open();
        process.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
        process
    }

    pub async fn pass(&self, duration: Duration) {
        use unlapse::Clock as _;
        self.clock.sleep(duration).await;
    }

    /// Lets the hour's token run out.
    pub async fn expire(&self) {
        self.pass(Duration::from_secs(3601)).await;
    }

    pub fn saw(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.lock().unwrap().iter().any(wanted)
    }
}
