//! A store with many logins, each at a server of its own.
#![allow(unreachable_pub, reason = "as in the world")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use unlapse::{Clock as _, Event, Exchange, Key, Sources, SourcesBuilder};
use unlapse_core::{Record, Reuse, Store};
use unlapse_store::MemoryStore;

use crate::world::{Server, WorldClock, WorldSpawn};

/// Keys, and for each the server that knows its login.
pub struct Farm {
    pub clock: Arc<WorldClock>,
    pub store: MemoryStore,
    pub servers: BTreeMap<Key, Arc<Server>>,
    /// What happened, to which key, in order.
    pub events: Arc<Mutex<Vec<(Key, Event)>>>,
}

impl Farm {
    /// A login for each of `keys`, with a token of `lifetime` seconds that is new.
    pub fn new(keys: impl IntoIterator<Item = Key>, lifetime: impl Fn(&Key) -> u64) -> Self {
        let clock = Arc::new(WorldClock::new());
        let store = MemoryStore::new();
        let server = |key: Key| {
            let server = Server::new(Reuse::Strict, Arc::clone(&clock));
            *server.lifetime.lock().unwrap() = lifetime(&key);
            let now = clock.now();
            let mut record = Record::default().logged_in(server.open(), now);
            record.stored_at = now.wall;
            store.put(&key, record);
            (key, Arc::new(server))
        };
        let servers = keys.into_iter().map(server).collect();
        Self { clock, store, servers, events: Arc::default() }
    }

    pub fn builder(&self) -> SourcesBuilder {
        self.builder_over(Arc::new(self.store.clone()), Arc::new(WorldSpawn::default()))
    }

    pub fn builder_over(
        &self,
        store: Arc<dyn Store>,
        spawn: Arc<dyn unlapse::Spawn>,
    ) -> SourcesBuilder {
        let servers = self.servers.clone();
        let exchange = move |key: &Key| Arc::clone(&servers[key]) as Arc<dyn Exchange>;
        let events = Arc::clone(&self.events);
        Sources::with_effects(store, exchange, Arc::clone(&self.clock) as _, spawn, 7).observer(
            Arc::new(move |key, event| events.lock().unwrap().push((key.clone(), event.clone()))),
        )
    }

    pub fn keys(&self) -> Vec<Key> {
        self.servers.keys().cloned().collect()
    }

    /// Requests at the servers of all keys that `counts`.
    pub fn requests(&self, counts: impl Fn(&Key) -> bool) -> u64 {
        self.servers.iter().filter(|(key, _)| counts(key)).map(|(_, at)| at.requests()).sum()
    }

    pub async fn pass(&self, duration: std::time::Duration) {
        self.clock.sleep(duration).await;
    }
}
