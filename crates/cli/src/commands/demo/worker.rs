//! One worker of the demo: a real process with tasks that call an API through a shared store.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{
    Builder, Clock as _, Endpoints, Error, Event, Key, Policy, Server, ServerExchange, TokenSource,
};
use unlapse_core::{Dice, Reuse};
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

use super::{GRACE, arena};
use crate::args::DemoWorkerArguments;
use crate::commands::running::block_on;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

/// The word that makes this process a worker.
pub(crate) const COMMAND: &str = "demo-worker";
/// Tasks that share one token source in each worker.
const TASKS: u64 = 4;
/// Between two lines to the parent.
const TELL: Duration = Duration::from_millis(100);

/// What a worker tells of itself, a line at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    /// Requests that the API answered with 200.
    pub(super) requests: u64,
    /// Requests that it answered with 401.
    pub(super) unauthorized: u64,
    /// Renewals that this worker made itself.
    pub(super) renewals: u64,
    /// Callers that were cancelled while they waited.
    pub(super) cancelled: u64,
    /// Calls that got no token in time; they tried again.
    pub(super) waits: u64,
    /// The token that it has.
    pub(super) generation: u64,
}

#[derive(Default)]
struct Counters {
    requests: AtomicU64,
    unauthorized: AtomicU64,
    renewals: AtomicU64,
    cancelled: AtomicU64,
    waits: AtomicU64,
    generation: AtomicU64,
}

impl Counters {
    fn tally(&self) -> Tally {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally {
            requests: read(&self.requests),
            unauthorized: read(&self.unauthorized),
            renewals: read(&self.renewals),
            cancelled: read(&self.cancelled),
            waits: read(&self.waits),
            generation: read(&self.generation),
        }
    }
}

pub(crate) fn run(arguments: &DemoWorkerArguments) -> Result<Exit, Diagnosis> {
    block_on(work(arguments))
}

/// The store that all workers share.
pub(super) fn store(dir: &std::path::Path) -> FileStore {
    let custody = Arc::new(KeyFile::new(dir.join("unlapse.key")));
    FileStore::new(Layout::Directory(dir.join("store")), "demo", custody)
}

/// A source of the demo's token.
pub(super) fn builder(store: FileStore, token_endpoint: &str) -> Result<Builder, Diagnosis> {
    let token = token_endpoint.parse().map_err(|_| super::impossible(&Unusable))?;
    let server =
        Server::public(arena::CLIENT, Endpoints { token: Some(token), ..Endpoints::default() });
    let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    let exchange = ServerExchange::new(server, http, Arc::new(TokioClock::new()));
    // The defaults, in the proportion of five seconds to an hour.
    let policy = Policy {
        reuse: Reuse::Grace(GRACE),
        trust: Duration::from_millis(500),
        round: Duration::from_millis(300),
        base_delay: Duration::from_millis(100),
        exchange_deadline: Duration::from_secs(4),
        ..Policy::default()
    };
    Ok(Builder::new(Key::new("demo"), Arc::new(store), Arc::new(exchange)).policy(policy))
}

async fn work(arguments: &DemoWorkerArguments) -> Result<Exit, Diagnosis> {
    let counters = Arc::new(Counters::default());
    let seen = Arc::clone(&counters);
    let source = builder(store(&arguments.store), &arguments.token_endpoint)?
        .observer(Arc::new(move |_, event| {
            if let Event::Renewed { .. } = event {
                seen.renewals.fetch_add(1, Ordering::Relaxed);
            }
        }))
        .build()
        .await;
    let client = HttpSettings::default().build().map_err(|error| super::impossible(&error))?;
    for task in 0..TASKS {
        let caller = Caller {
            source: source.clone(),
            client: client.clone(),
            api: format!("{}/api/hello", arguments.api),
            counters: Arc::clone(&counters),
            dice: Dice::new(arguments.seed ^ (u64::from(arguments.number) << 32) ^ task),
        };
        #[expect(clippy::disallowed_methods, reason = "the demo owns its runtime")]
        tokio::spawn(caller.run());
    }
    // Ends when the parent kills it, or is gone and reads no more.
    loop {
        TokioClock::new().sleep(TELL).await;
        let line = serde_json::to_string(&counters.tally()).unwrap_or_default();
        let mut stdout = std::io::stdout().lock();
        if writeln!(stdout, "{line}").and_then(|()| stdout.flush()).is_err() {
            return Ok(Exit::Ok);
        }
    }
}

/// A task that calls the API for ever.
struct Caller {
    source: TokenSource,
    client: ::reqwest::Client,
    api: String,
    counters: Arc<Counters>,
    dice: Dice,
}

impl Caller {
    async fn run(mut self) {
        let clock = TokioClock::new();
        loop {
            clock.sleep(Duration::from_millis(5 + self.dice.roll() % 40)).await;
            if self.dice.roll().is_multiple_of(10) {
                self.give_up_early(&clock).await;
                continue;
            }
            let count = match self.call().await {
                Ok(count) => count,
                Err(_) => &self.counters.waits,
            };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A caller that asks for a token, forces a renewal now and then, and is dropped at once.
    async fn give_up_early(&mut self, clock: &TokioClock) {
        let patience = Duration::from_millis(self.dice.roll() % 4);
        let force = self.dice.roll().is_multiple_of(50);
        let call = async {
            if force {
                return self.source.force_refresh().await.map(drop);
            }
            self.source.bearer().await.map(drop)
        };
        tokio::select! {
            biased;
            () = clock.sleep(patience) => {
                self.counters.cancelled.fetch_add(1, Ordering::Relaxed);
            }
            _ = call => {}
        }
    }

    async fn call(&self) -> Result<&AtomicU64, Error> {
        let bearer = self.source.bearer().await?;
        self.counters.generation.store(bearer.generation(), Ordering::Relaxed);
        let request = self.client.get(&self.api).header("authorization", bearer.into_header());
        Ok(match request.send().await {
            Ok(response) if response.status() == 401 => &self.counters.unauthorized,
            Ok(response) if response.status() == 200 => &self.counters.requests,
            _ => &self.counters.waits,
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the token endpoint is no URL")]
struct Unusable;
