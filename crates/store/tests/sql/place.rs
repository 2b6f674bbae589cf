//! An empty database of each kind.

use tempfile::TempDir;
use unlapse_parts::Postgres;
use unlapse_store::sql::{Database, Engine, Options};

/// Where a database is, for as long as this lives.
pub(crate) struct Place {
    pub(crate) url: String,
    folder: TempDir,
}

impl Place {
    pub(crate) fn file() -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let url = folder.path().join("broker.db").display().to_string();
        Self { url, folder }
    }

    /// A new database of the shared server, in the full run.
    pub(crate) fn server() -> Option<Self> {
        let url = Postgres::shared()?.fresh_database();
        Some(Self { url, folder: tempfile::tempdir().expect("a directory") })
    }

    /// A folder of its own, for keys.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A file; and in the full run, a new database of the shared server.
    pub(crate) fn each() -> Vec<Self> {
        [Self::file()].into_iter().chain(Self::server()).collect()
    }

    pub(crate) async fn open(&self) -> Database {
        Database::open(&self.url, patient()).await.expect("opened")
    }

    pub(crate) fn engine(&self) -> Engine {
        if self.url.starts_with("postgres") { Engine::Postgres } else { Engine::Sqlite }
    }
}

/// A busy machine takes its time.
pub(crate) fn patient() -> Options {
    let long = std::time::Duration::from_secs(30);
    Options {
        connections: 8,
        wait: long,
        connect: long,
        lock: long,
        statement: long,
        ..Options::default()
    }
}
