//! `GET /jwks` (RFC 7517 §5).

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;

use super::reply::json;
use crate::issuer::Issuer;

pub(super) async fn jwks(State(issuer): State<Issuer>) -> Response {
    let mut response = json(&*issuer.jwks());
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    response
}
