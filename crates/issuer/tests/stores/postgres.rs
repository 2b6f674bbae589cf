//! What is PostgreSQL's own: its clock, its schema, and the servers that cannot be the store.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use unlapse_core::UnixTime;
use unlapse_issuer::{
    Advance, AuditLog as _, BadServer, Denials as _, Policy, PostgresOptions, PostgresStore,
    Presented, Session, Sessions as _, Store as _, Succession, TicketId, Tickets as _,
    system_clock,
};
use unlapse_parts::Postgres;

use crate::audit_log::entry;
use crate::every_store::{BECAUSE, after, patient, session, sql};

async fn connect(url: &str) -> Result<PostgresStore, BadServer> {
    PostgresStore::connect(url, patient()).await
}

/// A session that is live by the clocks of this machine.
fn live(number: u64) -> Session {
    let now = system_clock()();
    let end = now.plus(Duration::from_secs(3600));
    Session { rotated_at: now, idle_ends_at: end, ends_at: end, ..session(number, "ada") }
}

/// Presents a generation, and says a time that is wrong by years.
async fn present(store: &PostgresStore, session: &Session, generation: u64) -> Succession {
    let policy = Policy::default();
    let presented = Presented { generation, client: "app", jkt: None };
    let (session, kid) = (session.id, &session.kid);
    let advance = Advance { session, presented, kid, now: after(0), policy: &policy };
    store.advance(advance).await.expect("advanced").expect("known").succession
}

fn near(found: UnixTime, expected: UnixTime) -> bool {
    let far = found.since(expected).max(expected.since(found));
    far < Duration::from_secs(5)
}

#[tokio::test]
async fn x1_the_clock_of_the_server_counts() {
    let Some(postgres) = Postgres::shared() else { return };
    let store = connect(&postgres.fresh_database()).await.expect("connected");
    let session = live(1);
    store.create(&session).await.expect("created");
    let before = system_clock()();
    assert_eq!(present(&store, &session, 1).await, Succession::Rotate);
    let found = store.load(session.id).await.expect("there").expect("known");
    assert!(near(found.rotated_at, before) && near(found.seen_at, before), "{found:?}");
    store.revoke(session.id, BECAUSE, after(0)).await.expect("revoked");
    store.deny("a-jti", after(0)).await.expect("denied");
    let denied = store.denied(before).await.expect("told");
    assert_eq!(denied.len(), 2);
    assert!(denied.iter().all(|denial| near(denial.at, before)), "{denied:?}");
    let ada = store.of_subject("ada", after(0)).await.expect("listed");
    assert_eq!(ada, [], "it was revoked");
}

/// A node whose clock is years ahead deletes nothing that is live, and one whose clock is years
/// behind opens sessions that are.
#[tokio::test]
async fn x1_the_clock_of_one_node_neither_ends_nor_deletes_a_session() {
    let Some(postgres) = Postgres::shared() else { return };
    let store = connect(&postgres.fresh_database()).await.expect("connected");
    let before = system_clock()();
    let behind = session(0, "ada");
    store.create(&behind).await.expect("created");
    let found = store.load(behind.id).await.expect("there").expect("known");
    let shift = found.rotated_at.since(behind.rotated_at);
    assert!(near(found.rotated_at, before), "{found:?}");
    let by_the_server = Session {
        opened_at: behind.opened_at.plus(shift),
        seen_at: behind.seen_at.plus(shift),
        rotated_at: behind.rotated_at.plus(shift),
        idle_ends_at: behind.idle_ends_at.plus(shift),
        ends_at: behind.ends_at.plus(shift),
        ..behind.clone()
    };
    assert_eq!(found, by_the_server);
    assert_eq!(present(&store, &behind, 1).await, Succession::Rotate);
    let ticket = TicketId::of("code", "live");
    let end = before.plus(Duration::from_secs(3600));
    assert_eq!(store.insert(ticket, b"", end, before).await, Ok(true));
    store.deny("a-jti", before).await.expect("denied");
    let years = before.plus(Duration::from_secs(10 * 365 * 86_400));
    assert_eq!(store.sweep(years).await, Ok(0));
    assert!(store.load(behind.id).await.expect("there").is_some());
    assert!(store.ticket(ticket, before).await.expect("there").is_some());
    assert_eq!(store.denied(before.minus(Duration::from_secs(60))).await.expect("told").len(), 1);
}

