//! A file, and the threads that it is asked on.

use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};
use tokio::sync::Notify;

use super::bad_file::BadFile;
use super::worker::{Turn, Worker};
use super::{migrations, open};
use crate::sql::statement::numbered;
use crate::sql::{Away, Options, Row, Statement, Step, Value};

/// A thread that changes, and one that reads meanwhile: no reading waits for the disk.
pub(crate) struct SqliteFile {
    changes: Worker,
    reads: Worker,
}

impl SqliteFile {
    pub(crate) async fn open(path: &str, options: Options) -> Result<Self, BadFile> {
        let path = PathBuf::from(path);
        let opened = blocking::unblock(move || {
            let application = application(options.schema);
            let connect = || {
                let database = open::open(&path, application, |database| {
                    migrations::begin(database, application)
                })?;
                clock(&database)?;
                Ok::<_, BadFile>(database)
            };
            let (changes, reads) = (connect()?, connect()?);
            reads.pragma_update(None, "query_only", true)?;
            let news = Arc::new(Notify::new());
            let start = |database| Worker::start(database, Arc::clone(&news));
            Ok(Self { changes: start(changes)?, reads: start(reads)? })
        });
        opened.await
    }

    pub(crate) async fn migrate(
        &self,
        part: &'static str,
        steps: &'static [Step],
    ) -> Result<(), BadFile> {
        let migrated: Result<_, Away> =
            self.changes.change(move |turn| migrations::migrate(turn.database, part, steps)).await;
        migrated.unwrap_or(Err(BadFile::Locked))
    }

    pub(crate) async fn query(
        &self,
        statement: Statement,
        params: Vec<Value>,
    ) -> Result<Vec<Row>, Away> {
        let ask = move |turn: &Turn<'_>| rows(turn.database, statement, &params);
        // A change that is asked what it did is how leases are taken.
        if statement.changes { self.changes.begin(ask).await } else { self.reads.read(ask).await }
    }

    pub(crate) async fn execute(
        &self,
        statement: Statement,
        params: Vec<Value>,
    ) -> Result<u64, Away> {
        self.changes.change(move |turn| execute(turn.database, statement, &params)).await
    }

    pub(crate) async fn together(
        &self,
        statements: Vec<(Statement, Vec<Value>)>,
    ) -> Result<Vec<u64>, Away> {
        self.change(move |database| {
            let one = |(statement, params): &(Statement, Vec<Value>)| {
                execute(database, *statement, params)
            };
            statements.iter().map(one).collect()
        })
        .await
    }

    /// A change of several statements, all of which happen, or none.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Away> {
        let whole = move |turn: &Turn<'_>| {
            let database = turn.database;
            database.prepare_cached("SAVEPOINT whole")?.execute(())?;
            let done = work(database);
            // What has ended the transaction has ended this too.
            if done.is_err() && !database.is_autocommit() {
                database.prepare_cached("ROLLBACK TO whole")?.execute(())?;
            }
            if !database.is_autocommit() {
                database.prepare_cached("RELEASE whole")?.execute(())?;
            }
            done
        };
        self.changes.change(whole).await
    }
}

/// The rows of a statement.
pub(crate) fn rows(
    database: &Connection,
    statement: Statement,
    params: &[Value],
) -> rusqlite::Result<Vec<Row>> {
    let mut statement = database.prepare_cached(&numbered(statement.sqlite))?;
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        (0..columns).map(|column| value(row.get_ref(column)?)).collect::<Result<_, _>>().map(Row)
    };
    statement.query_map(params_from_iter(params), row)?.collect()
}

/// How many rows a statement has changed.
pub(crate) fn execute(
    database: &Connection,
    statement: Statement,
    params: &[Value],
) -> rusqlite::Result<u64> {
    let mut statement = database.prepare_cached(&numbered(statement.sqlite))?;
    if statement.column_count() == 0 {
        return statement.execute(params_from_iter(params)).map(|rows| rows as u64);
    }
    // What it returns is not asked for.
    let (mut count, mut rows) = (0, statement.query(params_from_iter(params))?);
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

fn value(column: ValueRef<'_>) -> rusqlite::Result<Value> {
    Ok(match column {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => {
            return Err(rusqlite::Error::InvalidColumnType(
                0,
                String::new(),
                rusqlite::types::Type::Real,
            ));
        }
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Marks a file as one of this schema's: another program's, or another use's, is refused.
fn application(schema: &str) -> u32 {
    let sum =
        schema.bytes().fold(0_u16, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    u32::from_be_bytes(*b"un\0\0") | u32::from(sum)
}

/// `now_ms()`: the clock of the machine that the file is on, which all its processes share.
#[expect(clippy::disallowed_methods, reason = "it is the database's clock")]
fn clock(database: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
    database.create_scalar_function("now_ms", 0, flags, |_| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let since = since.unwrap_or(Duration::ZERO).as_millis();
        Ok(i64::try_from(since).unwrap_or(i64::MAX))
    })
}

#[cfg(test)]
mod tests {
    use futures_lite::future::poll_once;

    use super::*;

    /// A rush of leases keeps no answer from being saved.
    #[tokio::test]
    async fn r5_a_queue_that_is_full_of_what_begins_has_room_for_what_ends() {
        const TAKE: Statement = Statement::both("UPDATE rows SET n = n + 1 RETURNING n");
        const SAVE: Statement = Statement::both("UPDATE rows SET n = n + 1");
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("file");
        let place = place.to_str().expect("a name of letters");
        let file = SqliteFile::open(place, Options::default()).await.expect("opened");
        let made: Result<(), Away> = file
            .change(|database| {
                database.execute_batch("CREATE TABLE rows (n INTEGER); INSERT INTO rows VALUES (0)")
            })
            .await;
        made.expect("made");
        // Nothing gets through for now.
        let neighbour = Connection::open(place).expect("opened");
        neighbour.busy_timeout(Duration::from_secs(30)).expect("set");
        neighbour.execute_batch("BEGIN IMMEDIATE").expect("locked");
        let (mut taking, mut saves) = (Vec::new(), Vec::new());
        for _ in 0..3000 {
            let mut take = Box::pin(file.query(TAKE, vec![]));
            // It is in the queue after that, or refused.
            let done = poll_once(&mut take).await;
            taking.push(async move {
                match done {
                    Some(done) => done,
                    None => take.await,
                }
            });
        }
        for _ in 0..100 {
            let mut save = Box::pin(file.change(|database| execute(database, SAVE, &[])));
            assert_eq!(poll_once(&mut save).await, None, "it waits for its turn");
            saves.push(save);
        }
        neighbour.execute_batch("ROLLBACK").expect("let go");
        for save in saves {
            assert_eq!(save.await, Ok(1));
        }
        let mut taken = 0;
        for take in taking {
            taken += usize::from(take.await.is_ok());
        }
        assert!((1..=1024).contains(&taken), "{taken}: the queue has an end");
    }
}
