//! A connection to a file, with its settings.

use core::time::Duration;
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::bad_file::BadFile;
use super::file;

/// How long a change waits for that of another process.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a process that starts waits for others that do.
const START: Duration = Duration::from_secs(30);

/// Opens the file that `application` has made, or makes it, and has `migrate` bring its schema up to
/// date. Looks at the disk: off the executor.
///
/// Readers and the writer do not wait for each other, and a commit is on the disk when it returns.
pub fn open(
    path: &Path,
    application: u32,
    migrate: impl FnOnce(&mut Connection) -> Result<(), BadFile>,
) -> Result<Connection, BadFile> {
    file::prepare(path, application)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(path, flags)?;
    // Against what a prepared file could do by being read.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    database.pragma_update(None, "cell_size_check", true)?;
    database.busy_timeout(START)?;
    migrate(&mut database)?;
    write_ahead(&database)?;
    database.busy_timeout(PATIENCE)?;
    // In this mode, a commit is on the disk when it returns.
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "temp_store", "MEMORY")?;
    database.pragma_update(None, "journal_size_limit", 64 << 20)?;
    database.set_prepared_statement_cache_capacity(64);
    Ok(database)
}

/// Readers and the writer do not wait for each other. Processes that start at once may be in each
/// other's way here, and SQLite does not wait by itself.
#[expect(
    clippy::disallowed_methods,
    reason = "the thread that opens the file has nothing else to do"
)]
fn write_ahead(database: &Connection) -> Result<(), BadFile> {
    const STEP: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        match database.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)) {
            Ok::<String, _>(mode) if mode == "wal" => return Ok(()),
            // A file system on which processes cannot share memory.
            Ok(_) => return Err(BadFile::Io(std::io::ErrorKind::Unsupported)),
            Err(error) => match BadFile::from(error) {
                BadFile::Locked if waited < START => {
                    waited += STEP;
                    std::thread::sleep(STEP);
                }
                error => return Err(error),
            },
        }
    }
}
