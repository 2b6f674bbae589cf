//! The authorization server and the API, in this process for the example's sake.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use unlapse_core::Secret;
use unlapse_issuer::verify::VerifyLayer;
use unlapse_issuer::{
    Client, Issuer, MemoryClients, MemoryStore, MemoryUsers, Policy, RateLimits, Scopes,
};

use crate::Failure;

/// The public client that this program is.
pub(crate) const CLIENT: &str = "example";

/// An issuer whose access tokens live for four seconds.
pub(crate) struct Server {
    issuer: Issuer,
    url: String,
}

impl Server {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let issuer = Issuer::builder(&url)
            .access_lifetime(Duration::from_secs(4))
            .policy(Policy { grace: Duration::from_secs(30), ..Policy::default() })
            .users(Arc::new(MemoryUsers::new()))
            .clients(Arc::new(MemoryClients::new(vec![Client::public(CLIENT)])))
            .store(Arc::new(MemoryStore::new()))
            .rate_limits(RateLimits::off())
            .build()?;
        let api = Router::new()
            .route("/hello", get(|| async { "hello\n" }))
            .layer(VerifyLayer::new(issuer.verifier()));
        let out_of_order = middleware::from_fn_with_state(Arc::default(), out_of_order);
        let routes = issuer.router().layer(out_of_order).merge(api);
        #[expect(clippy::disallowed_methods, reason = "a program owns its runtime")]
        tokio::spawn(async { axum::serve(listener, routes).await });
        Ok(Self { issuer, url })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The refresh token of a new session.
    pub(crate) async fn open_session(&self) -> Result<Secret, Failure> {
        let opened = self.issuer.open_session("ada", CLIENT, Scopes::default()).await;
        let issued = opened.map_err(|denied| format!("{denied:?}"))?;
        issued.refresh_token.ok_or_else(|| "a session has a refresh token".into())
    }
}

/// 503 to every fourth request for a token.
async fn out_of_order(
    State(count): State<Arc<AtomicU64>>,
    request: Request,
    next: Next,
) -> Response {
    let is_for_a_token = request.uri().path().ends_with("/token");
    if is_for_a_token && count.fetch_add(1, Ordering::Relaxed) % 4 == 3 {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    next.run(request).await
}
