//! The schema, a step at a time.

use rusqlite::{Connection, TransactionBehavior};

use super::BadDatabase;

/// `unls`: in the header of each of our files.
pub(super) const APPLICATION_ID: u32 = u32::from_be_bytes(*b"unls");

/// Each step once, in this order; `user_version` counts them. A step that was released is never
/// changed: the next corrects it.
const MIGRATIONS: [&str; 1] = [
    // 1: everything that an issuer keeps. Times are milliseconds since 1970. Sessions lie in the
    // order of their ids, so that a refresh finds its row in one search and a sweep walks along.
    // What a refresh changes is in no index.
    "CREATE TABLE sessions (
        id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
        subject TEXT NOT NULL,
        client TEXT NOT NULL,
        scopes TEXT NOT NULL,
        jkt BLOB CHECK (length(jkt) = 32),
        label TEXT,
        opened_at INTEGER NOT NULL,
        seen_at INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        kid TEXT NOT NULL,
        rotated_at INTEGER NOT NULL,
        replays INTEGER NOT NULL,
        idle_ends_at INTEGER NOT NULL,
        ends_at INTEGER NOT NULL,
        revoked_at INTEGER,
        revoked_because TEXT,
        salt BLOB NOT NULL CHECK (length(salt) = 16),
        CHECK ((revoked_at IS NULL) = (revoked_because IS NULL))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_of_subject ON sessions (subject, opened_at);
    CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;

    CREATE TABLE denied (
        jti TEXT NOT NULL PRIMARY KEY,
        at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX denied_at ON denied (at);

    CREATE TABLE tickets (
        id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 32),
        value BLOB NOT NULL,
        version INTEGER NOT NULL,
        expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX tickets_expired ON tickets (expires_at);

    CREATE TABLE signing_keys (
        kid TEXT NOT NULL PRIMARY KEY,
        version INTEGER NOT NULL,
        document BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        event TEXT NOT NULL,
        code TEXT,
        session TEXT,
        subject TEXT,
        client TEXT,
        peer TEXT
    ) STRICT;
    CREATE TABLE audit_kept (since INTEGER NOT NULL) STRICT;
    INSERT INTO audit_kept VALUES (0);
    CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN
        SELECT RAISE(ABORT, 'the audit log is never changed');
    END;
    CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit
    WHEN OLD.at >= (SELECT since FROM audit_kept)
    BEGIN
        SELECT RAISE(ABORT, 'this entry is to be kept: see audit_kept');
    END;",
];

/// Brings the schema up to date, once over all processes that start at the same time.
pub(super) fn migrate(database: &mut Connection) -> Result<(), BadDatabase> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let known = u32::try_from(MIGRATIONS.len()).expect("a handful");
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(BadDatabase::Newer { found, known });
    }
    if found < known {
        for step in MIGRATIONS.iter().skip(found as usize) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", known)?;
    }
    transaction.commit()?;
    is_as_expected(database)
}

/// Whether tables and triggers are those of the migrations, and no others: a file that a stranger
/// has prepared could have triggers of its own. Further indexes are the operator's business.
fn is_as_expected(database: &Connection) -> Result<(), BadDatabase> {
    let expected = Connection::open_in_memory()?;
    expected.execute_batch(&MIGRATIONS.concat())?;
    if parts(database)? == parts(&expected)? { Ok(()) } else { Err(BadDatabase::NotOurs) }
}

fn parts(database: &Connection) -> rusqlite::Result<Vec<(String, Option<String>)>> {
    let mut parts = database
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type <> 'index' ORDER BY type, name")?;
    parts.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}
