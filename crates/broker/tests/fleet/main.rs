//! Nodes as real processes that are killed, paused and cut off from their database under load, and a
//! provider that counts what may not happen.
#![expect(clippy::disallowed_methods, reason = "processes go by the real clock")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what befalls whom, for who looks on"
)]

mod ends;
mod load;
mod node;
mod serving;
mod trouble;
mod words;
#[path = "../world/mod.rs"]
mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use tokio::sync::RwLock;
use tokio::task::JoinSet;
use unlapse_parts::{Cable, Fault, LoggedIn, Postgres, Provider, Rotation, Tally, Terms};

use self::load::{Given, Load, user};
use self::trouble::{Home, Trouble};
use self::words::{Answer, Ask};

/// Longer than a lease, so that what a dead node has left in doubt is asked for again in time (R7).
const GRACE: Duration = Duration::from_secs(30);

/// All is well again by then, once nothing befalls anybody: a token's life and its retries.
const HEALED: Duration = Duration::from_secs(60);

/// How long nodes are in trouble: a minute, unless `UNLAPSE_FLEET_SECONDS` says otherwise.
fn duration() -> Duration {
    let said = std::env::var("UNLAPSE_FLEET_SECONDS").ok();
    Duration::from_secs(said.map_or(60, |said| said.parse().expect("a number of seconds")))
}

/// The node, when this test is started as one.
#[test]
#[ignore = "started by the others"]
fn child_node() {
    serving::run();
}

#[test]
fn x1_three_nodes_of_which_one_is_always_in_trouble_lose_nothing() {
    let Some(postgres) = Postgres::own() else { return };
    let database = postgres.fresh_database();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut fleet = Fleet::new(["one", "two", "three"].map(|name| {
        let cable = Cable::to(postgres.port());
        let (direct, own) = (format!(":{}/", postgres.port()), format!(":{}/", cable.port()));
        (name, database.replace(&direct, &own), Some(cable))
    }));
    runtime.block_on(fleet.start(300));
    let load = runtime.block_on(async { fleet.load(24, Duration::from_millis(50)) });
    runtime.block_on(fleet.suffer_in_turn());
    let given = runtime.block_on(load.stop());
    runtime.block_on(fleet.judge(&given));
}

#[test]
fn x2_a_node_on_sqlite_that_is_killed_all_the_time_loses_nothing() {
    if !unlapse_parts::is_full() {
        return;
    }
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("broker.db").to_string_lossy().into_owned();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut fleet = Fleet::new([("one", file, None)]);
    runtime.block_on(fleet.start(60));
    let load = runtime.block_on(async { fleet.load(12, Duration::from_millis(20)) });
    runtime.block_on(fleet.die_all_the_time());
    let given = runtime.block_on(load.stop());
    runtime.block_on(fleet.judge(&given));
}

struct Fleet {
    homes: Vec<Arc<Home>>,
    provider: Arc<Provider>,
    logins: Arc<Vec<LoggedIn>>,
    // Last: nodes end before their folders do.
    _spools: Vec<tempfile::TempDir>,
}

