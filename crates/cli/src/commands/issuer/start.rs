//! The server itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use unlapse::Clock as _;
use unlapse::tokio::TokioClock;
use unlapse_issuer::{BadKeys, Issuer, NotOpened, Store};

use super::described::Described;
use super::settings::Settings;
use super::{Run, dev, failure};
use crate::commands::running::block_on_threads;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::serving::{self, Bounds};
use crate::{signals, terminal};

/// So often it looks whether another node has made the first keys.
const TRIES: usize = 30;

/// No answer of an issuer takes a second.
const BOUNDS: Bounds =
    Bounds { longest: Duration::from_secs(30), farewell: Duration::from_secs(10) };

pub(super) fn run(run: &Run<'_>) -> Result<Exit, Diagnosis> {
    let settings = run.settings()?;
    block_on_threads(start(run, &settings))
}

async fn start(run: &Run<'_>, settings: &Settings) -> Result<Exit, Diagnosis> {
    let described = Described::read(settings, &run.environment)?;
    let tls = settings.tls(&run.environment)?;
    if settings.database.is_none() {
        return Err(failure::no_database());
    }
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.map_err(|error| failure::cannot_listen(settings.listen, &error))?;
    let listening = listener.local_addr();
    let listening = listening.map_err(|error| failure::cannot_listen(settings.listen, &error))?;
    let url = settings.url(listening)?;
    // Nothing is made for an issuer that cannot be.
    described.builder(settings, &url)?.check().map_err(failure::configuration)?;
    // First the peppers: a store without them is of no use to anybody.
    settings.peppers()?;
    let store = settings.store().await?;
    let issuer = open(settings, &described, &url, &store).await?;

    let (stop, stopped) = oneshot::channel::<()>();
    #[expect(clippy::disallowed_methods, reason = "the server owns its runtime")]
    let housekeeping = tokio::spawn(issuer.housekeeping(async { drop(stopped.await) }));
    say(run, settings, &url, listening);
    serving::serve(listener, tls, issuer.router(), BOUNDS, async {
        signals::interrupted().await;
        tracing::info!("finishing what is under way");
    })
    .await;
    drop(stop);
    // It has written what it had to, or has had the time that it takes for that.
    let _ = housekeeping.await;
    Ok(Exit::Ok)
}

fn say(run: &Run<'_>, settings: &Settings, url: &str, listening: std::net::SocketAddr) {
    if run.common.json {
        terminal::data(&format!("{}\n", json!({ "issuer": url, "listening": listening })));
    } else if settings.dev && !run.common.quiet {
        terminal::note(&dev::guide(url));
    }
    if !run.common.quiet {
        terminal::note(&format!("{url} is served at {listening}"));
    }
}

/// Opens the issuer; where another node is making the first keys, waits for them.
async fn open(
    settings: &Settings,
    described: &Described,
    url: &str,
    store: &Arc<dyn Store>,
) -> Result<Issuer, Diagnosis> {
    for _ in 0..TRIES {
        let builder = described.builder(settings, url)?.store(Arc::clone(store));
        match builder.peppers(settings.peppers()?).open().await {
            Err(NotOpened::Keys(BadKeys::BeingMade)) => {
                TokioClock::new().sleep(Duration::from_secs(1)).await;
            }
            opened => return opened.map_err(failure::not_opened),
        }
    }
    Err(failure::keys(&BadKeys::BeingMade))
}
