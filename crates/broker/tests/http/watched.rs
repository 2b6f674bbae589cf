//! Providers whose requests are looked at.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{Uri, header};
use serde_json::json;
use url::form_urlencoded;

use crate::rig::serve;

/// Where each request went, and its parameters, oldest first.
pub(crate) type Asked = Arc<Mutex<Vec<(String, Vec<(String, String)>)>>>;

/// A server that grants everything, as a stand-in for all providers: its URL, and what it was asked.
pub(crate) async fn watched() -> (String, Asked) {
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let answer = move |uri: Uri, body: String| async move {
        let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        seen.lock().expect("not poisoned").push((uri.path().to_owned(), form));
        let token = json!({"access_token": "at", "refresh_token": "rt", "expires_in": 3600});
        ([(header::CONTENT_TYPE, "application/json")], token.to_string())
    };
    (serve(Router::new().fallback(answer)).await, asked)
}
