//! The server itself.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio_rustls::TlsAcceptor;
use unlapse_broker::Broker;
use unlapse_broker::http::Draining;
use unlapse_oauth::Endpoint;

use super::first_key::{self, FirstKey, Place, TENANT};
use super::settings::Settings;
use super::{Run, failure, metrics, routes};
use crate::commands::running::block_on_threads;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::serving::{self, Bounds};
use crate::{signals, terminal};

/// A renewal that was asked for takes so long at most: ten retries, a minute apart.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Metrics and health are told at once.
const SHORT: Duration = Duration::from_secs(10);

pub(super) fn run(run: &Run<'_>, settings: &Settings) -> Result<Exit, Diagnosis> {
    block_on_threads(start(run, settings))
}

async fn start(run: &Run<'_>, settings: &Settings) -> Result<Exit, Diagnosis> {
    let tls = settings.tls(&run.environment)?;
    // Nothing is made for a broker that cannot be.
    settings.catalogue()?;
    let proxies = serving::proxies(&settings.file.proxies);
    let proxies = proxies.map_err(|error| Diagnosis::of_config(&error))?;
    let (listener, listening) = bind(settings.listen).await?;
    let url = settings.public_url(listening)?;
    let verifier = routes::verifier(settings, &url)?;
    let beside = match &settings.file.keys.metrics_listen {
        Some(set) => Some(bind(set.value).await?),
        None => None,
    };
    let metrics = metrics::recorder()?;
    let keys = settings.master_keys(settings.may_make(run.arguments.new_master_key))?;
    let made_key = keys.made;
    let broker = settings.open(keys).await?;
    let path = run.arguments.first_key_file.as_deref();
    let path = path.map(|path| run.environment.absolute(path));
    let place = Place::of(path, is_read_along(run), &settings.data);
    let first = first_key::first_key(broker.tables(), place).await?;
    let draining = Draining::default();
    let at = beside.as_ref().map(|(_, at)| *at);
    let routes = routes::all(&broker, settings, &url, verifier, &draining, &metrics);
    let routes = serving::behind(proxies, routes);
    let beside =
        beside.map(|(listener, _)| (listener, routes::beside(&broker, &draining, &metrics)));
    let first = first.as_ref();
    // From here on, a signal is heard: whoever reads that it listens may send one.
    let first_signal = signals::interrupted();
    say(run, settings, &Started { url: &url, listening, beside: at, made_key, first });
    if !broker.tables().envelope().is_whole() {
        tracing::warn!("some data keys cannot be opened with the master keys that were given");
    }
    tracing::info!(%url, %listening, node = broker.node(), "the broker has started");
    let served = Served { broker, listener, tls, routes, beside, draining };
    Box::pin(serve(settings, served, first_signal)).await;
    Ok(Exit::Ok)
}

/// Whether a person sees what is said.
fn is_read_along(run: &Run<'_>) -> bool {
    if run.common.json {
        std::io::stdout().is_terminal()
    } else {
        !run.common.quiet && std::io::stderr().is_terminal()
    }
}

async fn bind(at: SocketAddr) -> Result<(TcpListener, SocketAddr), Diagnosis> {
    let listener = TcpListener::bind(at).await;
    let listener = listener.map_err(|error| failure::cannot_listen(at, &error))?;
    let listening = listener.local_addr();
    let listening = listening.map_err(|error| failure::cannot_listen(at, &error))?;
    Ok((listener, listening))
}

/// Everything that is served.
struct Served {
    broker: Broker,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    routes: Router,
    /// Metrics and health, at an address of their own.
    beside: Option<(TcpListener, Router)>,
    draining: Draining,
}

