//! A program whose renewals can be seen. `docs/observability.md` is its guide.
//!
//! ```sh
//! cargo run -p unlapse-example-observability                    # metrics on http://127.0.0.1:9464/metrics
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 cargo run -p unlapse-example-observability
//! ```
//!
//! It calls a small API with a token that lives for four seconds. The server of both is in the program
//! too, and is out of order for every fourth request for a token.
#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::disallowed_methods, reason = "a program owns its runtime")]

mod server;
mod telemetry;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;
use tracing::Instrument as _;
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{Builder, Endpoints, Error, Key, Login, ServerExchange, TokenSource};
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

use server::Server;
use telemetry::Telemetry;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // Before there is a runtime: the exporter has one of its own.
    let telemetry = Telemetry::start()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let ended = runtime.block_on(run(&telemetry));
    drop(runtime);
    // Without this, the last spans are lost.
    telemetry.end()?;
    ended
}

async fn run(telemetry: &Telemetry) -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    let directory = std::env::var_os("DIRECTORY").map(PathBuf::from);
    let server = Server::start().await?;
    let source = source(&server, directory.as_deref().unwrap_or(scratch.path())).await?;

    let listen = std::env::var("METRICS").unwrap_or_else(|_| "127.0.0.1:9464".to_owned());
    let listener = TcpListener::bind(&listen).await?;
    println!("metrics on http://{}/metrics", listener.local_addr()?);
    let text = telemetry.metrics();
    let metrics = Router::new().route("/metrics", get(async move || text.render()));
    tokio::spawn(async { axum::serve(listener, metrics).await });

    let api = HttpSettings::default().build()?;
    let ended = tokio::signal::ctrl_c();
    tokio::pin!(ended);
    loop {
        // The span of a request: where it has to wait for a renewal, that is its child.
        let calling = call(&source, &api, &server).instrument(tracing::info_span!("request"));
        if let Err(error) = calling.await {
            tracing::warn!(%error, "the API could not be called");
        }
        tokio::select! {
            _ = &mut ended => break,
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
    }
    source.settle().await?;
    Ok(())
}

/// A login, kept in `directory` and alive from now on.
async fn source(server: &Server, directory: &Path) -> Result<TokenSource, Failure> {
    let custody = Arc::new(KeyFile::new(directory.join("unlapse.key")));
    let layout = Layout::Directory(directory.join("tokens"));
    let store = Arc::new(FileStore::new(layout, "observability-example", custody));
    let endpoints = Endpoints { issuer: Some(server.url().parse()?), ..Endpoints::default() };
    let client = unlapse::Server::public(server::CLIENT, endpoints);
    let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
    let exchange = ServerExchange::new(client, http, Arc::new(TokioClock::new()));
    let source = Builder::new(Key::new("example"), store, Arc::new(exchange)).build().await;
    let refresh_token = Some(server.open_session().await?);
    source.log_in(Login { refresh_token, ..Login::default() }).await?;
    Ok(source)
}

async fn call(source: &TokenSource, api: &reqwest::Client, server: &Server) -> Result<(), Error> {
    let bearer = source.bearer().await?;
    let url = format!("{}/hello", server.url());
    let reply = api.get(url).header("authorization", bearer.header()).send().await;
    match reply.map(|reply| reply.status().as_u16()) {
        Ok(401) => drop(source.reject(bearer.generation()).await?),
        Ok(status) => tracing::debug!(status, "the API answered"),
        Err(error) => tracing::warn!(%error, "the API did not answer"),
    }
    Ok(())
}
