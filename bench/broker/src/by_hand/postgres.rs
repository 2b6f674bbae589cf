//! The peer: a schedule in `PostgreSQL`, its statements written by hand, over plain connections.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

use crate::cluster::Cluster;
use crate::rows::{self, CLAIMED, SHARDS, WORKERS};
use crate::walk::Walk;

/// Rows of one completion.
const COMPLETED: usize = 50;

const TABLES: &str = "
    create table schedule (
        id bytea primary key, shard bigint not null, state bigint not null, due_at bigint,
        access_expires_at bigint, attempt bigint not null, lease_owner bigint, lease_until bigint,
        fence bigint not null, generation bigint not null, phase bigint not null, sent_at bigint, code text
    ) with (fillfactor = 70);
    create table token (
        id bytea primary key, generation bigint not null, key_id text not null, sealed bytea not null
    ) with (fillfactor = 70);
    alter table token alter column sealed set storage external;";

const INDEX: &str = "create index schedule_due on schedule (shard, due_at) where state = 0;";

const CLAIM: &str = "
    with due as (
        select id from schedule
        where shard = $1 and state = 0 and due_at <= $2::bigint
        order by due_at limit $3 for update skip locked
    ), claimed as (
        update schedule s set fence = s.fence + 1, lease_owner = $4, lease_until = $2::bigint + 60000,
            due_at = $2::bigint + 90000
        from due where s.id = due.id
        returning s.id, s.fence, s.generation
    )
    select c.id, c.fence, c.generation, t.key_id, t.sealed from claimed c join token t using (id)";

const COMPLETE: &str = "
    with done as (
        select * from unnest($1::bytea[], $2::bigint[], $3::bytea[]) as d (id, fence, sealed)
    ), kept as (
        update schedule s set generation = s.generation + 1, phase = 0, attempt = 0,
            lease_owner = null, lease_until = null, due_at = $4::bigint + 3000000,
            access_expires_at = $4::bigint + 3600000
        from done d where s.id = d.id and s.fence = d.fence
        returning s.id, s.generation, d.sealed
    )
    update token t set generation = k.generation, sealed = k.sealed from kept k where t.id = k.id";

/// A schedule of so many rows.
pub(crate) struct ByHand {
    url: String,
    /// The database's name.
    name: String,
    /// Bytes of what stands for a sealed record.
    sealed: usize,
}

/// A row that was claimed.
pub(crate) struct Claimed {
    id: Vec<u8>,
    fence: i64,
}

impl ByHand {
    /// Makes it.
    pub(crate) fn fill(cluster: &Cluster, rows: u64, due_one_in: u64, sealed: usize) -> Self {
        let (url, name) = cluster.database();
        let (select, bytes) = (rows::select(rows, due_one_in), rows::sealed_by_sql(sealed));
        cluster.sql(
            &name,
            &format!(
                "{TABLES}
                create temporary table made as {select};
                insert into schedule select id, shard, 0, at, at + 600000, 0, null, null, 1, 1, 0, null, null
                    from made;
                insert into token select id, 1, 'k1', {bytes} from made;
                {INDEX}"
            ),
        );
        // What is small and read all the time comes last, and is in memory after it.
        cluster.sql(&name, "vacuum analyze token");
        cluster.sql(&name, "vacuum analyze schedule");
        Self { url, name, sealed }
    }

    /// Gives its room on the disk back.
    pub(crate) fn drop(self, cluster: &Cluster) {
        cluster.drop(&self.name);
    }

    /// Connections that claim, and that complete.
    pub(crate) async fn workers(&self) -> Result<Vec<Worker>> {
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            workers.push(Worker::new(self).await?);
        }
        Ok(workers)
    }

    /// How long it takes to look at every shard once.
    pub(crate) async fn look(&self) -> Result<Duration> {
        let worker = Worker::new(self).await?;
        let start = Instant::now();
        for shard in 0..SHARDS {
            ensure!(worker.claim(shard).await?.is_empty(), "nothing was to be due");
        }
        Ok(start.elapsed())
    }
}

/// Claims until there is enough at hand.
pub(crate) async fn claims(workers: &[Worker], walk: &Arc<Walk>) -> Result<Vec<Claimed>> {
    walk.begin();
    let mut all = JoinSet::new();
    for worker in workers {
        let (worker, walk) = (worker.clone(), Arc::clone(walk));
        all.spawn(async move {
            let mut rows = Vec::new();
            while let Some(shard) = walk.next() {
                let found = worker.claim(shard).await?;
                walk.found(found.len());
                rows.extend(found);
            }
            anyhow::Ok(rows)
        });
    }
    let rows: Vec<_> = all.join_all().await.into_iter().collect::<Result<_>>()?;
    Ok(rows.into_iter().flatten().collect())
}

/// Completes what was claimed.
pub(crate) async fn completions(workers: &[Worker], rows: Vec<Claimed>) -> Result<()> {
    let (rows, mut all) = (Arc::new(Mutex::new(rows.into_iter())), JoinSet::new());
    for worker in workers {
        let (worker, rows) = (worker.clone(), Arc::clone(&rows));
        all.spawn(async move {
            let next = || {
                let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                rows.by_ref().take(COMPLETED).collect::<Vec<_>>()
            };
            loop {
                let batch = next();
                if batch.is_empty() {
                    return anyhow::Ok(());
                }
                worker.complete(&batch).await?;
            }
        });
    }
    all.join_all().await.into_iter().collect()
}

/// A connection, and what it asks.
#[derive(Clone)]
pub(crate) struct Worker {
    client: Arc<Client>,
    claim: tokio_postgres::Statement,
    complete: tokio_postgres::Statement,
    sealed: usize,
}

impl Worker {
    async fn new(schedule: &ByHand) -> Result<Self> {
        let client = connect(&schedule.url).await?;
        let (claim, complete) = (client.prepare(CLAIM).await?, client.prepare(COMPLETE).await?);
        Ok(Self { client: Arc::new(client), claim, complete, sealed: schedule.sealed })
    }

    async fn claim(&self, shard: u64) -> Result<Vec<Claimed>> {
        let shard = i64::try_from(shard)?;
        let params: [&(dyn ToSql + Sync); 4] = [&shard, &now(), &i64::from(CLAIMED), &7_i64];
        let rows = self.client.query(&self.claim, &params).await?;
        Ok(rows.iter().map(|row| Claimed { id: row.get(0), fence: row.get(1) }).collect())
    }

    async fn complete(&self, rows: &[Claimed]) -> Result<()> {
        let ids: Vec<&[u8]> = rows.iter().map(|row| row.id.as_slice()).collect();
        let fences: Vec<i64> = rows.iter().map(|row| row.fence).collect();
        let sealed = rows.iter().map(|_| rows::sealed(self.sealed)).collect::<Vec<_>>();
        let params: [&(dyn ToSql + Sync); 4] = [&ids, &fences, &sealed, &now()];
        let done = self.client.execute(&self.complete, &params).await?;
        ensure!(done == rows.len() as u64, "a row was not completed");
        Ok(())
    }
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // It ends with its client.
    tokio::spawn(connection);
    Ok(client)
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}
