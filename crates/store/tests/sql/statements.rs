//! What a renewal costs the database.

use std::time::Duration;

use unlapse_core::{Grant, Key, Now, Secret, Store as _};
use unlapse_parts::Postgres;
use unlapse_store::sql::{SHARDS, SqlOptions};

use crate::place::Place;
use crate::rig::{WAIT, eventually, node, node_of, open, record};

/// I9: claim, intent, complete; and those of many share a statement.
#[tokio::test(flavor = "multi_thread")]
async fn i9_a_renewal_is_three_statements_at_most_and_many_share_them() {
    let Some(postgres) = Postgres::own() else { return };
    postgres.sql("postgres", "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
    postgres.restart();
    let url = postgres.fresh_database();
    let database = url.rsplit('/').next().expect("a path");
    postgres.sql(database, "CREATE EXTENSION pg_stat_statements");
    let counted = || -> (u64, String) {
        let counts = "SELECT sum(calls), string_agg(calls || ' ' || left(query, 40), '; ') \
             FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid \
             WHERE datname = current_database() AND query NOT LIKE '%pg_stat_statements%' \
             AND query NOT LIKE '%nodes (id, host%'";
        let told = postgres.sql(database, counts);
        let (calls, queries) = told.split_once('|').expect("two columns");
        (calls.parse().unwrap_or_default(), queries.to_owned())
    };
    let reset = || drop(postgres.sql(database, "SELECT pg_stat_statements_reset()"));
    let folder = tempfile::tempdir().expect("a directory");
    // It signs once in a while: signs of life are not counted.
    let options = SqlOptions { alive: Duration::from_secs(3600), ..SqlOptions::default() };
    let store = node_of(open(&url).await, folder.path(), options).await;
    let keys: Vec<_> = (0..200).map(|number| Key::new(format!("k{number}"))).collect();
    for key in &keys {
        let mut lease = store.lease(key, WAIT).await.expect("free");
        lease.save(&record(1)).await.expect("saved");
    }
    let leased = "SELECT count(*) FROM unlapse_broker.records WHERE lease_owner IS NOT NULL";
    eventually("all are given back", || async { postgres.sql(database, leased) == "0" }).await;

    reset();
    let mut dues = Vec::new();
    for shard in 0..SHARDS {
        dues.extend(store.claim(shard, 200).await.expect("claimed"));
    }
    assert_eq!(dues.len(), keys.len());
    let (calls, queries) = counted();
    assert_eq!(calls, u64::from(SHARDS), "one a shard: {queries}");

    // One by itself.
    reset();
    let due = dues.pop().expect("one");
    let mut lease = store.lease(due.key(), WAIT).await.expect("the claim");
    let found = lease.load().await.expect("read").expect("a record").record;
    let intent = found.intend(Now::default(), false);
    lease.save(&intent).await.expect("saved");
    let granted = intent.granted(Grant::bearer(Secret::new("next")), Now::default());
    lease.save(&granted).await.expect("saved");
    drop((lease, due));
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (calls, queries) = counted();
    assert_eq!(calls, 2, "intent and complete: {queries}");

    // All others at once.
    reset();
    let renewals: Vec<_> = dues
        .into_iter()
        .map(|due| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut lease = store.lease(due.key(), WAIT).await.expect("the claim");
                let found = lease.load().await.expect("read").expect("a record").record;
                let intent = found.intend(Now::default(), false);
                lease.save(&intent).await.expect("saved");
                let granted = intent.granted(Grant::bearer(Secret::new("next")), Now::default());
                lease.save(&granted).await.expect("saved");
            })
        })
        .collect();
    let count = u64::try_from(renewals.len()).expect("few");
    for renewal in renewals {
        renewal.await.expect("no panic");
    }
    let (calls, queries) = counted();
    println!("{count} renewals, {calls} statements: {queries}");
    assert!(calls < count, "{calls} for {count}: {queries}");
    assert_eq!(postgres.sql(database, leased), "0", "each gave its lease back as it ended");
    store.settle().await;
}

/// I9: a statement may be planned while a table is empty and be used when it has millions of rows.
#[tokio::test(flavor = "multi_thread")]
async fn i9_no_statement_of_a_renewal_reads_a_whole_table() {
    let Some(place) = Place::server() else { return };
    let server = Postgres::shared().expect("there is one");
    let database = place.url.rsplit('/').next().expect("a path");
    let store = node(&place).await;
    // Indexes were made, which reads what is indexed.
    server.sql(database, "SELECT pg_stat_reset()");
    for round in 1..=3 {
        for number in 0..20 {
            let key = Key::new(format!("k{number}"));
            let mut lease = store.lease(&key, WAIT).await.expect("free");
            lease.load().await.expect("read");
            lease.save(&record(round)).await.expect("saved");
        }
        for shard in 0..SHARDS {
            for due in store.claim(shard, 200).await.expect("claimed") {
                let mut lease = store.lease(due.key(), WAIT).await.expect("the claim");
                let found = lease.load().await.expect("read").expect("a record").record;
                lease.save(&found.intend(Now::default(), false)).await.expect("saved");
                lease.set_aside(&record(round + 1)).await.expect("set aside");
            }
        }
    }
    store.settle().await;
    // What a connection has done is counted when it ends, at the latest.
    drop(store);
    let counts = "SELECT relname, seq_scan, idx_scan FROM pg_stat_user_tables \
         WHERE relname IN ('records', 'tokens', 'orphans') ORDER BY relname";
    let counted = || server.sql(database, counts);
    eventually("all is counted", || async { counted().lines().all(|row| !row.ends_with("|0")) })
        .await;
    for row in counted().lines() {
        assert_eq!(row.split('|').nth(1), Some("0"), "table, read as a whole, by its keys: {row}");
    }
}
