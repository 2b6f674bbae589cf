//! The servers of the demo: an issuer behind faults, and an API that it protects.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use unlapse_core::Secret;
use unlapse_issuer::{Client, Counts, Issuer, MemoryClients, Policy, Scopes};

use super::faults::{FaultCounts, Faults};
use super::{ACCESS, GRACE};
use crate::commands::embedded;

/// The client that the workers are.
pub(super) const CLIENT: &str = "demo";

/// A running server, and the directory of the demo. Both end with it.
pub(super) struct Arena {
    issuer: Issuer,
    faults: Arc<Faults>,
    api: Arc<Api>,
    origin: String,
    dir: PathBuf,
    server: tokio::task::JoinHandle<()>,
}

/// The protected API.
struct Api {
    issuer: Issuer,
    unauthorized: AtomicU64,
}

impl Arena {
    pub(super) async fn open(faults: Faults) -> Result<Self, Box<dyn std::error::Error>> {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let policy = Policy { grace: GRACE, replay_cap: 10_000, ..Policy::default() };
        let clients = MemoryClients::new([Client::public(CLIENT)]);
        let issuer = Issuer::builder(&origin)
            .access_lifetime(ACCESS)
            .policy(policy)
            .clients(Arc::new(clients))
            .build()?;
        let api = Arc::new(Api { issuer: issuer.clone(), unauthorized: AtomicU64::new(0) });
        let faults = Arc::new(faults);
        let routes = Router::new()
            .route("/api/hello", get(hello))
            .with_state(Arc::clone(&api))
            .merge(issuer.router());
        let server = Self::serve(listener, &issuer, routes, Arc::clone(&faults));
        let dir = embedded::private_temporary_directory("demo")?;
        Ok(Self { issuer, faults, api, origin, dir, server })
    }

    #[expect(clippy::disallowed_methods, reason = "the demo owns its runtime")]
    fn serve(
        listener: tokio::net::TcpListener,
        issuer: &Issuer,
        routes: Router,
        faults: Arc<Faults>,
    ) -> tokio::task::JoinHandle<()> {
        let housekeeping = issuer.housekeeping(std::future::pending());
        let serving = embedded::serve(listener, move |stream| {
            let (routes, faults) = (routes.clone(), Arc::clone(&faults));
            embedded::connection(stream, routes, faults, std::future::pending())
        });
        tokio::spawn(async {
            tokio::join!(serving, housekeeping);
        })
    }

    /// A refresh token of a new login.
    pub(super) async fn log_in(&self) -> Result<Secret, Box<dyn std::error::Error>> {
        let issued = self.issuer.open_session("ada", CLIENT, Scopes::default()).await?;
        issued.refresh_token.ok_or_else(|| "a session without a refresh token".into())
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn counts(&self) -> Counts {
        self.issuer.counts()
    }

    pub(super) fn faults(&self) -> FaultCounts {
        self.faults.counts()
    }

    /// 401s that the API gave, which is more than the workers may have lived to tell.
    pub(super) fn unauthorized(&self) -> u64 {
        self.api.unauthorized.load(Ordering::Relaxed)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.server.abort();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

async fn hello(State(api): State<Arc<Api>>, headers: HeaderMap) -> StatusCode {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer "));
    if token.is_some_and(|token| api.issuer.verify(token).is_ok()) {
        StatusCode::OK
    } else {
        api.unauthorized.fetch_add(1, Ordering::Relaxed);
        StatusCode::UNAUTHORIZED
    }
}
