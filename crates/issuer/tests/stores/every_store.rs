//! The stores there are.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use unlapse_core::UnixTime;
use unlapse_issuer::{
    Kid, MemoryStore, PostgresClock, PostgresOptions, PostgresStore, RevokedBecause, Salt, Scopes,
    Session, SessionId, SqliteStore, Store,
};
use unlapse_parts::Postgres;

pub(crate) const BEGUN: UnixTime = UnixTime::from_secs(1_700_000_000);

/// `millis` after everything began.
pub(crate) fn after(millis: u64) -> UnixTime {
    BEGUN.plus(Duration::from_millis(millis))
}

/// A store with nothing in it.
pub(crate) struct Kept {
    pub(crate) name: &'static str,
    pub(crate) store: Arc<dyn Store>,
    looks: Looks,
}

/// How a test looks at what no contract shows.
enum Looks {
    Memory(Arc<MemoryStore>),
    Sqlite(tempfile::TempDir),
    /// The URL.
    Postgres(String),
}

/// One of each.
pub(crate) async fn every_store() -> Vec<Kept> {
    // What a store says of its failures is shown with those of the test.
    let _ = tracing_subscriber::fmt().with_test_writer().try_init();
    let memory = Arc::new(MemoryStore::new());
    let mut stores = vec![Kept {
        name: "memory",
        store: Arc::clone(&memory) as Arc<dyn Store>,
        looks: Looks::Memory(memory),
    }];
    let folder = tempfile::tempdir().expect("a directory");
    let sqlite = SqliteStore::open(folder.path().join("db")).expect("opened");
    let looks = Looks::Sqlite(folder);
    stores.push(Kept { name: "SQLite", store: Arc::new(sqlite), looks });
    if let Some(postgres) = Postgres::shared() {
        let url = postgres.fresh_database();
        // The tests say what time it is.
        let options = PostgresOptions { clock: PostgresClock::Caller, ..patient() };
        let store = PostgresStore::connect(&url, options).await.expect("connected");
        let looks = Looks::Postgres(url);
        stores.push(Kept { name: "PostgreSQL", store: Arc::new(store), looks });
    }
    stores
}

/// Waits that are long enough for a machine that builds and tests much else.
pub(crate) fn patient() -> PostgresOptions {
    const LONG: Duration = Duration::from_secs(30);
    PostgresOptions {
        connections: 8,
        wait: LONG,
        connect: LONG,
        lock: LONG,
        statement: LONG,
        ..PostgresOptions::default()
    }
}

/// What a statement says of a database of the shared server.
pub(crate) fn sql(url: &str, statement: &str) -> String {
    let database = url.rsplit('/').next().expect("a path");
    Postgres::shared().expect("it runs").sql(database, statement)
}

impl Kept {
    /// The audit log: when and what, the oldest first.
    pub(crate) fn audit(&self) -> Vec<(u64, String)> {
        match &self.looks {
            Looks::Memory(memory) => {
                let entries = memory.audit_entries();
                entries.into_iter().map(|entry| (entry.at, entry.event.to_owned())).collect()
            }
            Looks::Sqlite(folder) => {
                let database = Connection::open(folder.path().join("db")).expect("open");
                let mut entries =
                    database.prepare("SELECT at, event FROM audit ORDER BY id").expect("a query");
                let entry = |row: &rusqlite::Row<'_>| {
                    let at: i64 = row.get(0)?;
                    Ok((u64::try_from(at).expect("a time"), row.get(1)?))
                };
                entries
                    .query_map((), entry)
                    .expect("asked")
                    .map(|entry| entry.expect("read"))
                    .collect()
            }
            Looks::Postgres(url) => {
                let entries = sql(url, "SELECT at || ' ' || event FROM unlapse.audit ORDER BY id");
                let entry = |line: &str| {
                    let (at, event) = line.split_once(' ').expect("two words");
                    (at.parse().expect("a time"), event.to_owned())
                };
                entries.lines().map(entry).collect()
            }
        }
    }

    /// As whoever runs the store: entries before `since` need be kept no more. A store that has no
    /// such means keeps them, and says `false`.
    pub(crate) fn keep_audit_since(&self, since: UnixTime) -> bool {
        match &self.looks {
            Looks::Memory(_) => false,
            Looks::Sqlite(folder) => {
                let database = Connection::open(folder.path().join("db")).expect("open");
                let since = i64::try_from(since.as_millis()).expect("a time");
                database.execute("UPDATE audit_kept SET since = ?1", [since]).expect("kept");
                true
            }
            Looks::Postgres(url) => {
                let since = since.as_millis();
                sql(url, &format!("UPDATE unlapse.audit_kept SET since = {since}"));
                true
            }
        }
    }
}

/// A live session of that subject.
pub(crate) fn session(number: u64, subject: &str) -> Session {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    Session {
        id: SessionId::from_bytes(id),
        subject: subject.to_owned(),
        client: "app".to_owned(),
        scopes: Scopes::parse("read write").expect("valid"),
        jkt: None,
        label: Some("ada's laptop".to_owned()),
        opened_at: after(number),
        seen_at: after(number),
        generation: 1,
        kid: Kid::new("a").expect("valid"),
        rotated_at: after(number),
        replays: 0,
        idle_ends_at: after(100_000),
        ends_at: after(200_000),
        revoked: None,
        salt: Salt::from_bytes(id),
    }
}

pub(crate) const BECAUSE: RevokedBecause = RevokedBecause::Owner;