impl Fleet {
    fn new<const N: usize>(nodes: [(&'static str, String, Option<Cable>); N]) -> Self {
        let provider = Arc::new(Provider::start(Terms {
            rotation: Rotation::Grace(GRACE),
            access_ttl: Duration::from_secs(20),
            delay: Duration::from_millis(5),
            ..Terms::default()
        }));
        let spools: Vec<_> =
            nodes.iter().map(|_| tempfile::tempdir().expect("a directory")).collect();
        let homes = nodes.into_iter().zip(&spools).map(|((name, database, cable), spool)| {
            let environment = vec![
                (node::NAME, name.to_owned()),
                (node::DATABASE, database),
                (node::TOKEN_ENDPOINT, provider.token_endpoint(name)),
                (node::REUSE, format!("grace:{}s", GRACE.as_secs())),
                (node::FOLDER, spool.path().to_string_lossy().into_owned()),
            ];
            let place = Arc::new(RwLock::new(None));
            Arc::new(Home { name: name.to_owned(), place, cable, environment })
        });
        let homes = homes.collect();
        Self { homes, provider, logins: Arc::default(), _spools: spools }
    }

    /// Starts every node, brings so many connections, and lets the provider be as providers are.
    async fn start(&mut self, logins: usize) {
        for home in &self.homes {
            home.start().await;
        }
        let mut brought = Vec::new();
        for _ in 0..logins {
            let login = self.provider.log_in();
            let ask = Ask::Put {
                user: user(login.family),
                access_token: login.access_token.clone(),
                refresh_token: login.refresh_token.clone(),
                expires_in: login.expires_in.as_secs(),
            };
            assert_eq!(self.ask(0, ask).await, Some(Answer::Done));
            brought.push(login);
        }
        self.logins = Arc::new(brought);
        let limited = Fault::Limited(Duration::from_secs(1));
        let slow = Fault::Slow(Duration::from_secs(2));
        let faults = vec![Fault::Unavailable, limited, Fault::Page, Fault::LostReply, slow];
        self.provider.weather(50, faults, 42);
    }

    async fn ask(&self, home: usize, ask: Ask) -> Option<Answer> {
        let node = self.homes[home].place.read().await.clone()?;
        node.ask(ask, Duration::from_secs(15)).await
    }

    fn load(&self, callers: u64, pause: Duration) -> Load {
        let places: Vec<_> = self.homes.iter().map(|home| Arc::clone(&home.place)).collect();
        Load::start(&places, &self.provider, &self.logins, callers, pause)
    }

    /// Every ten seconds something else befalls the next node.
    async fn suffer_in_turn(&self) {
        let (start, mut all) = (Instant::now(), JoinSet::new());
        for turn in 0.. {
            if start.elapsed() >= duration() {
                break;
            }
            let home = Arc::clone(&self.homes[turn % self.homes.len()]);
            let trouble = Trouble::ALL[turn % Trouble::ALL.len()];
            let provider = Arc::clone(&self.provider);
            eprintln!("{:>3} s: {} is {trouble:?}", start.elapsed().as_secs(), home.name);
            all.spawn(async move { home.suffer(trouble, &provider).await });
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        while let Some(ended) = all.join_next().await {
            ended.expect("trouble passes");
        }
    }

    /// Killed again as soon as it has done a little, each time a little later in what it does.
    async fn die_all_the_time(&self) {
        let (start, home) = (Instant::now(), &self.homes[0]);
        let mut deaths = 0;
        while start.elapsed() < duration() {
            let life = Duration::from_millis(50 + deaths * 137 % 1500);
            tokio::time::sleep(life).await;
            self.provider.in_trouble(&home.name);
            home.kill().await;
            home.start().await;
            self.provider.is_well(&home.name);
            deaths += 1;
        }
        eprintln!("{deaths} deaths");
    }

    /// All is well again: nothing may be lost, and nothing may have been done twice.
    async fn judge(&self, given: &Given) {
        self.provider.weather(0, Vec::new(), 0);
        let start = Instant::now();
        for (nth, login) in self.logins.iter().enumerate() {
            if !self.provider.is_alive(login.family) {
                let sent = self.provider.journal(login.family);
                let last = sent.iter().rev().take(12).rev();
                let last: Vec<_> = last.map(ToString::to_string).collect();
                print(given, &self.provider.tally());
                panic!("{} was revoked:\n{}", user(login.family), last.join("\n"));
            }
            while let Err(told) = self.is_well(nth, login).await {
                assert!(start.elapsed() < HEALED, "{}: {told}", user(login.family));
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        let tally = self.provider.tally();
        print(given, &tally);
        assert_eq!((tally.doubles, tally.families_revoked), (0, 0), "{tally:?}");
        assert_eq!(given.bad.load(Relaxed), 0, "tokens that were not good when they were given");
        // It was a test.
        assert!(given.tokens.load(Relaxed) > 1000 && tally.grants > 500, "{tally:?}");
    }

    /// Whether a connection gives a good token, at any node.
    async fn is_well(&self, nth: usize, login: &LoggedIn) -> Result<(), String> {
        let user = user(login.family);
        let home = nth % self.homes.len();
        let ask = Ask::Token { user: user.clone(), min_ttl: Some(1), force: false };
        match self.ask(home, ask).await {
            Some(Answer::Token(token)) if self.provider.is_valid(&token) => {}
            other => return Err(format!("{other:?}")),
        }
        match self.ask(home, Ask::State { user }).await {
            Some(Answer::State(state)) if state == "active" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }
}

/// For whoever looks on, and for the page of measurements.
fn print(given: &Given, tally: &Tally) {
    let problems: u64 = given.problems().values().sum();
    let span = format!("{} s", duration().as_secs());
    println!("| {:<48} | {span:>8} |\n| {:-<48} | {:->8} |", "always one in trouble", "", ":");
    for (what, count) in [
        ("tokens handed out", given.tokens.load(Relaxed)),
        ("… that were not good at that moment", given.bad.load(Relaxed)),
        ("asked of a node that was gone, or did not answer", given.nothing.load(Relaxed)),
        ("told to come back", problems),
        ("renewals", tally.grants),
        ("… sent again by need", tally.replays),
        ("… sent again without any: double refreshes", tally.doubles),
        ("faults of the provider", tally.faults),
        ("families revoked", tally.families_revoked),
    ] {
        println!("| {what:<48} | {count:>8} |");
    }
    println!("problems: {:?}; the slowest token after {:?}", given.problems(), given.slowest());
}
