//! `GET /metrics`: what has happened so far, as Prometheus reads it.

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::clock::stopwatch;
use crate::issuer::Issuer;

pub(super) async fn metrics(State(issuer): State<Issuer>) -> Response {
    let text = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, text)], issuer.metrics()).into_response()
}

/// Measures how long a request takes, from when its head was read to when its reply is written.
pub(super) async fn measure(
    State(issuer): State<Issuer>,
    endpoint: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let took = stopwatch();
    let response = next.run(request).await;
    // What is no endpoint of ours is counted together: strangers invent any number of those.
    let endpoint = endpoint.as_ref().map_or("other", MatchedPath::as_str);
    issuer.measured(endpoint, took());
    response
}
