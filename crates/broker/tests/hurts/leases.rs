//! Leases that end while their holder goes on.

use std::sync::Arc;
use std::time::Duration;

use unlapse::unlapse_core::{Grant, Key, Lease, Now, Record, Secret, Store as _, StoreError};
use unlapse_parts::{Cable, Postgres};
use unlapse_store::Unopened;
use unlapse_store::sql::{Database, Next, Options, Seal, Sealed, SqlOptions, SqlStore, Timetable};

use crate::setting::{block_on, cabled};
use crate::world::eventually;

/// Much less than a broker's, so that a test need not wait.
const ALIVE: Duration = Duration::from_millis(600);

const SOON: Duration = Duration::from_millis(200);

/// Seals nothing: what is tested is who may write.
struct Unsealed;

impl Seal for Unsealed {
    fn seal(&self, _: &Key, record: &Record) -> Result<Sealed, StoreError> {
        let bytes = record.to_bytes().to_vec();
        Ok(Sealed { key_id: String::new(), bytes })
    }

    fn open(&self, _: &Key, _: u64, sealed: &Sealed) -> Result<Record, Unopened> {
        Record::from_bytes(&sealed.bytes).map_err(Unopened::Damaged)
    }
}

struct Never;

impl Timetable for Never {
    fn next(&self, _: &Key, _: &Record) -> Next {
        Next::default()
    }
}

async fn store(place: &str) -> SqlStore {
    let database = Database::open(place, Options::default()).await.expect("it is there");
    let options = SqlOptions { alive: ALIVE, ..SqlOptions::default() };
    SqlStore::open(database, Arc::new(Unsealed), Arc::new(Never), options).await.expect("a store")
}

/// Three nodes: the first has leased the key and was cut off, the second has taken it over.
struct Overtaken {
    cable: Cable,
    first: Box<dyn Lease>,
    second: Box<dyn Lease>,
    third: SqlStore,
    record: Record,
}

fn key() -> Key {
    Key::new("acme/local").account("ada/main")
}

fn granted(record: &Record, access: &str) -> Record {
    let mut grant = Grant::bearer(Secret::new(access));
    grant.refresh_token = Some(Secret::new(format!("rt of {access}")));
    record.granted(grant, Now::default())
}

async fn overtaken(postgres: &Postgres) -> Overtaken {
    let database = postgres.fresh_database();
    let (cable, through) = cabled(postgres, &database);
    let (one, two, third) = (store(&through).await, store(&database).await, store(&database).await);
    let mut first = one.lease(&key(), SOON).await.expect("it is free");
    let record = granted(&Record::default(), "first").intend(Now::default(), false);
    first.save(&record).await.expect("it is its own");
    assert!(matches!(two.lease(&key(), SOON).await, Err(StoreError::Busy { .. })));
    cable.stall();
    let second = eventually("the lease ends", async || two.lease(&key(), SOON).await.ok()).await;
    Overtaken { cable, first, second, third, record }
}

#[test]
fn a_lock_that_expired_in_the_middle_of_a_call_is_not_deleted_by_its_old_owner() {
    let Some(postgres) = Postgres::shared() else { return };
    block_on(async {
        let Overtaken { cable, mut first, mut second, third, record } = overtaken(postgres).await;
        cable.mend();
        let late = granted(&record, "late");
        let refused = eventually("it is told", async || match first.save(&late).await {
            // What stood in the cable may have broken the connection.
            Err(StoreError::Io { .. }) => None,
            other => Some(other),
        });
        assert_eq!(refused.await, Err(StoreError::Fenced));
        drop(first);
        // What it gives back is its own, not the other's.
        tokio::time::sleep(SOON).await;
        assert!(matches!(third.lease(&key(), SOON).await, Err(StoreError::Busy { .. })));
        second.save(&granted(&record, "second")).await.expect("it still has it");
        drop(second);
        eventually("it is given back", async || third.lease(&key(), SOON).await.ok()).await;
    });
}

#[test]
fn the_new_token_is_not_dropped_when_a_compare_and_swap_fails() {
    let Some(postgres) = Postgres::shared() else { return };
    block_on(async {
        let Overtaken { cable, mut first, mut second, third, record } = overtaken(postgres).await;
        let spent = granted(&record, "what the provider gave to the first");
        cable.mend();
        let put = eventually("it is told", async || match first.save(&spent).await {
            Err(StoreError::Io { .. }) => None,
            other => Some(other),
        });
        assert_eq!(put.await, Err(StoreError::Fenced));
        eventually("set aside", async || first.set_aside(&spent).await.ok()).await;
        // The next one finds it before it sends anything, and so does whoever only reads.
        let found = third.load(&key()).await.expect("it reads").expect("it is there");
        assert_eq!(found.record, spent);
        let found = second.load().await.expect("it reads").expect("it is there");
        assert_eq!(found.record, spent);
        second.save(&found.record).await.expect("it is its own");
    });
}
