//! A store in one file, of SQLite.

mod audit_log;
mod bad_database;
mod denials;
mod file;
mod kept_keys;
mod migrations;
mod sessions;
mod sweep;
mod tickets;
mod worker;

use core::fmt;
use core::time::Duration;
use std::path::Path;
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Mutex, Notify};

pub use self::bad_database::BadDatabase;
use self::worker::Worker;

/// Keeps everything in a file, durable when a call returns: the store of an issuer on one machine.
///
/// Several processes may open the same file; a change waits for that of another for five seconds at
/// most. What was revoked in another process is seen by looking now and then
/// ([`Denials`](crate::Denials)).
///
/// The file and those beside it (`-wal`, `-shm`) are 0600. It holds no token, and none can be made
/// from it without the pepper.
///
/// # The audit log
///
/// Entries of the table `audit` can be neither changed nor deleted. Whoever runs the issuer says
/// from when on they are kept; [`sweep`](crate::Store::sweep) deletes what is older:
///
/// ```sql
/// UPDATE audit_kept SET since = 1760000000000; -- milliseconds since 1970
/// ```
pub struct SqliteStore {
    worker: Worker,
    news: Arc<Notify>,
    /// Where the next sweep goes on among the sessions.
    swept: Mutex<Vec<u8>>,
}

/// How long a change waits for that of another process.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a process that starts waits for others that do.
const START: Duration = Duration::from_secs(30);

impl SqliteStore {
    /// Opens the file, or makes it, and brings its schema up to date. Looks at the disk: off the
    /// executor.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, BadDatabase> {
        let database = open(path.as_ref())?;
        let news = Arc::new(Notify::new());
        let worker = Worker::start(database, Arc::clone(&news))?;
        Ok(Self { worker, news, swept: Mutex::default() })
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

fn open(path: &Path) -> Result<Connection, BadDatabase> {
    file::prepare(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(path, flags)?;
    // Against what a prepared file could do by being read.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    database.pragma_update(None, "cell_size_check", true)?;
    database.busy_timeout(START)?;
    migrations::migrate(&mut database)?;
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
fn write_ahead(database: &Connection) -> Result<(), BadDatabase> {
    const STEP: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        match database.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)) {
            Ok::<String, _>(mode) if mode == "wal" => return Ok(()),
            // A file system on which processes cannot share memory.
            Ok(_) => return Err(BadDatabase::Io(std::io::ErrorKind::Unsupported)),
            Err(error) => match BadDatabase::from(error) {
                BadDatabase::Locked if waited < START => {
                    waited += STEP;
                    std::thread::sleep(STEP);
                }
                error => return Err(error),
            },
        }
    }
}
