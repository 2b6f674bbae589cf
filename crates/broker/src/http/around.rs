//! Around all routes: a request that will have a place, and problems for what is refused.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::api::Api;
use super::refusal::{PROBLEM_JSON, Refusal};
use crate::gate::Stay;

/// Types of replies that say by themselves what went wrong.
const SPEAKING: [&str; 3] = ["application/json", "text/html", PROBLEM_JSON];

pub(super) async fn around(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    // The path alone: a query may hold a code.
    let path = request.uri().path().to_owned();
    // Whoever is let in gets a place by it. What asks nothing of the broker needs none.
    request.extensions_mut().insert(Stay::default());
    let response = next.run(request).await;
    let mut response = render(&api, &path, response);
    let headers = response.headers_mut();
    let guards = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in guards {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The problem of a refusal, of ours or of axum's.
fn render(api: &Api, path: &str, mut response: Response) -> Response {
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        return refusal.render(path, api.now());
    }
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_error || SPEAKING.iter().any(|speaking| content_type.starts_with(speaking)) {
        return response;
    }
    let (parts, _) = response.into_parts();
    Refusal::of_status(status, parts.headers).render(path, api.now())
}
