//! What both databases promise of a statement.

use std::time::Duration;

use tokio::task::JoinSet;
use unlapse_core::UnixTime;
use unlapse_store::sql::postgres::BadServer;
use unlapse_store::sql::sqlite::BadFile;
use unlapse_store::sql::{BadDatabase, Database, Engine, Options, Statement, Step, Value};

use crate::place::{Place, patient};

const STEPS: &[Step] = &[Step {
    sqlite: "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, text TEXT, body BLOB) STRICT;
        INSERT INTO notes VALUES (0, 'made', NULL)",
    postgres: "CREATE TABLE notes (id bigint NOT NULL PRIMARY KEY, text text, body bytea);
        INSERT INTO notes VALUES (0, 'made', NULL)",
}];

const MORE: &[Step] = &[
    STEPS[0],
    Step {
        sqlite: "ALTER TABLE notes ADD COLUMN at INTEGER",
        postgres: "ALTER TABLE notes ADD COLUMN at bigint",
    },
];

const INSERT: Statement = Statement::both("INSERT INTO notes (id, text, body) VALUES ($1, $2, $3)");
const ALL: Statement = Statement::both("SELECT id, text, body FROM notes ORDER BY id");
const COUNT: Statement = Statement::both("SELECT count(*) FROM notes");

fn note(id: i64) -> Vec<Value> {
    vec![id.into(), "a '$1' \u{202e}".into(), (&[0_u8, 255][..]).into()]
}

async fn count(database: &Database) -> i64 {
    database.query(COUNT, vec![]).await.expect("counted")[0].int(0).expect("a number")
}

#[tokio::test]
async fn a_value_comes_back_as_it_went_in() {
    for place in Place::each() {
        let database = place.open().await;
        assert_eq!(database.engine(), place.engine());
        database.migrate("notes", STEPS).await.expect("migrated");
        assert_eq!(database.execute(INSERT, note(1)).await, Ok(1));
        let nothing = vec![Value::Int(i64::MIN), Value::Null, Value::Null];
        assert_eq!(database.execute(INSERT, nothing).await, Ok(1));
        let rows = database.query(ALL, vec![]).await.expect("found");
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0].int(0), Ok(i64::MIN));
        assert_eq!((rows[0].maybe_text(1), rows[0].maybe_bytes(2)), (Ok(None), Ok(None)));
        assert_eq!((rows[2].int(0), rows[2].text(1)), (Ok(1), Ok("a '$1' \u{202e}")));
        assert_eq!(rows[2].bytes(2), Ok(&[0, 255][..]));
    }
}

#[tokio::test]
async fn what_a_change_returns_is_read_and_an_upsert_is_one_statement() {
    const UPSERT: Statement = Statement::both(
        "INSERT INTO notes (id, text) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE \
         SET text = excluded.text WHERE notes.text <> $2 RETURNING id, text",
    );
    for place in Place::each() {
        let database = place.open().await;
        database.migrate("notes", STEPS).await.expect("migrated");
        for (text, rows) in [("a", 1), ("a", 0), ("b", 1)] {
            let returned = database.query(UPSERT, vec![7_u32.into(), text.into()]).await;
            let returned = returned.expect("upserted");
            assert_eq!(returned.len(), rows, "{text}");
            assert!(returned.iter().all(|row| row.text(1) == Ok(text)));
        }
        assert_eq!(database.execute(UPSERT, vec![7_u32.into(), "c".into()]).await, Ok(1));
    }
}

#[tokio::test]
async fn statements_together_happen_all_or_none() {
    for place in Place::each() {
        let database = place.open().await;
        database.migrate("notes", STEPS).await.expect("migrated");
        let two = vec![(INSERT, note(1)), (INSERT, note(2))];
        assert_eq!(database.together(two).await, Ok(vec![1, 1]));
        // The second is there already.
        let broken = vec![(INSERT, note(3)), (INSERT, note(2))];
        assert!(database.together(broken).await.is_err());
        assert_eq!(count(&database).await, 3);
        // And others who share a transaction with it are not touched.
        let mut tasks = JoinSet::new();
        for id in 10..40 {
            let database = database.clone();
            tasks.spawn(async move {
                let broken = vec![(INSERT, note(1000 + id)), (INSERT, note(2))];
                assert!(database.together(broken).await.is_err());
                assert_eq!(database.execute(INSERT, note(id)).await, Ok(1));
            });
        }
        tasks.join_all().await;
        assert_eq!(count(&database).await, 33);
    }
}

