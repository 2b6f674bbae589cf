//! What the schedule costs with many rows: figures for docs/performance.md, and the plan that they
//! rest on. `UNLAPSE_ROWS` sets how many; run by hand.

use std::time::{Duration, Instant};

use unlapse_core::{Grant, Now, Secret, Store as _};
use unlapse_parts::Postgres;
use unlapse_store::sql::{SHARDS, SqlOptions, SqlStore, Statement};

use crate::rig::{WAIT, node_of, open, record};

/// `PostgreSQL` as in production, full of records that are all due within a day.
fn filled(postgres: &Postgres, database: &str, rows: u64) {
    let fill = format!(
        "INSERT INTO unlapse_broker.records SELECT sha256(n::text::bytea)::bytea, 'acme', n::text, '', \
         n % 64, 0, unlapse_broker.now_ms() + 3600000 + n % 86400000, NULL, NULL, 0, NULL, \
         1000, 1, 1, 0, NULL, NULL, unlapse_broker.now_ms() \
         FROM generate_series(1, {rows}) AS n"
    )
    .replace("sha256(n::text::bytea)::bytea", "substr(sha256(n::text::bytea), 1, 16)");
    postgres.sql(database, &fill);
    let tokens = "INSERT INTO unlapse_broker.tokens SELECT id, 1, 1, '', \
         decode(repeat('ab', 900), 'hex') FROM unlapse_broker.records";
    postgres.sql(database, tokens);
    postgres.sql(database, "VACUUM ANALYZE unlapse_broker.records");
    postgres.sql(database, "VACUUM ANALYZE unlapse_broker.tokens");
}

fn rate(count: usize, began: Instant) -> String {
    let seconds = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = count as f64 / seconds;
    format!("{count} in {seconds:.2} s, {rate:.0}/s")
}

const PREPARED: Statement = Statement::both(
    "SELECT statement FROM pg_prepared_statements WHERE statement LIKE 'WITH due AS%'",
);

/// The claim as the server has it, with the plan that every connection uses.
async fn reads_no_table_through(store: &SqlStore, postgres: &Postgres, database: &str) {
    let text = loop {
        let rows = store.database().query(PREPARED, vec![]).await.expect("told");
        if let Some(row) = rows.first() {
            break row.text(0).expect("a text").to_owned();
        }
    };
    let plan = format!(
        "SET search_path = unlapse_broker; SET plan_cache_mode = force_generic_plan; \
         PREPARE claim AS {text}; EXPLAIN EXECUTE claim (7, 200, 1, 15000)"
    );
    let plan = postgres.sql(database, &plan);
    assert!(plan.contains("Index Scan using records_due"), "{plan}");
    let through = |line: &&str| {
        line.contains("Seq Scan on") && (line.contains("records") || line.contains("tokens"))
    };
    assert_eq!(plan.lines().filter(through).count(), 0, "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: run by hand"]
async fn claim_and_complete_with_many_rows() {
    let rows = std::env::var("UNLAPSE_ROWS").ok().and_then(|rows| rows.parse().ok());
    let rows: u64 = rows.unwrap_or(1_000_000);
    let postgres = Postgres::durable();
    postgres.sql("postgres", "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
    postgres.restart();
    let url = postgres.fresh_database();
    let database = url.rsplit('/').next().expect("a path");
    let folder = tempfile::tempdir().expect("a directory");
    let options = SqlOptions { alive: Duration::from_secs(3600), ..SqlOptions::default() };
    let store = node_of(open(&url).await, folder.path(), options).await;
    postgres.sql(database, "CREATE EXTENSION pg_stat_statements");
    filled(&postgres, database, rows);
    postgres.sql(database, "SELECT pg_stat_statements_reset()");

    let began = Instant::now();
    for round in 0..20 {
        for shard in 0..SHARDS {
            let dues = store.claim(shard, 200).await.expect("claimed");
            assert!(dues.is_empty(), "round {round}: nothing is due");
        }
    }
    println!("nothing due, {rows} rows: {}", rate(20 * usize::from(SHARDS), began));

    reads_no_table_through(&store, &postgres, database).await;

    // A fifth comes due. The rows are not opened: their seals are noise.
    postgres.sql(
        database,
        "UPDATE unlapse_broker.records SET due_at = 1000 + abs(hashtext(account)) % 1000 \
         WHERE account::bigint % 10 = 3 OR account::bigint % 10 = 4",
    );
    postgres.sql(database, "VACUUM ANALYZE unlapse_broker.records");
    reads_no_table_through(&store, &postgres, database).await;
    for nodes in [1, 2, 4] {
        let (began, mut claimed) = (Instant::now(), 0);
        let claiming: Vec<_> = (0..nodes)
            .map(|node| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut claimed = Vec::new();
                    for round in 0..4 {
                        for shard in (0..SHARDS).filter(|shard| shard % nodes == node) {
                            let dues = store.claim(shard, 200).await.expect("claimed");
                            assert!(round > 0 || dues.len() <= 200);
                            claimed.extend(dues);
                        }
                    }
                    claimed
                })
            })
            .collect();
        let mut all = Vec::new();
        for claiming in claiming {
            all.extend(claiming.await.expect("no panic"));
        }
        claimed += all.len();
        println!("claim, {nodes} at a time: {}", rate(claimed, began));
        let began = Instant::now();
        let late = store.database().now().await.expect("told").plus(WAIT * 1000);
        store.postpone(all.into_iter().map(|due| (due, late)).collect()).await.expect("put off");
        println!("postpone, one statement: {}", rate(claimed, began));
    }

    // Records that open, renewed by many at a time: what a renewal's end costs.
    for at_once in [50_usize, 200, 1000] {
        let (mut tasks, began) = (Vec::new(), Instant::now());
        let each = 10_000 / at_once;
        for task in 0..at_once {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                let key = unlapse_core::Key::new(format!("{at_once}-{task}"));
                let mut lease = store.lease(&key, WAIT).await.expect("free");
                let mut record = record(1);
                for _ in 0..each {
                    record = record.granted(Grant::bearer(Secret::new("next")), Now::default());
                    lease.save(&record).await.expect("saved");
                }
            }));
        }
        for task in tasks {
            task.await.expect("no panic");
        }
        println!("complete, {at_once} at once: {}", rate(each * at_once, began));
    }
    let began = Instant::now();
    let overview = store.overview(24).await.expect("told");
    println!("overview: {:?} in {:?}", overview.due.len(), began.elapsed());
    // What of it is the server's: the rest is this program's, which is not optimised in tests.
    let told = "SELECT calls, rows, round(mean_exec_time::numeric, 2) || ' ms', left(query, 60) \
         FROM pg_stat_statements WHERE query LIKE 'WITH %' ORDER BY calls DESC";
    println!("{}", postgres.sql(database, told));
    store.settle().await;
}
