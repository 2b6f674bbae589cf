//! `GET /openapi.json`: what all of this takes and answers.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

/// The document. Tests compare it with the routes.
pub(in crate::http) const DOCUMENT: &str = include_str!("../openapi.json");

pub(in crate::http) async fn openapi() -> Response {
    let mut response = DOCUMENT.into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
