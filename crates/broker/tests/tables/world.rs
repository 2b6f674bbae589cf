//! The databases there are, and what lies in them.

use core::time::Duration;
use std::sync::Arc;

use unlapse::unlapse_core::{Grant, Key, Now, Record, Secret, Store as _, UnixTime};
use unlapse_broker::{ConnectionId, MasterKeys, Name, Tables};
use unlapse_parts::Postgres;
use unlapse_store::sql::{Database, Next, Options, SqlOptions, SqlStore, Timetable};

/// An empty database of one kind, in which a fleet of nodes may be.
pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) place: String,
    /// The text of the master keys.
    pub(crate) master: String,
    _folder: Option<tempfile::TempDir>,
}

/// One of each.
pub(crate) fn worlds() -> Vec<World> {
    let folder = tempfile::tempdir().expect("a directory");
    let place = folder.path().join("broker.db").display().to_string();
    let master = MasterKeys::draw_line("k1").to_string();
    let mut worlds =
        vec![World { name: "SQLite", place, master: master.clone(), _folder: Some(folder) }];
    if let Some(postgres) = Postgres::shared() {
        let place = postgres.fresh_database();
        worlds.push(World { name: "PostgreSQL", place, master, _folder: None });
    }
    worlds
}

/// Waits that are long enough for a machine that builds and tests much else.
pub(crate) fn patient() -> Options {
    const LONG: Duration = Duration::from_secs(30);
    Options {
        connections: 8,
        wait: LONG,
        connect: LONG,
        lock: LONG,
        statement: LONG,
        ..Options::default()
    }
}

impl World {
    pub(crate) async fn database(&self) -> Database {
        Database::open(&self.place, patient()).await.expect("opened")
    }

    /// A node.
    pub(crate) async fn tables(&self) -> Tables {
        self.tables_with(&self.master).await
    }

    pub(crate) async fn tables_with(&self, master: &str) -> Tables {
        let master = MasterKeys::parse(master).expect("keys");
        Tables::open(self.database().await, master).await.expect("opened")
    }

    /// A node's tables, and its store of records.
    pub(crate) async fn node(&self) -> (Tables, SqlStore) {
        let tables = self.tables().await;
        let store = store(&tables).await;
        (tables, store)
    }

    /// Everything that is in the database, as it lies there.
    pub(crate) fn dump(&self) -> Vec<u8> {
        if self.name == "SQLite" {
            let read =
                |end: &str| std::fs::read(format!("{}{end}", self.place)).unwrap_or_default();
            return [read(""), read("-wal")].concat();
        }
        let tables = "SELECT string_agg(format('SELECT t::text FROM unlapse_broker.%I t', relname), ';')
            FROM pg_class WHERE relnamespace = 'unlapse_broker'::regnamespace AND relkind IN ('r', 'p')";
        let all = self.sql(tables);
        self.sql(all.trim()).into_bytes()
    }

    /// Asks the server beside the product.
    pub(crate) fn sql(&self, statement: &str) -> String {
        let database = self.place.rsplit('/').next().expect("a path");
        Postgres::shared().expect("it runs").sql(database, statement)
    }
}

/// Nothing comes due.
struct Never;

impl Timetable for Never {
    fn next(&self, _: &Key, _: &Record) -> Next {
        Next { due: None, unused: None, code: None }
    }
}

pub(crate) async fn store(tables: &Tables) -> SqlStore {
    let seal = Arc::new(tables.envelope().clone());
    let database = tables.database().clone();
    let opened = SqlStore::open(database, seal, Arc::new(Never), SqlOptions::default()).await;
    opened.expect("opened")
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

pub(crate) fn id(tenant: &str, user: &str) -> ConnectionId {
    ConnectionId::new(name(tenant), user, name("google"), "main").expect("valid")
}

/// A record of the first generation.
pub(crate) fn record(refresh_token: &str) -> Record {
    let mut grant = Grant::bearer(Secret::new(format!("access of {refresh_token}")));
    grant.refresh_token = Some(Secret::new(refresh_token));
    grant.expires_in = Some(Duration::from_secs(3600));
    let now = Now { wall: UnixTime::from_secs(1_700_000_000), ..Now::default() };
    Record::default().granted(grant, now)
}

/// Saves `record` as a renewal does.
pub(crate) async fn save(store: &SqlStore, id: &ConnectionId, record: &Record) {
    let key = id.key();
    let mut lease = store.lease(&key, Duration::from_secs(10)).await.expect("leased");
    lease.save(record).await.expect("saved");
}

/// What the store has of a connection.
pub(crate) async fn load(store: &SqlStore, id: &ConnectionId) -> Record {
    store.load(&id.key()).await.expect("read").expect("there").record
}
