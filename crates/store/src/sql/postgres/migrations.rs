//! Schemas, a step at a time.

use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::bad_server::BadServer;

/// What nodes that start at the same time meet at: `unlapse`, as a number.
const LOCK: i64 = i64::from_be_bytes(*b"\0unlapse");

/// A node that starts waits so long for another that changes the schema.
const SETTINGS: &str = "SET lock_timeout = '60s'; SET statement_timeout = '10min'";

/// Takes each of `steps` once and in order, over all nodes that start at the same time, on a
/// connection of its own. `ledger` is the table of `schema` that has those that were taken; both
/// names are of lower-case letters and `_`. The schema is made when there is none, and steps find
/// it first.
#[expect(clippy::disallowed_methods, reason = "a connection needs a task that drives it")]
pub async fn migrate(
    config: &Config,
    tls: &MakeRustlsConnect,
    schema: &str,
    ledger: &str,
    steps: &[&str],
) -> Result<(), BadServer> {
    let (mut client, connection): (Client, _) = config.connect(tls.clone()).await?;
    let driving = tokio::spawn(connection);
    let migrated = take(&mut client, schema, ledger, steps).await;
    drop(client);
    // It ends with its client; what it says was said to that.
    let _ = driving.await;
    migrated
}

async fn take(
    client: &mut Client,
    schema: &str,
    ledger: &str,
    steps: &[&str],
) -> Result<(), BadServer> {
    client.batch_execute(SETTINGS).await?;
    let transaction = client.transaction().await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    let known = u32::try_from(steps.len()).expect("a handful");
    // Only looked at when it is there: who may use the schema need not be who may create it.
    let there = "SELECT to_regnamespace($1) IS NOT NULL, to_regclass($2) IS NOT NULL";
    let place = format!("{schema}.{ledger}");
    let there = transaction.query_one(there, &[&schema, &place]).await?;
    if !there.try_get::<_, bool>(0)? {
        transaction.batch_execute(&format!("CREATE SCHEMA {schema}")).await?;
    }
    if !there.try_get::<_, bool>(1)? {
        let table = format!(
            "CREATE TABLE {place} \
             (version integer PRIMARY KEY, made_at timestamptz NOT NULL DEFAULT now())"
        );
        transaction.batch_execute(&table).await?;
    }
    let newest = format!("SELECT coalesce(max(version), 0) FROM {place}");
    let found: i32 = transaction.query_one(&newest, &[]).await?.try_get(0)?;
    let found = u32::try_from(found).map_err(|_| BadServer::NotOurs)?;
    if found > known {
        return Err(BadServer::Newer { found, known });
    }
    transaction.batch_execute(&format!("SET LOCAL search_path = {schema}")).await?;
    for (step, version) in steps.iter().zip(1_i32..).skip(found as usize) {
        transaction.batch_execute(step).await?;
        let made = format!("INSERT INTO {place} (version) VALUES ($1)");
        transaction.execute(&made, &[&version]).await?;
    }
    transaction.commit().await?;
    Ok(())
}
