//! A database of either kind.

use core::fmt;
use std::sync::Arc;

use unlapse_core::UnixTime;

#[cfg(feature = "postgres")]
use super::postgres::Server;
#[cfg(feature = "sqlite")]
use super::sqlite::SqliteFile;
use super::{Away, BadDatabase, Options, Row, Statement, Step, Value};

/// One file of SQLite, or a schema of `PostgreSQL`. Cheap to clone: clones share everything.
///
/// Every wait has an end. What is changed is durable when a call returns; a call whose caller is
/// dropped has happened whole or not at all.
#[derive(Clone)]
pub struct Database {
    pub(crate) inner: Arc<Inner>,
}

/// The kind of a [`Database`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, for the processes of one machine.
    Sqlite,
    /// A server, for the nodes of a fleet.
    Postgres,
}

pub(crate) enum Inner {
    #[cfg(feature = "sqlite")]
    Sqlite(SqliteFile),
    #[cfg(feature = "postgres")]
    Postgres(Box<Server>),
}

impl Database {
    /// Opens `place`: a URL of `PostgreSQL` (`postgres://…`, `postgresql://…`), else the path of a
    /// file, which is made 0600 when there is none.
    ///
    /// # Panics
    ///
    /// Outside of a runtime of tokio.
    pub async fn open(place: &str, options: Options) -> Result<Self, BadDatabase> {
        let is_url = place.starts_with("postgres://") || place.starts_with("postgresql://");
        let inner = if is_url {
            #[cfg(feature = "postgres")]
            let inner = Inner::Postgres(Box::new(Server::connect(place, options).await?));
            #[cfg(not(feature = "postgres"))]
            return Err(BadDatabase::NotBuilt);
            #[cfg(feature = "postgres")]
            inner
        } else {
            #[cfg(feature = "sqlite")]
            let inner = Inner::Sqlite(SqliteFile::open(place, options).await?);
            #[cfg(not(feature = "sqlite"))]
            return Err(BadDatabase::NotBuilt);
            #[cfg(feature = "sqlite")]
            inner
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Its kind.
    pub fn engine(&self) -> Engine {
        match &*self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(_) => Engine::Sqlite,
            #[cfg(feature = "postgres")]
            Inner::Postgres(_) => Engine::Postgres,
        }
    }

    /// Takes each of `steps` once and in order, over all processes that start at the same time.
    /// `part` says whose they are, in lower-case letters: parts count their steps on their own.
    pub async fn migrate(
        &self,
        part: &'static str,
        steps: &'static [Step],
    ) -> Result<(), BadDatabase> {
        match &*self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(file) => Ok(file.migrate(part, steps).await?),
            #[cfg(feature = "postgres")]
            Inner::Postgres(server) => Ok(server.migrate(part, steps).await?),
        }
    }

    /// The rows of a statement; of one that changes something, what it returns.
    pub async fn query(&self, statement: Statement, params: Vec<Value>) -> Result<Vec<Row>, Away> {
        match &*self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(file) => file.query(statement, params).await,
            #[cfg(feature = "postgres")]
            Inner::Postgres(server) => server.query(statement, &params).await,
        }
    }

    /// How many rows a statement has changed.
    pub async fn execute(&self, statement: Statement, params: Vec<Value>) -> Result<u64, Away> {
        match &*self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(file) => file.execute(statement, params).await,
            #[cfg(feature = "postgres")]
            Inner::Postgres(server) => server.execute(statement, &params).await,
        }
    }

    /// Statements that happen all, or none of them; how many rows each has changed.
    pub async fn together(
        &self,
        statements: Vec<(Statement, Vec<Value>)>,
    ) -> Result<Vec<u64>, Away> {
        match &*self.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(file) => file.together(statements).await,
            #[cfg(feature = "postgres")]
            Inner::Postgres(server) => server.together(&statements).await,
        }
    }

    /// What time it is by the database's clock, which all nodes share.
    pub async fn now(&self) -> Result<UnixTime, Away> {
        const NOW: Statement = Statement::both("SELECT now_ms()");
        let rows = self.query(NOW, Vec::new()).await?;
        rows.first().ok_or_else(|| Away::misread("no row"))?.time(0)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("engine", &self.engine()).finish_non_exhaustive()
    }
}
