//! Two nodes with stores of their own on one database.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio::task::{JoinHandle, JoinSet};
use unlapse_core::UnixTime;
use unlapse_issuer::{
    Client, Clock, Issuer, IssuerBuilder, MemoryClients, Pepper, Peppers, PostgresClock,
    PostgresOptions, PostgresStore, RateLimits, SqliteStore, Store, system_clock,
};
use unlapse_parts::Postgres;

use crate::server::{FORM, Reply, ask, ask_over, refresh_form, scopes};

/// A pepper of that name.
pub(crate) fn pepper(kid: &str) -> Pepper {
    Pepper::new(kid, &[kid.as_bytes()[0]; 32]).expect("valid")
}

/// An issuer that listens. Stops when it is dropped.
pub(crate) struct Node {
    pub(crate) issuer: Issuer,
    pub(crate) address: SocketAddr,
    pub(crate) store: Arc<dyn Store>,
    serving: JoinHandle<()>,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Node {
    /// Knows the public clients `app` and `other`; its tokens are those of every node here.
    pub(crate) async fn start(
        store: Arc<dyn Store>,
        clock: Clock,
        configure: impl FnOnce(IssuerBuilder) -> IssuerBuilder,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let public = |id| Client::public(id).with_scopes(scopes("read write"));
        let builder = Issuer::builder("https://id.example")
            .clock(clock)
            .store(Arc::clone(&store))
            .clients(Arc::new(MemoryClients::new([public("app"), public("other")])))
            .peppers(Peppers::new(pepper("a")))
            // The races come from one address, thousands a minute.
            .rate_limits(RateLimits::off());
        let issuer = configure(builder).open().await.expect("a valid configuration");
        let router = issuer.router().into_make_service_with_connect_info::<SocketAddr>();
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves until it is aborted");
        });
        Self { issuer, address, store, serving }
    }

    pub(crate) async fn login(&self) -> String {
        let opened = self.issuer.open_session("user-1", "app", scopes("read write")).await;
        let token = opened.expect("opened").refresh_token.expect("a session has one");
        token.expose().to_owned()
    }

    pub(crate) async fn refresh(&self, refresh_token: &str) -> Reply {
        let form = refresh_form(refresh_token);
        ask(self.address, "POST", "/token", &[FORM], form.as_bytes()).await
    }
}

/// Two nodes, and what their database lies in.
pub(crate) struct Fleet {
    pub(crate) name: &'static str,
    pub(crate) nodes: [Node; 2],
    clock: Option<Arc<AtomicU64>>,
    _folder: Option<tempfile::TempDir>,
}

/// Waits that are long enough for a machine that builds and tests much else.
pub(crate) fn patient() -> PostgresOptions {
    const LONG: Duration = Duration::from_secs(30);
    PostgresOptions {
        connections: 8,
        wait: LONG,
        connect: LONG,
        lock: LONG,
        statement: LONG,
        ..PostgresOptions::default()
    }
}

impl Fleet {
    /// One on each database, by the clocks of production: of SQLite the machine's, of `PostgreSQL`
    /// the server's.
    pub(crate) async fn every() -> Vec<Self> {
        Self::every_with(|_, builder| builder).await
    }

    /// The same; `configure` is told which of the two nodes it is.
    pub(crate) async fn every_with(
        configure: impl Fn(usize, IssuerBuilder) -> IssuerBuilder,
    ) -> Vec<Self> {
        let mut fleets = vec![Self::sqlite(None, &configure).await];
        if let Some(postgres) = Postgres::shared() {
            let url = postgres.fresh_database();
            fleets.push(Self::postgres(&url, patient(), None, &configure).await);
        }
        fleets
    }

    /// One on each database, with a clock that the test sets.
    pub(crate) async fn every_timed(
        configure: impl Fn(usize, IssuerBuilder) -> IssuerBuilder,
    ) -> Vec<Self> {
        let clock = || Some(Arc::new(AtomicU64::new(1_800_000_000_000)));
        let mut fleets = vec![Self::sqlite(clock(), &configure).await];
        if let Some(postgres) = Postgres::shared() {
            let options = PostgresOptions { clock: PostgresClock::Caller, ..patient() };
            let url = postgres.fresh_database();
            fleets.push(Self::postgres(&url, options, clock(), &configure).await);
        }
        fleets
    }

    async fn sqlite(
        clock: Option<Arc<AtomicU64>>,
        configure: &impl Fn(usize, IssuerBuilder) -> IssuerBuilder,
    ) -> Self {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("db");
        let store = || Arc::new(SqliteStore::open(&path).expect("opened")) as Arc<dyn Store>;
        let nodes = [
            Node::start(store(), clock_of(clock.as_ref()), |builder| configure(0, builder)).await,
            Node::start(store(), clock_of(clock.as_ref()), |builder| configure(1, builder)).await,
        ];
        Self { name: "SQLite", nodes, clock, _folder: Some(folder) }
    }

    pub(crate) async fn postgres(
        url: &str,
        options: PostgresOptions,
        clock: Option<Arc<AtomicU64>>,
        configure: &impl Fn(usize, IssuerBuilder) -> IssuerBuilder,
    ) -> Self {
        let store = async || {
            let store = PostgresStore::connect(url, options).await.expect("connected");
            Arc::new(store) as Arc<dyn Store>
        };
        let now = || clock_of(clock.as_ref());
        let nodes = [
            Node::start(store().await, now(), |builder| configure(0, builder)).await,
            Node::start(store().await, now(), |builder| configure(1, builder)).await,
        ];
        Self { name: "PostgreSQL", nodes, clock, _folder: None }
    }

    /// Time goes by.
    pub(crate) fn pass(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).expect("a test's time");
        self.clock.as_ref().expect("a clock that is set").fetch_add(millis, SeqCst);
    }

    /// Sends every form at the same moment, in turn to the one and the other node: the connections
    /// stand before the first byte is written. The replies are in the order of the forms.
    pub(crate) async fn at_once(&self, forms: Vec<(&'static str, String)>) -> Vec<Reply> {
        let barrier = Arc::new(Barrier::new(forms.len()));
        let mut asking = JoinSet::new();
        for (place, (path, form)) in forms.into_iter().enumerate() {
            let (barrier, address) = (Arc::clone(&barrier), self.nodes[place % 2].address);
            asking.spawn(async move {
                let stream = TcpStream::connect(address).await.expect("the node listens");
                barrier.wait().await;
                (place, ask_over(stream, "POST", path, &[FORM], form.as_bytes()).await)
            });
        }
        let mut replies = asking.join_all().await;
        replies.sort_by_key(|(place, _)| *place);
        replies.into_iter().map(|(_, reply)| reply).collect()
    }

    /// Rotations, replays, ended sessions and refusals of both nodes.
    pub(crate) fn counts(&self) -> [u64; 4] {
        let [one, other] = [0, 1].map(|node: usize| self.nodes[node].issuer.counts());
        [
            one.rotations + other.rotations,
            one.replays + other.replays,
            one.families_revoked + other.families_revoked,
            one.rejections + other.rejections,
        ]
    }
}

/// The machine's, unless the test sets one.
fn clock_of(set: Option<&Arc<AtomicU64>>) -> Clock {
    match set.cloned() {
        Some(clock) => Arc::new(move || UnixTime::from_millis(clock.load(SeqCst))),
        None => system_clock(),
    }
}
