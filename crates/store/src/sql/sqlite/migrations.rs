//! The schema of each part, a step at a time.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::bad_file::BadFile;
use crate::sql::Step;

/// How many steps each part has taken.
const LEDGER: &str = "CREATE TABLE IF NOT EXISTS migrations (
        part TEXT NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID";

/// Makes the file ours: nothing else was in it.
pub(super) fn begin(database: &mut Connection, application: u32) -> Result<(), BadFile> {
    let behavior = rusqlite::TransactionBehavior::Immediate;
    let transaction = database.transaction_with_behavior(behavior)?;
    transaction.execute_batch(LEDGER)?;
    let found: u32 = transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if found != application {
        transaction.pragma_update(None, "application_id", application)?;
    }
    transaction.commit()?;
    Ok(())
}

/// Takes the steps that are missing, inside of a transaction that is open. `Ok(Err(_))` for what
/// the caller has to be told.
pub(super) fn migrate(
    database: &Connection,
    part: &str,
    steps: &[Step],
) -> rusqlite::Result<Result<(), BadFile>> {
    let known = u32::try_from(steps.len()).expect("a handful");
    let found = "SELECT version FROM migrations WHERE part = ?1";
    let found: Option<u32> = database.query_row(found, [part], |row| row.get(0)).optional()?;
    let found = found.unwrap_or_default();
    if found > known {
        return Ok(Err(BadFile::Newer { found, known }));
    }
    if found < known {
        database.execute_batch("SAVEPOINT migration")?;
        let migrated = take(database, part, &steps[found as usize..], known);
        let end = if migrated.is_ok() { "" } else { "ROLLBACK TO migration;" };
        database.execute_batch(&format!("{end} RELEASE migration"))?;
        if let Err(error) = migrated {
            tracing::error!(%error, part, "SQLite: a migration");
            return Ok(Err(error.into()));
        }
    }
    is_as_expected(database, steps)
}

fn take(database: &Connection, part: &str, steps: &[Step], known: u32) -> rusqlite::Result<()> {
    for step in steps {
        database.execute_batch(step.sqlite)?;
    }
    let made = "INSERT INTO migrations (part, version) VALUES (?1, ?2) \
         ON CONFLICT (part) DO UPDATE SET version = ?2";
    database.execute(made, params![part, known]).map(drop)
}

/// Whether the tables and triggers of the steps are there as the steps made them, and nothing else
/// acts on those tables: a file that a stranger has prepared could have triggers of its own.
fn is_as_expected(database: &Connection, steps: &[Step]) -> rusqlite::Result<Result<(), BadFile>> {
    let expected = Connection::open_in_memory()?;
    for step in steps {
        expected.execute_batch(step.sqlite)?;
    }
    let (expected, found) = (parts(&expected)?, parts(database)?);
    let tables: Vec<_> = expected.iter().map(|(table, ..)| table).collect();
    let of_ours: Vec<_> = found.iter().filter(|(table, ..)| tables.contains(&table)).collect();
    let is_same = of_ours.into_iter().eq(&expected);
    Ok(if is_same { Ok(()) } else { Err(BadFile::NotOurs) })
}

/// Tables, views and triggers: the table that each belongs to, its name, its text.
fn parts(database: &Connection) -> rusqlite::Result<Vec<(String, String, Option<String>)>> {
    let mut parts = database.prepare(
        "SELECT tbl_name, name, sql FROM sqlite_schema WHERE type <> 'index' \
         ORDER BY type, name",
    )?;
    parts.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
}
