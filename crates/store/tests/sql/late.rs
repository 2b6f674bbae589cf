//! A change whose connection was given up happens all the same, when its holder has long gone on.

use std::time::{Duration, Instant};

use unlapse_core::{Grant, Lease, Now, Record, Secret, Store as _, StoreError};
use unlapse_parts::{Cable, Postgres};
use unlapse_store::sql::{Database, Options, SqlOptions, SqlStore};

use crate::place::Place;
use crate::rig::{WAIT, eventually, key, node, node_of, record};

/// What the server's lists call the connection that is held up.
const LATE: &str = "held up";

/// Saves under a lease, of which the last is on its way to the server for as long as the cable is held up.
struct Late {
    postgres: &'static Postgres,
    database: String,
    cable: Cable,
    store: SqlStore,
    lease: Option<Box<dyn Lease>>,
    place: Place,
}

fn intent() -> Record {
    record(1).intend(Now::default(), false)
}

fn answer() -> Record {
    let mut grant = Grant::bearer(Secret::new("the answer"));
    grant.refresh_token = Some(Secret::new("its successor"));
    intent().granted(grant, Now::default())
}

impl Late {
    async fn new(postgres: &'static Postgres, place: Place) -> Self {
        // The tables are there when the store below looks for them.
        node(&place).await.settle().await;
        let cable = Cable::to(postgres.port());
        let (direct, own) = (format!(":{}/", postgres.port()), format!(":{}/", cable.port()));
        // One connection, which knows the statement already: what is held up is all of it.
        let options = Options {
            application: LATE,
            connections: 1,
            wait: WAIT,
            connect: WAIT,
            ..Options::default()
        };
        let through = place.url.replace(&direct, &own);
        let through = Database::open(&through, options).await.expect("opened");
        // It signs once, before all of this.
        let alive = SqlOptions { alive: Duration::from_secs(3600), ..SqlOptions::default() };
        let store = node_of(through, place.folder(), alive).await;
        let mut lease = store.lease(&key(), WAIT).await.expect("free");
        saved(&mut *lease, &record(1)).await;
        cable.hold_up();
        let given_up = lease.save(&intent()).await;
        assert!(matches!(given_up, Err(StoreError::Io { .. })), "{given_up:?}");
        let database = place.url.rsplit('/').next().expect("a path").to_owned();
        Self { postgres, database, cable, store, lease: Some(lease), place }
    }

    fn lease(&mut self) -> &mut dyn Lease {
        &mut **self.lease.as_mut().expect("it was not given back")
    }

    fn asked(&self, statement: &str) -> String {
        self.postgres.sql(&self.database, statement)
    }

    /// Lets through what was held up, and waits until the server is done with it.
    async fn arrives(&self) {
        let of = format!("FROM pg_stat_activity WHERE application_name = '{LATE}'");
        let of = format!("{of} AND datname = current_database()");
        let first = self.asked(&format!("SELECT pid {of} ORDER BY backend_start LIMIT 1"));
        self.cable.mend();
        let left = format!("SELECT count(*) {of} AND pid = {first}");
        eventually("it has arrived", || async { self.asked(&left) == "0" }).await;
    }

    fn owners(&self) -> String {
        self.asked("SELECT count(lease_owner) FROM unlapse_broker.records")
    }
}

/// Saves, if need be once more: who has just found the server away is not let through at once.
async fn saved(lease: &mut dyn Lease, record: &Record) {
    let started = Instant::now();
    while let Err(error) = lease.save(record).await {
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert!(started.elapsed() < WAIT, "saved within {WAIT:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn leased(store: &SqlStore) -> Box<dyn Lease> {
    let started = Instant::now();
    loop {
        match store.lease(&key(), WAIT).await {
            Ok(lease) => return lease,
            Err(error) => assert!(started.elapsed() < WAIT, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn server() -> Option<(&'static Postgres, Place)> {
    Some((Postgres::shared()?, Place::server()?))
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_a_save_that_comes_late_undoes_nothing_that_its_holder_has_saved_since() {
    let Some((postgres, place)) = server() else { return };
    let mut late = Late::new(postgres, place).await;
    saved(late.lease(), &answer()).await;
    late.arrives().await;
    let found = late.lease().load().await.expect("read").expect("a record").record;
    assert_eq!(found, answer());
    assert_eq!(late.asked("SELECT generation, phase FROM unlapse_broker.records"), "2|0");
    assert_eq!(late.asked("SELECT generation FROM unlapse_broker.tokens"), "2");
    // It has its lease still.
    saved(late.lease(), &answer()).await;
    assert_eq!(late.owners(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_a_save_that_comes_late_undoes_nothing_of_the_next_lease_in_its_process() {
    let Some((postgres, place)) = server() else { return };
    let mut late = Late::new(postgres, place).await;
    drop(late.lease.take());
    late.lease = Some(leased(&late.store).await);
    saved(late.lease(), &answer()).await;
    late.arrives().await;
    assert_eq!(late.asked("SELECT generation, phase FROM unlapse_broker.records"), "2|0");
}

#[tokio::test(flavor = "multi_thread")]
async fn r19_a_save_that_comes_late_takes_no_lease_that_was_given_back() {
    let Some((postgres, place)) = server() else { return };
    let mut late = Late::new(postgres, place).await;
    drop(late.lease.take());
    eventually("it is given back", || async { late.owners() == "0" }).await;
    late.arrives().await;
    assert_eq!(late.owners(), "0");
    // It would be nobody's until its node ends.
    let other = node(&late.place).await;
    drop(other.lease(&key(), Duration::ZERO).await.expect("free"));
}

#[tokio::test(flavor = "multi_thread")]
async fn k9_a_save_that_comes_late_brings_no_removed_login_back() {
    let Some((postgres, place)) = server() else { return };
    let mut late = Late::new(postgres, place).await;
    let started = Instant::now();
    while let Err(error) = late.lease().remove().await {
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert!(started.elapsed() < WAIT, "removed within {WAIT:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    late.arrives().await;
    assert_eq!(late.lease().load().await.expect("read"), None);
}
