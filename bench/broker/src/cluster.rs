//! A `PostgreSQL` of the size that is measured, as durable as in production.

use anyhow::{Result, ensure};
use unlapse_parts::Postgres;

/// What a server of 24 GB has.
const SETTINGS: [&str; 5] = [
    "shared_buffers=4GB",
    "max_wal_size=16GB",
    // The first change of a page after a checkpoint is written with all of the page.
    "wal_compression=lz4",
    "checkpoint_timeout=15min",
    "checkpoint_completion_target=0.9",
];

/// The server of all measurements.
pub(crate) struct Cluster(Postgres);

impl Cluster {
    /// Starts it. Panics when `PostgreSQL` is not installed, and says so.
    pub(crate) fn start() -> Result<Self> {
        let cluster = Self(Postgres::tuned(&SETTINGS));
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value = cluster.0.sql("postgres", &format!("show {setting}"));
            ensure!(value == "on", "{setting} is {value}: nothing would be durable");
        }
        Ok(cluster)
    }

    pub(crate) fn version(&self) -> String {
        let version = self.0.sql("postgres", "show server_version");
        version.split(' ').next().unwrap_or_default().to_owned()
    }

    /// The URL of an empty database, and its name.
    pub(crate) fn database(&self) -> (String, String) {
        let url = self.0.fresh_database();
        let name = url.rsplit('/').next().unwrap_or_default().to_owned();
        (url, name)
    }

    /// Gives the room of a database back, whoever is still connected.
    pub(crate) fn drop(&self, database: &str) {
        self.0.sql("postgres", &format!("drop database {database} with (force)"));
    }

    /// Runs statements, however long they take.
    pub(crate) fn sql(&self, database: &str, statements: &str) -> String {
        self.0.sql(database, statements)
    }
}
