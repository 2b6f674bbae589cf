//! A closed loop: connections that ask again as soon as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::connection::Connection;
use crate::cpu;
use crate::door::{Ask, Door, Granted};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// An access token for a client (RFC 6749 §4.4).
    ClientCredentials,
    /// A refresh; each connection follows a chain of its own.
    Refresh(Door),
}

/// How hard, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) connections: usize,
    /// Pause of a connection between an answer and its next request.
    pub(crate) pause: Duration,
    /// Before anything is counted.
    pub(crate) warm_up: Duration,
    pub(crate) measured: Duration,
}

/// A server as it is loaded: where it listens, and the processes whose time counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) port: u16,
    pub(crate) server: u32,
    pub(crate) database: Option<u32>,
}

/// What one measurement found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Answers while it was measured, all of them grants.
    pub(crate) answers: u64,
    pub(crate) wall: Duration,
    /// Processor time of the server's processes, of its database not.
    pub(crate) server: Duration,
    /// Processor time of the database's processes.
    pub(crate) database: Duration,
    /// Microseconds from a request to the whole of its answer.
    pub(crate) latency: Histogram<u64>,
}

const WARM_UP: u8 = 0;
const MEASURED: u8 = 1;
const OVER: u8 = 2;

/// Latencies are kept to three digits, up to a minute.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are in order")
}

/// Loads a server. Any answer that is no grant ends the measurement with an error.
pub(crate) async fn run(task: Task, target: Target, load: Load) -> Result<Found> {
    let phase = Arc::new(AtomicU8::new(WARM_UP));
    let mut workers = JoinSet::new();
    for _ in 0..load.connections {
        workers.spawn(work(task, target.port, load.pause, Arc::clone(&phase)));
    }
    let timed = time(target, load, &phase);
    let (wall, server, database) = tokio::select! {
        // It is over within one poll of `timed`, so a worker that ends before it failed.
        Some(ended) = workers.join_next() => {
            ended??;
            anyhow::bail!("a worker ended before its time");
        }
        timed = timed => timed?,
    };
    let mut latency = histogram();
    while let Some(worker) = workers.join_next().await {
        latency.add(worker??)?;
    }
    Ok(Found { answers: latency.len(), wall, server, database, latency })
}

/// Says when to measure; returns how long that was, and what the server and its database spent.
async fn time(
    target: Target,
    load: Load,
    phase: &AtomicU8,
) -> Result<(Duration, Duration, Duration)> {
    let spent = || -> Result<(Duration, Duration)> {
        let database = target.database.map(cpu::spent).transpose()?;
        Ok((cpu::spent(target.server)?, database.unwrap_or_default()))
    };
    sleep(load.warm_up).await;
    let (server, database) = spent()?;
    let start = Instant::now();
    phase.store(MEASURED, Ordering::Relaxed);
    sleep(load.measured).await;
    phase.store(OVER, Ordering::Relaxed);
    let wall = start.elapsed();
    let (server_after, database_after) = spent()?;
    Ok((wall, server_after.saturating_sub(server), database_after.saturating_sub(database)))
}

async fn work(
    task: Task,
    port: u16,
    pause: Duration,
    phase: Arc<AtomicU8>,
) -> Result<Histogram<u64>> {
    let mut connection = Connection::open(port).await?;
    let mut chain = match task {
        Task::ClientCredentials => String::new(),
        Task::Refresh(_) => session(&mut connection).await?,
    };
    let mut latency = histogram();
    loop {
        let ask = ask(task, &chain);
        let asked = Instant::now();
        let reply = connection.demand(ask).await?;
        let waited = asked.elapsed();
        match phase.load(Ordering::Relaxed) {
            OVER => return Ok(latency),
            MEASURED => latency.saturating_record(micros(waited)),
            _ => {}
        }
        follow(task, &reply, &mut chain)?;
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
}

fn ask(task: Task, chain: &str) -> Ask {
    match task {
        Task::ClientCredentials => Door::client_credentials(),
        Task::Refresh(door) => door.refresh(chain),
    }
}

/// Looks at what was granted, and takes the chain's next token from it.
fn follow(task: Task, reply: &[u8], chain: &mut String) -> Result<()> {
    let granted: Granted<'_> = serde_json::from_slice(reply).context("reading a grant")?;
    granted.access_token.context("a grant without an access token")?;
    if let Task::Refresh(_) = task {
        let next = granted.refresh_token.context("a grant without a refresh token")?;
        anyhow::ensure!(next != chain, "the refresh token was not rotated");
        chain.clear();
        chain.push_str(next);
    }
    Ok(())
}

/// The first refresh token of a new chain.
pub(crate) async fn session(connection: &mut Connection) -> Result<String> {
    let reply: Bytes = connection.demand(Door::session()).await?;
    let granted: Granted<'_> = serde_json::from_slice(&reply).context("reading a session")?;
    Ok(granted.refresh_token.context("a session without a refresh token")?.to_owned())
}

/// One refresh, outside any measurement; returns the token that follows.
pub(crate) async fn refresh(
    door: Door,
    connection: &mut Connection,
    token: &str,
) -> Result<String> {
    let mut chain = token.to_owned();
    let reply = connection.demand(door.refresh(token)).await?;
    follow(Task::Refresh(door), &reply, &mut chain)?;
    Ok(chain)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
