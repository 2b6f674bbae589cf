//! `/healthz` and `/readyz`: for whoever watches over the broker, and without a key: they say nothing of
//! anybody's connections. `/metrics` beside them, for operators: it names every tenant's app.

use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use unlapse::Clock as _;

use crate::broker::Health;
use crate::http::api::{Answer, Api, json};
use crate::http::refusal::Refusal;
use crate::verb::Verb;

#[derive(Serialize)]
struct Lives {
    status: &'static str,
}

/// The process lives: it must not be ended because its database is away.
pub(in crate::http) async fn lives() -> Response {
    json(StatusCode::OK, Lives { status: "ok" })
}

#[derive(Serialize)]
struct Ready {
    status: &'static str,
    /// The database answers.
    database: bool,
    /// The keys that secrets are sealed with are there.
    keys: bool,
    /// The node is about to end.
    draining: bool,
}

/// Whether requests may be sent here.
pub(in crate::http) async fn ready(State(api): State<Api>) -> Response {
    let health = health(&api).await;
    let (code, status) = if health.is_ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not_ready")
    };
    let Health { database, keys, draining, .. } = health;
    json(code, Ready { status, database, keys, draining })
}

/// How the node stood a moment ago: whoever asks often does not keep the database busy.
async fn health(api: &Api) -> Health {
    let health = api.health.or(|| api.timer.now(), async || api.broker.health().await).await;
    let draining = health.draining || api.options.draining.has_begun();
    Health { draining, ..health }
}

/// For Prometheus, where this listener has it. The address is the public one: it takes an operator's
/// key.
pub(in crate::http) async fn metrics(State(api): State<Api>, request: Parts) -> Answer {
    let Some(text) = &api.options.metrics else {
        return Err(Refusal::not_found("metrics are not served here"));
    };
    // However much there is to do: whoever watches must not come to think that it is gone.
    api.known(&request, Verb::Read).await?.require_operator()?;
    let mut response = (health(&api).await.exposition(api.now()) + &text()).into_response();
    let prometheus = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, prometheus);
    Ok(response)
}