#[tokio::test]
async fn a_refused_statement_leaves_the_database_usable_and_its_values_unsaid() {
    for place in Place::each() {
        let database = place.open().await;
        database.migrate("notes", STEPS).await.expect("migrated");
        let away = database.execute(INSERT, note(0)).await.expect_err("it is there");
        assert!(away.retry_after > Duration::ZERO);
        assert!(database.query(Statement::both("SELECT no_such"), vec![]).await.is_err());
        let wrong = vec!["text".into(), Value::Null, Value::Null];
        assert!(database.execute(INSERT, wrong).await.is_err(), "a text is no number");
        assert_eq!(database.execute(INSERT, note(1)).await, Ok(1));
    }
}

#[tokio::test]
async fn x1_the_clock_is_the_databases_and_can_be_searched_with() {
    for place in Place::each() {
        let database = place.open().await;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now =
            UnixTime::from_millis(now.expect("after 1970").as_millis().try_into().expect("fits"));
        let found = database.now().await.expect("told");
        assert!(found.plus(Duration::from_secs(1)) >= now, "{found:?} {now:?}");
        assert!(now.plus(Duration::from_secs(60)) >= found, "{found:?} {now:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn x1_each_step_is_taken_once_over_nodes_that_start_at_the_same_time() {
    for place in Place::each() {
        let mut nodes = JoinSet::new();
        for _ in 0..6 {
            let url = place.url.clone();
            nodes.spawn(async move {
                let database = Database::open(&url, patient()).await.expect("opened");
                database.migrate("notes", STEPS).await.expect("migrated");
                database.migrate("others", &[]).await.expect("migrated");
                count(&database).await
            });
        }
        assert!(nodes.join_all().await.into_iter().all(|count| count == 1));
        let database = place.open().await;
        database.migrate("notes", MORE).await.expect("a step on");
        database.migrate("notes", MORE).await.expect("and again");
        let newer = database.migrate("notes", STEPS).await.expect_err("an older program");
        let expected = match place.engine() {
            Engine::Sqlite => BadDatabase::File(BadFile::Newer { found: 2, known: 1 }),
            Engine::Postgres => BadDatabase::Server(BadServer::Newer { found: 2, known: 1 }),
        };
        assert_eq!(newer, expected);
    }
}

#[tokio::test]
async fn c4_a_file_of_another_use_or_with_a_strangers_trigger_is_refused() {
    let place = Place::file();
    let database = place.open().await;
    database.migrate("notes", STEPS).await.expect("migrated");
    drop(database);
    let other = Options { schema: "unlapse_other", ..patient() };
    let refused = Database::open(&place.url, other).await.map(drop);
    assert_eq!(refused, Err(BadDatabase::File(BadFile::NotOurs)));
    let stranger = rusqlite::Connection::open(&place.url).expect("opened");
    let trigger = "CREATE TRIGGER a AFTER INSERT ON notes BEGIN DELETE FROM notes; END";
    stranger.execute_batch(trigger).expect("made");
    drop(stranger);
    let refused = place.open().await.migrate("notes", STEPS).await;
    assert_eq!(refused, Err(BadDatabase::File(BadFile::NotOurs)));
}

/// A reader does not wait for whoever changes something.
#[tokio::test]
async fn a_reading_waits_for_no_change() {
    let place = Place::file();
    let database = place.open().await;
    database.migrate("notes", STEPS).await.expect("migrated");
    let neighbour = rusqlite::Connection::open(&place.url).expect("opened");
    neighbour.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let changing = tokio::spawn({
        let database = database.clone();
        async move { database.execute(INSERT, note(1)).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = std::time::Instant::now();
    assert_eq!(count(&database).await, 1);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert!(!changing.is_finished(), "the change waits for its neighbour");
    neighbour.execute_batch("ROLLBACK").expect("let go");
    assert_eq!(changing.await.expect("no panic"), Ok(1));
}
