//! The store of both databases.

use core::fmt;
use core::time::Duration;
use std::path::PathBuf;
use std::sync::Arc;

use blocking::unblock;
use tokio::runtime::Handle;
use tokio::sync::watch;
use unlapse_core::{Holder, StoreError};

use super::doubtful::Doubtful;
use super::found::away;
use super::held::Held;
use super::line::Line;
use super::node::{Life, NodeId};
use super::schema::STEPS;
use super::seal::Seal;
use super::spool::{Spool, drain};
use super::timetable::Timetable;
use crate::file::{Disk, RealDisk};
use crate::host::host;
use crate::sql::{Away, BadDatabase, Database};

/// Keeps records in a database, for any number of nodes (R1, R19). Cheap to clone: clones are one
/// node.
///
/// A lease is a row's number, which grows with each: what is written under an older one is refused.
/// A node that has not been heard of for [`SqlOptions::alive`] keeps nobody out any more.
#[derive(Clone)]
pub struct SqlStore {
    pub(super) shared: Shared,
}

/// What may be chosen about a [`SqlStore`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlOptions {
    /// A node says nine times in so long that it is alive; what it has leased is free when it has
    /// not been heard of for so long. 14 s: eight ninths of it are more than a server is waited for
    /// (R17), and all of it is well below the time, mostly 30 s, in which servers take a refresh
    /// token again whose reply was lost (R7).
    pub alive: Duration,
    /// A folder of this machine, which several processes may share: an answer of a server is written
    /// there, sealed, before it goes to the database, and put into the database when that is back.
    /// `None`, and for a file of SQLite best so: it is on this machine itself.
    pub spool: Option<PathBuf>,
}

impl Default for SqlOptions {
    fn default() -> Self {
        Self { alive: Duration::from_secs(14), spool: None }
    }
}

/// What leases and tasks of a node share.
#[derive(Clone)]
pub(super) struct Shared(Arc<Parts>);

pub(super) struct Parts {
    pub(super) database: Database,
    pub(super) seal: Arc<dyn Seal>,
    pub(super) timetable: Arc<dyn Timetable>,
    pub(super) node: NodeId,
    pub(super) held: Arc<Held>,
    pub(super) line: Line,
    pub(super) runtime: Handle,
    pub(super) life: Life,
    pub(super) doubtful: Doubtful,
    pub(super) spool: Option<Spool>,
    /// The signs of life end with it.
    pub(super) over: watch::Sender<bool>,
}

impl core::ops::Deref for Shared {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Shared {
    /// Who holds what this node holds.
    pub(super) fn this_process(&self) -> Holder {
        Holder { pid: std::process::id(), host: self.life.host.to_string() }
    }

    /// Runs a call to its end on the store's runtime, whoever drops it: callers may have another, or
    /// none.
    pub(super) async fn run<T, F>(&self, call: impl FnOnce(Self) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let done = self.runtime.spawn(call(self.clone())).await;
        done.unwrap_or_else(|_| Err(away(Away::misread("a call was cut off"))))
    }
}

impl SqlStore {
    /// Makes the tables, and a node of this process that gives signs of life from now on.
    ///
    /// # Panics
    ///
    /// Outside of a runtime of tokio, on which the database is asked.
    pub async fn open(
        database: Database,
        seal: Arc<dyn Seal>,
        timetable: Arc<dyn Timetable>,
        options: SqlOptions,
    ) -> Result<Self, BadDatabase> {
        Self::open_on(Arc::new(RealDisk), database, seal, timetable, options).await
    }

    /// As [`SqlStore::open`], with another disk for the spool: for tests that end in the middle.
    pub async fn open_on(
        disk: Arc<dyn Disk>,
        database: Database,
        seal: Arc<dyn Seal>,
        timetable: Arc<dyn Timetable>,
        options: SqlOptions,
    ) -> Result<Self, BadDatabase> {
        database.migrate("store", STEPS).await?;
        let (node, runtime) = (NodeId::draw()?, Handle::current());
        let alive = options.alive;
        let life = Life { database: database.clone(), node, alive, host: host().into() };
        life.sign().await?;
        let held = Arc::new(Held::default());
        let (line, serving) = Line::new(database.clone(), node, Arc::clone(&held));
        runtime.spawn(serving);
        let (over, is_over) = watch::channel(false);
        runtime.spawn(life.clone().go_on(is_over.clone()));
        let spool = match options.spool {
            Some(folder) => {
                let opened = unblock(move || Spool::open(disk, folder, node)).await;
                let (spool, serving) = opened.map_err(|error| {
                    tracing::error!(code = error.code(), %error, "the spool cannot be opened");
                    BadDatabase::Spool
                })?;
                runtime.spawn(serving);
                runtime.spawn(drained(spool.clone(), database.clone(), is_over));
                Some(spool)
            }
            None => None,
        };
        let doubtful = Doubtful::default();
        let parts = Parts {
            database,
            seal,
            timetable,
            node,
            held,
            line,
            runtime,
            life,
            doubtful,
            spool,
            over,
        };
        Ok(Self { shared: Shared(Arc::new(parts)) })
    }

    /// Which node this is.
    pub fn node(&self) -> &NodeId {
        &self.shared.node
    }

    /// The database that it is in.
    pub fn database(&self) -> &Database {
        &self.shared.database
    }
}

/// Sees to the spool until it is over.
async fn drained(spool: Spool, database: Database, mut over: watch::Receiver<bool>) {
    tokio::select! {
        () = drain(spool, database) => {}
        _ = over.wait_for(|over| *over) => {}
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("node", &self.shared.node).finish_non_exhaustive()
    }
}
