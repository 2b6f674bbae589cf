//! A server with metrics and alerts: sessions by the stage.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use unlapse_example_stage::axum::extract::State;
use unlapse_example_stage::axum::http::StatusCode;
use unlapse_example_stage::axum::routing::{get, post};
use unlapse_example_stage::axum::{Json, Router};
use unlapse_example_stage::issuer::{Client, Scopes, Verified};
use unlapse_example_stage::{Desk, Stage, StageBuilder};

/// What stands in for a token where none can be had.
pub(crate) const API_KEY: &str = "mk-0123456789";

/// Another account than the stage's own.
pub(crate) const OTHER: (&str, &str) = ("bob", "battery staple");

/// A stage with this server on it. Its API has no key as yet.
pub(crate) fn metrics_host() -> StageBuilder {
    let scopes = Scopes::parse("metrics:read alerts:write").expect("good scopes");
    let api = Router::new()
        .route("/metrics-list", get(metrics))
        .route("/alerts", post(raise))
        .with_state(Arc::default());
    let (name, password) = OTHER;
    Stage::builder()
        .user(name, password)
        .client(Client::public("monitor").with_scopes(scopes))
        .api(api)
}

/// A desk with the program, and a machine of its own.
pub(crate) fn desk(program: impl Into<PathBuf>, stage: &Stage) -> Desk {
    let desk = Desk::new(program).env("MONITOR_ENDPOINT", stage.url());
    let machine = desk.root().join("machine-id");
    std::fs::write(&machine, "0123456789abcdef0123456789abcdef\n").expect("written");
    desk.env("MONITOR_MACHINE_ID", machine)
}

async fn metrics(who: Option<Verified>) -> Result<Json<Value>, StatusCode> {
    let who = admitted(who, "metrics:read", "alerts:write")?;
    Ok(Json(json!([{ "name": "load", "value": 0.5 }, { "name": who, "value": 1 }])))
}

async fn raise(
    State(alerts): State<Arc<AtomicU64>>,
    who: Option<Verified>,
    Json(_): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    admitted(who, "alerts:write", "metrics:read")?;
    let id = alerts.fetch_add(1, Ordering::Relaxed) + 1;
    Ok(Json(json!({ "id": id })))
}

/// Who asks. Whoever comes with a token that may do more than is needed is not let in, so that the
/// tests see it (K1).
fn admitted(who: Option<Verified>, scope: &str, another: &str) -> Result<String, StatusCode> {
    let Some(who) = who else { return Ok("an-api-key".to_owned()) };
    who.require(scope).map_err(|refused| refused.status())?;
    if who.require(another).is_ok() {
        return Err(StatusCode::CONFLICT);
    }
    Ok(who.sub.clone())
}