/// Serves and renews until a signal; then ends requests first, and renewals after them. A second signal
/// ends it all at once.
async fn serve(settings: &Settings, served: Served, signal: impl Future<Output = i32>) {
    let Served { broker, listener, tls, routes, beside, draining } = served;
    let (leave, leaving) = watch::channel(false);
    let left = |mut leaving: watch::Receiver<bool>| async move {
        // A sender that is gone is an end as well.
        let _ = leaving.wait_for(|leaving| *leaving).await;
    };
    let (end_node, node_ends) = oneshot::channel::<()>();
    let bounds = Bounds { longest: LONGEST, farewell: settings.drain() };
    let requests = serving::serve(listener, tls, routes, bounds, left(leaving.clone()));
    let others = async {
        if let Some((listener, routes)) = beside {
            let bounds = Bounds { longest: SHORT, farewell: SHORT };
            serving::serve(listener, None, routes, bounds, left(leaving.clone())).await;
        }
    };
    let all = async {
        let renewals = broker.run(async { drop(node_ends.await) });
        let answers = async {
            tokio::join!(requests, others);
            tracing::info!("no request is under way: finishing renewals");
            drop(end_node);
        };
        tokio::join!(renewals, answers);
    };
    let signals = async {
        signal.await;
        let again = signals::interrupted();
        draining.begin();
        leave.send_replace(true);
        tracing::info!("finishing what is under way; once more stops at once");
        again.await
    };
    tokio::select! {
        () = all => tracing::info!("the broker has ended"),
        raised = signals => std::process::exit(128 + raised),
    }
}

/// What a person should know of a broker that has just started.
struct Started<'a> {
    url: &'a Endpoint,
    listening: SocketAddr,
    beside: Option<SocketAddr>,
    /// The master key was made just now.
    made_key: bool,
    /// The first key, of a broker that begins.
    first: Option<&'a FirstKey>,
}

fn say(run: &Run<'_>, settings: &Settings, started: &Started<'_>) {
    let Started { url, listening, beside, made_key, first } = started;
    let file = first.and_then(|first| match &first.place {
        Place::File(path) => Some(path.as_path()),
        Place::Terminal => None,
    });
    let shown = first.filter(|_| file.is_none()).map(|first| first.secret.expose());
    if run.common.json {
        let value = json!({
            "public_url": url.url().as_str(),
            "listening": listening,
            "metrics_listening": beside,
            "tenant": first.map(|_| TENANT),
            "first_key": shown,
            "first_key_file": file.map(Path::to_string_lossy),
        });
        terminal::data(&format!("{value}\n"));
        return;
    }
    if run.common.quiet {
        return;
    }
    let root = url.url().as_str().trim_end_matches('/');
    let mut text = format!("the broker is served at {listening}\n\n  API        {root}/v1\n");
    let _ = writeln!(text, "  dashboard  {root}/");
    let _ = writeln!(text, "  database   {}", settings.place_name());
    let _ = writeln!(text, "  key        {}", settings.master_key_name());
    if *made_key {
        text.push_str(
            "\nThe master key was made just now. Keep a copy of it where the database's is not: without \
             it\nnothing opens, for anybody, ever.\n",
        );
    }
    match (shown, file) {
        (_, Some(file)) => {
            let file = file.display();
            let _ = writeln!(text, "\nThe first API key, of the tenant `{TENANT}`, is in {file}.");
        }
        (Some(key), None) => {
            let _ = write!(
                text,
                "\nThe first API key, of the tenant `{TENANT}`, shown this once:\n\n  {key}\n"
            );
        }
        (None, None) => {}
    }
    if first.is_some() {
        let _ = write!(text, "\nType in another terminal:\n\n{}", guide(root, file));
    }
    terminal::note(&text);
}

/// The next three commands.
fn guide(root: &str, file: Option<&Path>) -> String {
    let key = file.map_or_else(|| "ulk_…".to_owned(), |file| format!("$(cat {})", file.display()));
    let broker = if root == super::settings::DEFAULT_URL {
        String::new()
    } else {
        format!("  export UNLAPSE_BROKER={root}\n")
    };
    format!(
        "  export UNLAPSE_BROKER_KEY={key}\n{broker}  unlapse broker apps add google --client-id ID\n  \
         unlapse broker connections connect USER/google/main\n"
    )
}
