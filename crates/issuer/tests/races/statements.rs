//! What a refresh costs the database.

use unlapse_issuer::Policy;
use unlapse_parts::Postgres;

use crate::fleet::{Fleet, patient};

/// A server that counts statements.
fn counting() -> Option<Postgres> {
    let postgres = Postgres::own()?;
    postgres.sql("postgres", "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'");
    postgres.restart();
    Some(postgres)
}

#[tokio::test(flavor = "multi_thread")]
async fn j5_a_refresh_is_one_statement() {
    let Some(postgres) = counting() else { return };
    let url = postgres.fresh_database();
    let database = url.rsplit('/').next().expect("a path");
    postgres.sql(database, "CREATE EXTENSION pg_stat_statements");
    let reset = || drop(postgres.sql(database, "SELECT pg_stat_statements_reset()"));
    // What runs inside of others counts, too. The listener says an empty statement now and then.
    postgres.sql("postgres", "ALTER SYSTEM SET pg_stat_statements.track = 'all'");
    postgres.sql("postgres", "SELECT pg_reload_conf()");
    let counted = || {
        let counts = "SELECT sum(calls), min(query) FROM pg_stat_statements s \
             JOIN pg_database d ON d.oid = s.dbid \
             WHERE datname = current_database() AND query NOT LIKE '%pg_stat_statements%'";
        let told = postgres.sql(database, counts);
        let (calls, query) = told.split_once('|').expect("two columns");
        (calls.parse::<u64>().unwrap_or_default(), query.trim_start().chars().take(10).collect())
    };
    let policy = Policy { replay_cap: 1000, ..Policy::default() };
    // One connection each, so that none is made on the way.
    let options = unlapse_issuer::PostgresOptions { connections: 1, ..patient() };
    let fleet = Fleet::postgres(&url, options, None, &|_, builder| builder.policy(policy)).await;
    let [one, other] = &fleet.nodes;
    let mut token = one.login().await;
    for node in [one, other] {
        token = node.refresh(&token).await.refresh_token();
    }
    reset();
    for _ in 0..50 {
        let next = one.refresh(&token).await.refresh_token();
        assert_eq!(other.refresh(&token).await.refresh_token(), next, "a replay");
        token = next;
    }
    assert_eq!(counted(), (100, "WITH asked".to_owned()), "50 rotations, 50 replays");
    reset();
    // A token that is refused is one, too; garbage is none.
    let ended = one.login().await;
    let granted = one.refresh(&ended).await.refresh_token();
    one.refresh(&granted).await.refresh_token();
    reset();
    assert_eq!(other.refresh(&ended).await.text("code"), "refresh_token_reused");
    assert_eq!(other.refresh(&ended).await.text("code"), "session_revoked");
    for garbage in ["x".repeat(2000), format!("{}A", &token[..token.len() - 1]), String::new()] {
        assert_eq!(one.refresh(&garbage).await.status, 400);
    }
    let (calls, _): (u64, String) = counted();
    // The first has told the nodes, by a function of the schema with a statement in it.
    assert!(calls == 2 || calls == 3, "{calls}");
}
