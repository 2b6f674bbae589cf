//! The store of the broker, over a schedule of so many rows.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use tokio::task::JoinSet;
use unlapse_core::{Grant, Key, Now, Record, Secret, Store as _, StoreError, UnixTime};
use unlapse_store::Unopened;
use unlapse_store::sql::{
    Database, Due, Next, Options, Seal, Sealed, SqlOptions, SqlStore, Timetable,
};

use crate::cluster::Cluster;
use crate::rows::{self, CLAIMED, SHARDS, WORKERS};
use crate::walk::Walk;

/// Renewals under way at once, as in a busy node.
const AT_ONCE: usize = 256;

/// How long a lease is waited for.
const WAIT: Duration = Duration::from_secs(5);

/// Before a save is tried again.
const AGAIN: Duration = Duration::from_millis(100);

/// The store under measurement.
#[derive(Clone)]
pub(crate) struct Ours {
    store: SqlStore,
    /// The database's name.
    name: String,
    /// Bytes of what stands for a sealed record.
    sealed: usize,
}

/// Seals nothing: what is measured is the database. So many bytes, as long as what is sealed is.
struct Unsealed(usize);

impl Seal for Unsealed {
    fn seal(&self, _: &Key, _: &Record) -> Result<Sealed, StoreError> {
        Ok(Sealed { key_id: "k1".to_owned(), bytes: rows::sealed(self.0) })
    }

    fn open(&self, _: &Key, generation: u64, _: &Sealed) -> Result<Record, Unopened> {
        let record = Record::default().logged_in(grant(), Now::default());
        Ok(Record { generation, ..record })
    }
}

fn grant() -> Grant {
    let mut grant = Grant::bearer(Secret::new("at"));
    grant.refresh_token = Some(Secret::new("rt"));
    grant.expires_in = Some(Duration::from_hours(1));
    grant
}

/// Due in fifty minutes.
struct Hourly;

impl Timetable for Hourly {
    fn next(&self, _: &Key, _: &Record) -> Next {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let due =
            UnixTime::from_millis(0).plus(now.unwrap_or_default()).plus(Duration::from_mins(50));
        Next { due: Some(due), unused: None, code: None }
    }
}

impl Ours {
    /// An empty store in a database of its own.
    pub(crate) async fn new(cluster: &Cluster, sealed: usize) -> Result<Self> {
        let (url, name) = cluster.database();
        Ok(Self { name, ..Self::open(&url, sealed).await? })
    }

    /// Makes `rows` rows.
    pub(crate) fn fill(&self, cluster: &Cluster, rows: u64, due_one_in: u64) {
        let (select, sealed) = (rows::select(rows, due_one_in), rows::sealed_by_sql(self.sealed));
        cluster.sql(
            &self.name,
            &format!(
                "set search_path to unlapse_broker;
                create temporary table made as {select};
                insert into records (id, server, account, scope, shard, state, due_at, access_expires_at,
                        attempt, fence, generation, revision, phase, seen_at)
                    select id, 'bench/acme', account, '', shard, 0, at, at + 600000, 0, 1, 1, 1, 0, at
                    from made;
                insert into tokens (id, generation, revision, key_id, sealed)
                    select id, 1, 1, 'k1', {sealed} from made"
            ),
        );
        // What is small and read all the time comes last, and is in memory after it.
        for table in ["tokens", "records"] {
            cluster.sql(&self.name, &format!("vacuum analyze unlapse_broker.{table}"));
        }
    }

    /// An empty store at this place.
    pub(crate) async fn open(place: &str, sealed: usize) -> Result<Self> {
        let database = Database::open(place, Options::default()).await?;
        let (seal, timetable) = (Arc::new(Unsealed(sealed)), Arc::new(Hourly));
        let store = SqlStore::open(database, seal, timetable, SqlOptions::default()).await?;
        Ok(Self { store, name: String::new(), sealed })
    }

