//! The protected API.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use tower::ServiceExt as _;
use unlapse_issuer::verify::{Denylist, VerifyLayer};
use unlapse_issuer::{Issuer, system_clock};

/// What stands before the routes.
pub(crate) struct Api {
    /// The routes without anybody who asks for a token.
    open: Router,
    /// `Authorization` of whoever has the API key.
    key: Option<String>,
    pub(crate) counts: Arc<Counts>,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) requests: AtomicU64,
    pub(crate) unauthorized: AtomicU64,
    pub(crate) by_api_key: AtomicU64,
}

impl Api {
    pub(crate) fn new(open: Router, api_key: Option<&str>) -> Self {
        let key = api_key.map(|key| format!("Bearer {key}"));
        Self { open, key, counts: Arc::default() }
    }

    /// The routes, for who has a token of `issuer` that is not `refused`, or the API key.
    pub(crate) fn protected(self, issuer: &Issuer, refused: Arc<Denylist>) -> Router {
        // The issuer's own verifier refuses what was revoked at the issuer; the other, what has been
        // expired on this stage.
        let expired = issuer.verifier_builder().denylist(refused).clock(system_clock()).build();
        let expired = expired.expect("the issuer has an audience");
        let routes = self.open.clone();
        routes
            .layer(VerifyLayer::new(expired))
            .layer(VerifyLayer::new(issuer.verifier()))
            .layer(middleware::from_fn_with_state(Arc::new(self), admit))
    }

    fn is_api_key(&self, request: &Request) -> bool {
        let Some(key) = &self.key else { return false };
        request.headers().get(header::AUTHORIZATION).is_some_and(|sent| sent == key.as_str())
    }
}

/// Lets the API key in, leaves everybody else to the verifiers, and counts.
async fn admit(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    api.counts.requests.fetch_add(1, Relaxed);
    if api.is_api_key(&request) {
        api.counts.by_api_key.fetch_add(1, Relaxed);
        let answered: Result<_, Infallible> = api.open.clone().oneshot(request).await;
        let Ok(response) = answered;
        return response;
    }
    let response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        api.counts.unauthorized.fetch_add(1, Relaxed);
    }
    response
}
