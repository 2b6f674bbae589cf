//! A token server: one login, whose refresh tokens are good once.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;

/// What every token of these tests begins with, to be looked for where it must not be.
pub(crate) const CANARY: &str = "canary-4711";

pub(crate) fn access_token(generation: u64) -> String {
    format!("{CANARY}-at-{generation}")
}

#[derive(Default)]
pub(crate) struct Login {
    generation: AtomicU64,
    pub(crate) renewals: AtomicU64,
    /// It was ended, since a refresh token was used twice.
    pub(crate) is_revoked: AtomicBool,
    /// Answers 503.
    pub(crate) is_away: AtomicBool,
    pub(crate) is_bound: AtomicBool,
    pub(crate) latency: Mutex<Duration>,
}

impl Login {
    pub(crate) fn new() -> Self {
        Self { generation: AtomicU64::new(1), ..Self::default() }
    }

    pub(crate) fn renewals(&self) -> u64 {
        assert!(!self.is_revoked.load(Ordering::SeqCst), "the login lives");
        self.renewals.load(Ordering::SeqCst)
    }

    /// Takes the refresh token back.
    pub(crate) fn reject(&self) {
        self.generation.store(u64::MAX - 1, Ordering::SeqCst);
    }

    pub(crate) fn takes(&self, latency: Duration) {
        *self.latency.lock().unwrap() = latency;
    }

    pub(crate) fn router(self: Arc<Self>) -> Router {
        let router = Router::new().route("/token", post(refresh));
        router.route("/api/auth/login", post(log_in)).with_state(self)
    }
}

/// A login endpoint (C9): its tokens are of the generation 1000.
async fn log_in(body: String) -> Response {
    if body != r#"{"username":"ada","password":"pw"}"# {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    format!(r#"{{"token":"{}","expires_in":3600}}"#, access_token(1000)).into_response()
}

async fn refresh(State(login): State<Arc<Login>>, form: String) -> Response {
    if login.is_away.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let latency = *login.latency.lock().unwrap();
    tokio::time::sleep(latency).await;
    let shown = form.split('&').find_map(|pair| pair.strip_prefix("refresh_token="));
    let generation = login.generation.load(Ordering::SeqCst);
    if shown != Some(&format!("{CANARY}-rt-{generation}")) {
        login.is_revoked.store(true, Ordering::SeqCst);
        return (StatusCode::BAD_REQUEST, r#"{"error":"invalid_grant"}"#).into_response();
    }
    login.renewals.fetch_add(1, Ordering::SeqCst);
    let next = login.generation.fetch_add(1, Ordering::SeqCst) + 1;
    let token_type = if login.is_bound.load(Ordering::SeqCst) { "DPoP" } else { "Bearer" };
    let token = access_token(next);
    format!(
        r#"{{"access_token":"{token}","token_type":"{token_type}","expires_in":3600,"refresh_token":"{CANARY}-rt-{next}"}}"#
    )
    .into_response()
}
