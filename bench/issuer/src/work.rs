//! All that is measured, in order.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::process::{getpriority_process, setpriority_process};
use tokio::runtime::Runtime;
use unlapse_bench_report::Samples;
use unlapse_issuer::Algorithm;

use crate::connection::Connection;
use crate::contest::{self, Entrant, Figures};
use crate::database::{Cluster, Database};
use crate::door::Door;
use crate::load::{self, Load, Task};
use crate::ours::{self, NAME};
use crate::peers::{oidc_provider, simplejwt};
use crate::race::{self, Tally};
use crate::server::Server;
use crate::signature::Signer;

/// Measurements of each figure.
pub(crate) const ROUNDS: usize = 5;
/// Connections that load a server.
pub(crate) const CONNECTIONS: usize = 16;
/// Measurements of refreshes one by one.
const IDLE_ROUNDS: usize = 3;
/// Tokens that are raced for.
pub(crate) const RACES: usize = 200;
/// Refreshes whose statements are counted.
const COUNTED: u64 = 100;

/// As much as a server can do.
const FULL: Load = Load {
    connections: CONNECTIONS,
    pause: Duration::ZERO,
    warm_up: Duration::from_secs(1),
    measured: Duration::from_secs(4),
};
/// One user: a refresh now and then, and nobody else.
const IDLE: Load = Load {
    connections: 1,
    pause: Duration::from_millis(10),
    warm_up: Duration::from_millis(500),
    measured: Duration::from_secs(8),
};
/// Signing is all processor: no longer than it needs.
const SIGNING: Duration = Duration::from_millis(500);

/// What was found.
pub(crate) struct Results {
    /// Client credentials, an algorithm each.
    pub(crate) grants: Vec<Grants>,
    /// Refreshes in memory.
    pub(crate) memory: Vec<(String, Figures)>,
    /// Refreshes that are on the disk when they are answered.
    pub(crate) durable: Vec<(String, Figures)>,
    /// Statements of one refresh, for those that ask `PostgreSQL`.
    pub(crate) statements: Vec<(String, f64)>,
    /// Refreshes one by one.
    pub(crate) idle: Vec<(String, Figures)>,
    pub(crate) races: Vec<(String, Tally)>,
    pub(crate) notes: Notes,
}

/// Client credentials under one algorithm.
pub(crate) struct Grants {
    pub(crate) algorithm: Algorithm,
    /// Signatures per second of processor time, without any issuer around them.
    pub(crate) signature: Samples,
    pub(crate) servers: Vec<(String, Figures)>,
}

/// What the figures belong to.
pub(crate) struct Notes {
    pub(crate) oidc_provider: String,
    pub(crate) simplejwt: String,
    pub(crate) postgresql: String,
    pub(crate) file_system: String,
    /// Processes that wanted a processor, on average of a minute, before anything was measured.
    pub(crate) load_before: String,
    /// And after everything but what is undisturbed was.
    pub(crate) load_after: String,
}

/// Measures everything. It takes some minutes; what goes on is told on standard error.
pub(crate) fn measure() -> Result<Results> {
    let load_before = load_average()?;
    let runtime = Runtime::new()?;
    let algorithms = [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256];
    let grants = algorithms.into_iter().map(|algorithm| runtime.block_on(grants(algorithm)));
    let grants = grants.collect::<Result<_>>()?;
    let memory = runtime.block_on(memory())?;
    let cluster = Cluster::start()?;
    let durable = runtime.block_on(durable(&cluster))?;
    let statements = runtime.block_on(statements(&cluster))?;
    let races = runtime.block_on(races(&cluster))?;
    let notes = Notes {
        oidc_provider: oidc_provider::name()?,
        simplejwt: simplejwt::name()?,
        postgresql: cluster.version(),
        file_system: cluster.file_system()?,
        load_before,
        load_after: load_average()?,
    };
    drop((runtime, cluster));
    let idle = undisturbed(|| {
        let cluster = Cluster::start()?;
        Runtime::new()?.block_on(idle(&cluster))
    })?;
    Ok(Results { grants, memory, durable, statements, idle, races, notes })
}

/// Does `work` before all others on the machine, where that is allowed, as if it were idle. It has
/// to make its own threads and processes: they inherit it.
fn undisturbed<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = getpriority_process(None)?;
    // Not allowed to everybody: then it is as loud as it is.
    setpriority_process(None, -15).ok();
    let done = work();
    setpriority_process(None, before).ok();
    done
}

