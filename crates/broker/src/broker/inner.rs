//! What a broker holds.

use core::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use unlapse::tokio::TokioSpawn;
use unlapse::unlapse_core::{Key, Record};
use unlapse::{Exchange, Sources};
use unlapse_store::sql::{Database, Next, SqlOptions, SqlStore, Timetable};

use super::settings::{BadStart, Settings};
use crate::app_exchange::{AppExchange, Network};
use crate::circuits::Circuits;
use crate::clock::DatabaseClock;
use crate::connection_id::ConnectionId;
use crate::directory::Directory;
use crate::node::{Lobby, Notes, Seats, Vain};
use crate::outward::{JudgedHttp, PrivateHosts};
use crate::problem::Problem;
use crate::schedule;
use crate::tables::{Retention, Tables};

/// What a broker holds, once.
pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) tables: Tables,
    pub(crate) store: SqlStore,
    pub(crate) sources: Sources,
    pub(crate) directory: Arc<Directory>,
    pub(crate) network: Arc<Network>,
    pub(crate) circuits: Arc<Circuits>,
    pub(crate) clock: Arc<DatabaseClock>,
    pub(crate) notes: Arc<Notes>,
    pub(crate) seats: Arc<Seats>,
    pub(crate) lobby: Lobby,
    pub(crate) vain: Vain,
    pub(crate) node: String,
    /// The names of the nodes that are alive.
    pub(crate) nodes: ArcSwap<Vec<String>>,
    pub(crate) retention: Retention,
    /// What tenants may name beside the public internet: hosts of providers.
    pub(crate) private_hosts: PrivateHosts,
    /// The same of webhooks.
    pub(crate) receivers: PrivateHosts,
    pub(crate) said: Said,
    /// The last event that this node has heard of.
    heard: AtomicI64,
    unsaved: AtomicUsize,
    draining: AtomicBool,
}

/// What providers have said of connections whose tokens are in memory, beside their tokens.
pub(crate) struct Said {
    most: usize,
    of: Mutex<HashMap<Key, Arc<BTreeMap<String, String>>>>,
}

/// The broker's own schedule, for the store to write beside each record.
pub(super) struct Schedule(pub(super) Arc<Directory>);

impl Timetable for Schedule {
    fn next(&self, key: &Key, record: &Record) -> Next {
        schedule::due(key, record, &self.0.facts(key))
    }
}

impl Inner {
    pub(super) async fn open(settings: Settings) -> Result<Arc<Self>, BadStart> {
        let database = Database::open(&settings.database, settings.options).await?;
        let tables = Tables::open(database.clone(), settings.master).await?;
        let clock = Arc::new(DatabaseClock::default());
        clock.correct(&database).await.map_err(Problem::from)?;
        let directory = Arc::new(Directory::new(settings.catalogue));
        let timetable = Arc::new(Schedule(Arc::clone(&directory)));
        let options = SqlOptions { spool: settings.spool, ..SqlOptions::default() };
        let seal = Arc::new(tables.envelope().clone());
        let store = SqlStore::open(database.clone(), seal, timetable, options).await?;
        directory.refresh(&tables).await?;
        let circuits = Arc::new(Circuits::default());
        circuits.share(&tables).await?;
        let node = store.node().to_string();
        let notes = Notes::new(Arc::clone(&clock), node.clone());
        let private_hosts = settings.private_hosts;
        let every = settings.private_webhooks.then(PrivateHosts::every);
        let receivers = every.unwrap_or_else(|| private_hosts.clone());
        let network = Arc::new(Network {
            directory: Arc::clone(&directory),
            tables: tables.clone(),
            http: Arc::new(JudgedHttp::new(settings.http, private_hosts.clone())),
            clock: Arc::clone(&clock),
            notes: Arc::clone(&notes),
        });
        let sources = {
            let (network, policies) = (Arc::clone(&network), Arc::clone(&directory));
            let exchange = move |key: &Key| {
                Arc::new(AppExchange::new(Arc::clone(&network), key.clone())) as Arc<dyn Exchange>
            };
            let clock = Arc::clone(&clock) as _;
            let spawn = Arc::new(TokioSpawn);
            Sources::with_effects(Arc::new(store.clone()), exchange, clock, spawn, seed())
                .policies(move |key| policies.policy(key))
                .breakers(Arc::clone(&circuits) as _)
                .observer(notes.observer())
                .ahead_of_time(false)
                .at_most(settings.in_memory.max(16))
                .build()
        };
        let heard = AtomicI64::new(tables.newest_event().await?);
        let said = Said { most: settings.in_memory.max(16), of: Mutex::default() };
        Ok(Arc::new(Self {
            database,
            tables,
            store,
            sources,
            directory,
            network,
            circuits,
            clock,
            notes,
            seats: Seats::new(settings.renewals),
            lobby: Lobby::default(),
            vain: Vain::default(),
            nodes: ArcSwap::from_pointee(vec![node.clone()]),
            node,
            retention: settings.retention,
            private_hosts,
            receivers,
            said,
            heard,
            unsaved: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
        }))
    }

    /// Lets go of what is in memory of a connection that another node has changed.
    pub(crate) async fn forget(&self, id: &ConnectionId) {
        let key = id.key();
        self.said.forget(&key);
        // What could not be saved stays, and is found to be older.
        let _ = self.sources.forget(&key).await;
    }

    /// The last event that was heard of.
    pub(crate) fn heard(&self) -> i64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// An event was heard of.
    pub(crate) fn heard_of(&self, number: i64) {
        self.heard.fetch_max(number, Ordering::Relaxed);
    }

    /// So many tokens could not be saved yet.
    pub(crate) fn unsaved(&self, count: usize) {
        self.unsaved.store(count, Ordering::Relaxed);
    }

    /// How many tokens could not be saved yet.
    pub(super) fn unsaved_now(&self) -> usize {
        self.unsaved.load(Ordering::Relaxed)
    }

    /// Nothing is begun any more.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether nothing is begun any more.
    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

impl Said {
    /// What the provider has said of `key`, if it is known here.
    pub(super) fn of(&self, key: &Key) -> Option<Arc<BTreeMap<String, String>>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(super) fn put(&self, key: &Key, said: Arc<BTreeMap<String, String>>) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if of.len() >= self.most && !of.contains_key(key) {
            // A part, whichever: were it all, every connection would be read at once.
            let mut number = 0_usize;
            of.retain(|_, _| {
                number += 1;
                !number.is_multiple_of(8)
            });
        }
        of.insert(key.clone(), said);
    }

    pub(super) fn forget(&self, key: &Key) {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Spreads retries: another for each node.
fn seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}