    /// Bytes on the disk, with indexes: the schedule's, and what is sealed.
    pub(crate) fn bytes(&self, cluster: &Cluster) -> Result<[u64; 2]> {
        let size = |table: &str| {
            let size = format!("select pg_total_relation_size('unlapse_broker.{table}'::regclass)");
            cluster.sql(&self.name, &size).trim().parse::<u64>()
        };
        Ok([size("records")?, size("tokens")?])
    }

    /// Gives its room on the disk back.
    pub(crate) fn drop(self, cluster: &Cluster) {
        cluster.drop(&self.name);
    }

    /// Claims until there is enough at hand.
    pub(crate) async fn claims(&self, walk: &Arc<Walk>) -> Result<Vec<Due>> {
        walk.begin();
        let mut all = JoinSet::new();
        for _ in 0..WORKERS {
            let (ours, walk) = (self.clone(), Arc::clone(walk));
            all.spawn(async move {
                let mut dues = Vec::new();
                while let Some(shard) = walk.next() {
                    let found = ours.claim(shard).await?;
                    walk.found(found.len());
                    dues.extend(found);
                }
                anyhow::Ok(dues)
            });
        }
        let dues: Vec<_> = all.join_all().await.into_iter().collect::<Result<_>>()?;
        Ok(dues.into_iter().flatten().collect())
    }

    async fn claim(&self, shard: u64) -> Result<Vec<Due>> {
        let (shard, mut limit) = (u16::try_from(shard)?, usize::try_from(CLAIMED)?);
        loop {
            // As a node does: what takes too long is asked for in smaller portions.
            match self.store.claim(shard, limit).await {
                Ok(found) => return Ok(found),
                Err(_) if limit > 10 => limit /= 2,
                Err(away) => anyhow::bail!("the database is away: {away}"),
            }
        }
    }

    /// Completes what was claimed.
    pub(crate) async fn completions(&self, dues: Vec<Due>) -> Result<()> {
        let (dues, mut all) = (Arc::new(Mutex::new(dues.into_iter())), JoinSet::new());
        for _ in 0..AT_ONCE {
            let (store, dues) = (self.store.clone(), Arc::clone(&dues));
            all.spawn(async move {
                let next = || dues.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some(due) = next() {
                    let mut lease = store.lease(due.key(), WAIT).await?;
                    let Some(found) = lease.load().await? else { return Err(StoreError::Fenced) };
                    let granted = found.record.granted(grant(), Now::default());
                    // As a renewal does: a database that takes too long is asked once more.
                    while let Err(error) = lease.save(&granted).await {
                        let StoreError::Io { .. } = error else { return Err(error) };
                        tokio::time::sleep(AGAIN).await;
                    }
                }
                Ok(())
            });
        }
        all.join_all().await.into_iter().collect::<Result<(), _>>()?;
        Ok(())
    }

    /// How long it takes to look at every shard once.
    pub(crate) async fn look(&self) -> Result<Duration> {
        let start = Instant::now();
        for shard in 0..SHARDS {
            ensure!(self.claim(shard).await?.is_empty(), "nothing was to be due");
        }
        Ok(start.elapsed())
    }

    /// Renewals a second, each an intent and an answer, so many under way at once.
    pub(crate) async fn renewals(&self, at_once: usize, time: Duration) -> Result<f64> {
        let start = Instant::now();
        let each = (0..at_once).map(|worker| {
            let store = self.store.clone();
            async move {
                let mut count = 0_u64;
                while start.elapsed() < time {
                    let key = rows::key(worker as u64 * 10 + count % 10);
                    let mut lease = store.lease(&key, WAIT).await?;
                    let found = lease.load().await?.map(|found| found.record);
                    let record = found
                        .unwrap_or_else(|| Record::default().logged_in(grant(), Now::default()));
                    let intended = record.intend(Now::default(), false);
                    lease.save(&intended).await?;
                    lease.save(&intended.granted(grant(), Now::default())).await?;
                    count += 1;
                }
                Ok::<_, StoreError>(count)
            }
        });
        let counts = try_join_all(each).await?;
        Ok(counts.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64())
    }
}