async fn grants(algorithm: Algorithm) -> Result<Grants> {
    say(&format!("client credentials, {}", algorithm.as_str()));
    let task = Task::ClientCredentials;
    let mut signer = Signer::new(algorithm)?;
    let mut signature = Samples::default();
    let entrants = vec![
        Entrant::new(NAME, task, ours::in_memory(algorithm)?),
        Entrant::new("oidc-provider", task, oidc_provider::start(algorithm.as_str())?),
    ];
    for _ in 0..ROUNDS {
        signature.push(signer.rate(SIGNING)?);
    }
    let servers = contest::run(entrants, FULL, ROUNDS).await?;
    Ok(Grants { algorithm, signature, servers })
}

/// The servers whose refreshes end with the process.
fn all_in_memory() -> Result<Vec<(String, Server)>> {
    let algorithm = Algorithm::EdDsa;
    Ok(vec![
        (format!("{NAME}, in memory"), ours::in_memory(algorithm)?),
        ("oidc-provider, in memory".to_owned(), oidc_provider::start(algorithm.as_str())?),
    ])
}

async fn memory() -> Result<Vec<(String, Figures)>> {
    say("refreshes in memory");
    let entrants = all_in_memory()?.into_iter();
    let entrants =
        entrants.map(|(name, server)| Entrant::new(name, Task::Refresh(Door::OAuth), server));
    contest::run(entrants.collect(), FULL, ROUNDS).await
}

/// A server whose refreshes are on the disk when they are answered.
struct Durable {
    name: String,
    door: Door,
    server: Server,
    database: Option<Database>,
}

impl Durable {
    fn entrant(self) -> Entrant {
        Entrant::new(self.name, Task::Refresh(self.door), self.server)
    }
}

fn all_durable(cluster: &Cluster) -> Result<Vec<Durable>> {
    let (ours, theirs) = (cluster.database(), cluster.database());
    Ok(vec![
        Durable {
            name: format!("{NAME}, PostgreSQL"),
            door: Door::OAuth,
            server: ours::on_postgres(&ours)?,
            database: Some(ours),
        },
        Durable {
            name: format!("{NAME}, SQLite"),
            door: Door::OAuth,
            server: ours::on_sqlite()?,
            database: None,
        },
        Durable {
            name: "simplejwt, PostgreSQL".to_owned(),
            door: Door::SimpleJwt,
            server: simplejwt::start(&theirs)?,
            database: Some(theirs),
        },
    ])
}

async fn durable(cluster: &Cluster) -> Result<Vec<(String, Figures)>> {
    say("refreshes on the disk");
    let entrants = all_durable(cluster)?.into_iter().map(Durable::entrant).collect();
    contest::run(entrants, FULL, ROUNDS).await
}

async fn statements(cluster: &Cluster) -> Result<Vec<(String, f64)>> {
    say("statements of a refresh");
    let mut found = Vec::new();
    for durable in all_durable(cluster)? {
        let Some(database) = &durable.database else { continue };
        let mut connection = Connection::open(durable.server.target().port).await?;
        let mut token = load::session(&mut connection).await?;
        // Whatever is asked once only, of a connection or of a process, has been asked then.
        for _ in 0..COUNTED {
            token = load::refresh(durable.door, &mut connection, &token).await?;
        }
        let before = cluster.statements(database)?;
        for _ in 0..COUNTED {
            token = load::refresh(durable.door, &mut connection, &token).await?;
        }
        let made = cluster.statements(database)? - before;
        found.push((durable.name, made as f64 / COUNTED as f64));
    }
    Ok(found)
}

async fn idle(cluster: &Cluster) -> Result<Vec<(String, Figures)>> {
    say("refreshes one by one");
    let mut entrants: Vec<_> = all_durable(cluster)?.into_iter().map(Durable::entrant).collect();
    for (name, server) in all_in_memory()? {
        entrants.push(Entrant::new(name, Task::Refresh(Door::OAuth), server));
    }
    contest::run(entrants, IDLE, IDLE_ROUNDS).await
}

async fn races(cluster: &Cluster) -> Result<Vec<(String, Tally)>> {
    say("races");
    let mut racers: Vec<_> = all_durable(cluster)?
        .into_iter()
        .map(|durable| (durable.name, durable.door, durable.server))
        .collect();
    let in_memory = all_in_memory()?.into_iter();
    racers.extend(in_memory.map(|(name, server)| (name, Door::OAuth, server)));
    let mut found = Vec::new();
    for (name, door, server) in racers {
        let tally = race::run(door, server.target().port, RACES).await;
        let tally = tally.with_context(|| format!("racing {name}"))?;
        found.push((name, tally));
    }
    Ok(found)
}

fn load_average() -> Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

fn say(what: &str) {
    eprintln!("measuring: {what}");
}