/// Whoever waits for the row is judged when its turn comes: the grace has passed meanwhile.
#[tokio::test]
async fn j1_a_call_that_waits_is_judged_when_its_turn_comes() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.fresh_database();
    let store = Arc::new(connect(&url).await.expect("connected"));
    let session = live(1);
    store.create(&session).await.expect("created");
    assert_eq!(present(&store, &session, 1).await, Succession::Rotate);
    let (mut holder, connection) =
        tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connected");
    let driving = tokio::spawn(connection);
    // Holds the row without changing it, which no reading again would tell.
    let held = holder.transaction().await.expect("begun");
    held.execute("SELECT 1 FROM unlapse.sessions FOR UPDATE", &[]).await.expect("held");
    let waiting = {
        let (store, session) = (Arc::clone(&store), session.clone());
        tokio::spawn(async move {
            let policy = Policy { grace: Duration::from_secs(1), ..Policy::default() };
            let presented = Presented { generation: 1, client: "app", jkt: None };
            let (id, kid, now) = (session.id, &session.kid, after(0));
            let advance = Advance { session: id, presented, kid, now, policy: &policy };
            store.advance(advance).await.expect("advanced").expect("known")
        })
    };
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let released = system_clock()();
    held.commit().await.expect("let go");
    let advanced = waiting.await.expect("no panic");
    assert_eq!(advanced.succession, Succession::RevokeReuse);
    let revoked = advanced.session.revoked.expect("revoked").at;
    assert!(revoked.plus(Duration::from_millis(20)) >= released, "{revoked:?} {released:?}");
    drop(holder);
    let _ = driving.await;
}

/// Other nodes ask for what was revoked a little before they last asked: a time from before the wait
/// would never be heard of.
#[tokio::test]
async fn j1_sessions_that_had_to_be_waited_for_are_revoked_when_their_turn_comes() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.fresh_database();
    let store = Arc::new(connect(&url).await.expect("connected"));
    let sessions = [live(1), live(2), live(3)];
    for session in &sessions {
        store.create(session).await.expect("created");
    }
    let (mut holder, connection) =
        tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connected");
    let driving = tokio::spawn(connection);
    let held = holder.transaction().await.expect("begun");
    // The second alone: the first is locked before anybody waits.
    let id = &sessions[1].id.as_bytes()[..];
    let one = "SELECT 1 FROM unlapse.sessions WHERE id = $1 FOR UPDATE";
    held.execute(one, &[&id]).await.expect("held");
    let revoking = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.revoke_subject("ada", None, BECAUSE, after(0)).await })
    };
    tokio::time::sleep(Duration::from_millis(1300)).await;
    let released = system_clock()();
    held.commit().await.expect("let go");
    assert_eq!(revoking.await.expect("no panic").map(|ended| ended.len()), Ok(3));
    for session in &sessions {
        let found = store.load(session.id).await.expect("there").expect("known");
        let revoked = found.revoked.expect("revoked").at;
        assert!(revoked.plus(Duration::from_millis(20)) >= released, "{revoked:?} {released:?}");
    }
    drop(holder);
    let _ = driving.await;
}

/// A row that somebody holds is waited for, but not for ever.
#[tokio::test]
async fn j5_a_row_that_is_held_is_no_verdict() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.fresh_database();
    let options = PostgresOptions { lock: Duration::from_secs(1), ..patient() };
    let store = PostgresStore::connect(&url, options).await.expect("connected");
    let session = live(1);
    store.create(&session).await.expect("created");
    let (mut holder, connection) =
        tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connected");
    let driving = tokio::spawn(connection);
    let held = holder.transaction().await.expect("begun");
    held.execute("SELECT 1 FROM unlapse.sessions FOR UPDATE", &[]).await.expect("held");
    let began = std::time::Instant::now();
    let away = store.revoke(session.id, BECAUSE, after(0)).await.expect_err("held");
    assert!(away.retry_after > Duration::ZERO);
    // Far before the statement's own end.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    // Others are not in its way, and the connection is as good as before.
    assert!(store.load(session.id).await.expect("there").is_some());
    held.rollback().await.expect("let go");
    assert_eq!(store.revoke(session.id, BECAUSE, after(0)).await, Ok(true));
    drop(holder);
    let _ = driving.await;
}

