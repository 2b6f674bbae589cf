//! Our server: the issuer's router and nothing else, in a process of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use unlapse_core::Secret;
use unlapse_issuer::{
    Algorithm, Client, GrantType, Issuer, MemoryClients, MemoryStore, PostgresOptions,
    PostgresStore, Rate, RateLimits, Scopes, SqliteStore, Store,
};

use crate::database::DATABASE_URL;
use crate::door::{APP, JOB, SECRET, SESSION};

/// The first argument that makes this program a server.
pub(crate) const MODE: &str = "serve";

/// Serves until standard input closes: `<algorithm> <store>`.
pub(crate) fn run(words: &[&str]) -> Result<()> {
    let [algorithm, store] = words else { bail!("serve <algorithm> <store>") };
    let algorithm = self::algorithm(algorithm).context("there is no such algorithm")?;
    tokio::runtime::Runtime::new()?.block_on(serve(algorithm, store))
}

fn algorithm(name: &str) -> Option<Algorithm> {
    Algorithm::parse(name)
}

async fn serve(algorithm: Algorithm, store: &str) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let scopes = Scopes::parse("api")?;
    let clients = MemoryClients::new([
        Client::confidential(JOB, &Secret::new(SECRET)).with_scopes(scopes.clone()),
        Client::public(APP).with_grants([GrantType::RefreshToken]).with_scopes(scopes),
    ]);
    let issuer = Issuer::builder(format!("http://127.0.0.1:{port}"))
        .algorithm(algorithm)
        .clients(Arc::new(clients))
        .store(self::store(store).await?)
        .rate_limits(limits())
        .build()?;
    let open = Router::new().route(SESSION, post(open)).with_state(issuer.clone());
    let service = issuer.router().merge(open);
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    println!("{}", json!({ "port": port }));
    let (stop, stopped) = oneshot::channel::<()>();
    let housekeeping = tokio::spawn(issuer.housekeeping(async { drop(stopped.await) }));
    tokio::select! {
        served = async { axum::serve(listener, service).await } => served?,
        closed = async { tokio::io::stdin().read_to_end(&mut Vec::new()).await } => drop(closed?),
    }
    drop(stop);
    Ok(housekeeping.await?)
}

/// Counted as always, and never reached: a million requests a second.
fn limits() -> RateLimits {
    let rate = Some(Rate::new(1_000_000, Duration::from_secs(1)));
    RateLimits { peer: rate, client: rate, session: rate, login_failures: rate }
}

async fn store(name: &str) -> Result<Arc<dyn Store>> {
    match name.split_once(':') {
        None if name == "memory" => Ok(Arc::new(MemoryStore::new())),
        Some(("sqlite", path)) => Ok(Arc::new(SqliteStore::open(path)?)),
        None if name == "postgres" => {
            let url = std::env::var(DATABASE_URL).context("where PostgreSQL is")?;
            Ok(Arc::new(PostgresStore::connect(&url, PostgresOptions::default()).await?))
        }
        _ => bail!("there is no store `{name}`"),
    }
}

/// What a login would have left.
async fn open(State(issuer): State<Issuer>) -> Result<Json<Value>, StatusCode> {
    let scopes = Scopes::parse("api").map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let issued = issuer.open_session("ada", APP, scopes).await;
    let issued = issued.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let token = issued.refresh_token.as_ref().map(Secret::expose);
    Ok(Json(json!({ "refresh_token": token })))
}
