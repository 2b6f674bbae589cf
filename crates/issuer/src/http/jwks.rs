//! `GET /jwks` (RFC 7517 §5).

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::reply::json;
use crate::issuer::Issuer;
use unlapse_verify::Jwk;

#[derive(Serialize)]
struct Jwks<'a> {
    keys: [&'a Jwk; 1],
}

pub(super) async fn jwks(State(issuer): State<Issuer>) -> Response {
    let mut response = json(&Jwks { keys: [issuer.jwk()] });
    let cache = HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    response
}
