//! The peer: a schedule in `PostgreSQL`, its statements written by hand, over plain connections.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;
use tokio_postgres::{Client, NoTls};

use crate::cluster::Cluster;
use crate::rows::{self, CLAIMED, SHARDS, WORKERS};

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
}

/// What was claimed, and how quickly.
pub(crate) struct Claims {
    rows: Vec<Claimed>,
    /// Rows a second.
    pub(crate) rate: f64,
}

/// A row that was claimed.
#[derive(Clone)]
struct Claimed {
    id: Vec<u8>,
    fence: i64,
}

impl ByHand {
    /// Makes it.
    pub(crate) fn fill(cluster: &Cluster, rows: u64, due_one_in: u64) -> Self {
        let (url, name) = cluster.database();
        let (select, sealed) = (rows::select(rows, due_one_in), rows::sealed_by_sql());
        cluster.sql(
            &name,
            &format!(
                "{TABLES}
                create temporary table made as {select};
                insert into schedule select id, shard, 0, at, at + 600000, 0, null, null, 1, 1, 0, null, null
                    from made;
                insert into token select id, 1, 'k1', {sealed} from made;
                {INDEX}"
            ),
        );
        cluster.sql(&name, "vacuum analyze schedule");
        cluster.sql(&name, "vacuum analyze token");
        Self { url, name }
    }

    /// Gives its room on the disk back.
    pub(crate) fn drop(self, cluster: &Cluster) {
        cluster.drop(&self.name);
    }

    /// Claims for at most `time` and until there is no more.
    pub(crate) async fn claims(&self, time: Duration) -> Result<Claims> {
        let (start, mut all) = (Instant::now(), JoinSet::new());
        for worker in 0..WORKERS {
            let claimer = Claimer::new(&self.url).await?;
            all.spawn(async move {
                let (mut rows, mut dry) = (Vec::new(), 0);
                for shard in (worker..).step_by(usize::try_from(WORKERS)?).map(|n| n % SHARDS) {
                    if start.elapsed() >= time || dry == SHARDS / WORKERS {
                        break;
                    }
                    let found = claimer.claim(shard).await?;
                    dry = if found.is_empty() { dry + 1 } else { 0 };
                    rows.extend(found);
                }
                anyhow::Ok((rows, start.elapsed()))
            });
        }
        let mut claims = Claims { rows: Vec::new(), rate: 0.0 };
        let mut took = Duration::ZERO;
        while let Some(ended) = all.join_next().await {
            let (rows, ended) = ended??;
            claims.rows.extend(rows);
            took = took.max(ended);
        }
        claims.rate = claims.rows.len() as f64 / took.as_secs_f64();
        Ok(claims)
    }

    /// Completes `rows` of what was claimed, and says how many a second.
    pub(crate) async fn completions(&self, claims: &Claims, rows: usize) -> Result<f64> {
        let rows = &claims.rows[..rows.min(claims.rows.len())];
        let mut mine = Vec::new();
        for part in rows.chunks(rows.len().div_ceil(usize::try_from(WORKERS)?).max(1)) {
            mine.push((connect(&self.url).await?, part.to_vec()));
        }
        let (start, mut all) = (Instant::now(), JoinSet::new());
        for (client, part) in mine {
            all.spawn(async move {
                let statement = client.prepare(COMPLETE).await?;
                for batch in part.chunks(COMPLETED) {
                    let ids: Vec<&[u8]> = batch.iter().map(|row| row.id.as_slice()).collect();
                    let fences: Vec<i64> = batch.iter().map(|row| row.fence).collect();
                    let sealed = batch.iter().map(|_| rows::sealed()).collect::<Vec<_>>();
                    let done =
                        client.execute(&statement, &[&ids, &fences, &sealed, &now()]).await?;
                    ensure!(done == batch.len() as u64, "a row was not completed");
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = all.join_next().await {
            ended??;
        }
        Ok(rows.len() as f64 / start.elapsed().as_secs_f64())
    }

    /// How long it takes to look at every shard once.
    pub(crate) async fn look(&self) -> Result<Duration> {
        let claimer = Claimer::new(&self.url).await?;
        let start = Instant::now();
        for shard in 0..SHARDS {
            ensure!(claimer.claim(shard).await?.is_empty(), "nothing was to be due");
        }
        Ok(start.elapsed())
    }
}

struct Claimer {
    client: Client,
    statement: tokio_postgres::Statement,
}

impl Claimer {
    async fn new(url: &str) -> Result<Self> {
        let client = connect(url).await?;
        let statement = client.prepare(CLAIM).await?;
        Ok(Self { client, statement })
    }

    async fn claim(&self, shard: u64) -> Result<Vec<Claimed>> {
        let shard = i64::try_from(shard)?;
        let rows = self
            .client
            .query(&self.statement, &[&shard, &now(), &i64::from(CLAIMED), &7_i64])
            .await?;
        Ok(rows.iter().map(|row| Claimed { id: row.get(0), fence: row.get(1) }).collect())
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
