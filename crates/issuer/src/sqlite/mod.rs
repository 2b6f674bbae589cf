//! A store in one file, of SQLite.

mod audit_log;
mod denials;
mod kept_keys;
mod migrations;
mod sessions;
mod sweep;
mod tickets;

use core::fmt;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Mutex, Notify};
pub use unlapse_store::sql::sqlite::BadFile as BadDatabase;
use unlapse_store::sql::sqlite::{Worker, open};

use self::migrations::{APPLICATION_ID, migrate};

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

impl SqliteStore {
    /// Opens the file, or makes it, and brings its schema up to date. Looks at the disk: off the
    /// executor.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, BadDatabase> {
        let database = open(path.as_ref(), APPLICATION_ID, migrate)?;
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