/// Nobody waits in a queue without an end for a connection.
#[tokio::test]
async fn j5_when_every_connection_is_busy_the_next_is_told_to_come_back() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.fresh_database();
    let options = PostgresOptions { connections: 1, wait: Duration::from_millis(300), ..patient() };
    let store = Arc::new(PostgresStore::connect(&url, options).await.expect("connected"));
    let session = live(1);
    store.create(&session).await.expect("created");
    let (mut holder, connection) =
        tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connected");
    let driving = tokio::spawn(connection);
    let held = holder.transaction().await.expect("begun");
    held.execute("SELECT 1 FROM unlapse.sessions FOR UPDATE", &[]).await.expect("held");
    let revoking = {
        let (store, id) = (Arc::clone(&store), session.id);
        tokio::spawn(async move { store.revoke(id, BECAUSE, after(0)).await })
    };
    // As soon as that has the one connection.
    let began = std::time::Instant::now();
    while store.load(session.id).await.is_ok() {
        assert!(began.elapsed() < Duration::from_secs(20), "the connection is never busy");
    }
    held.rollback().await.expect("let go");
    assert_eq!(revoking.await.expect("no panic"), Ok(true), "who had it is not disturbed");
    assert!(store.load(session.id).await.expect("free again").is_some());
    drop(holder);
    let _ = driving.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn x1_eight_nodes_start_at_once_on_a_new_database() {
    let Some(postgres) = Postgres::shared() else { return };
    for _ in 0..3 {
        let url = postgres.fresh_database();
        let mut nodes = JoinSet::new();
        for number in 0..8 {
            let url = url.clone();
            nodes.spawn(async move {
                let store = connect(&url).await.expect("connected");
                store.create(&live(number)).await.expect("and it works");
            });
        }
        nodes.join_all().await;
        assert_eq!(sql(&url, "SELECT count(*), min(version) FROM unlapse.migrations"), "1|1");
        assert_eq!(sql(&url, "SELECT count(*) FROM unlapse.sessions"), "8");
    }
}

#[tokio::test]
async fn c4_a_newer_and_a_foreign_schema_are_left_as_they_are() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.fresh_database();
    drop(connect(&url).await.expect("connected"));
    sql(&url, "INSERT INTO unlapse.migrations VALUES (99)");
    assert_eq!(connect(&url).await.err(), Some(BadServer::Newer { found: 99, known: 1 }));
    let url = postgres.fresh_database();
    sql(&url, "CREATE SCHEMA unlapse; CREATE TABLE unlapse.tickets (seat text)");
    assert_eq!(connect(&url).await.err(), Some(BadServer::NotOurs));
    let tables = "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'unlapse'";
    assert_eq!(sql(&url, tables), "tickets");
}

#[tokio::test]
async fn c17_a_server_that_cannot_be_the_store_says_why() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.fresh_database();
    let (head, place) = url.split_once('@').expect("a user");
    let (server, _) = place.split_once('/').expect("a path");
    for (url, expected) in [
        (format!("postgres://postgres:guessed@{place}"), BadServer::Refused),
        (format!("{head}@{server}/nowhere"), BadServer::Refused),
        ("postgres://postgres@127.0.0.1:1/x".to_owned(), BadServer::Unreachable),
        (format!("{url}?sslmode=verify-full"), BadServer::Unreachable),
        (format!("{url}?sslmode=verify-full&sslrootcert=/nowhere"), BadServer::Certificates),
        (format!("{url}?sslmode=maybe"), BadServer::Url),
    ] {
        assert_eq!(connect(&url).await.err(), Some(expected), "{}", url.replace(head, "…"));
    }
    sql(&url, "CREATE ROLE nobody_much LOGIN PASSWORD 'x'");
    let poor = connect(&format!("postgres://nobody_much:x@{place}")).await.err();
    sql(&url, "DROP ROLE nobody_much");
    assert_eq!(poor, Some(BadServer::Forbidden));
    drop(connect(&format!("{url}?sslmode=prefer")).await.expect("in clear, as it has no TLS"));
}

#[tokio::test]
async fn j2_no_statement_changes_the_audit_log() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.fresh_database();
    let store = connect(&url).await.expect("connected");
    store.append(&[entry(5, true)]).await.expect("added");
    let (client, connection) =
        tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("connected");
    let driving = tokio::spawn(connection);
    for statement in [
        "UPDATE unlapse.audit SET event = 'x'",
        "DELETE FROM unlapse.audit",
        "TRUNCATE unlapse.audit",
        "INSERT INTO unlapse.audit (id, at, event) VALUES (1, 0, 'x')",
    ] {
        assert!(client.batch_execute(statement).await.is_err(), "{statement}");
    }
    drop(client);
    let _ = driving.await;
    assert_eq!(sql(&url, "SELECT event, peer FROM unlapse.audit"), "revoked|::1");
}

/// What a refresh changes is in no index: otherwise each would be written again.
#[tokio::test]
async fn j5_a_refresh_writes_no_index() {
    let Some(postgres) = Postgres::shared() else { return };
    let url = postgres.fresh_database();
    let store = connect(&url).await.expect("connected");
    let session = live(1);
    store.create(&session).await.expect("created");
    for generation in 1..=100 {
        assert_eq!(present(&store, &session, generation).await, Succession::Rotate);
    }
    drop(store);
    let counts = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables \
         WHERE relname = 'sessions'";
    let began = std::time::Instant::now();
    let mut found = String::new();
    // Counted a moment later. Now and then a row does not fit its page any more.
    while !["100|100", "100|99", "100|98"].contains(&&*found) {
        assert!(began.elapsed() < Duration::from_secs(30), "updates and hot ones: {found}");
        tokio::time::sleep(Duration::from_millis(50)).await;
        found = sql(&url, counts);
    }
}
