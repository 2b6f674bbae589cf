//! `GET /healthz`.

use axum::extract::State;
use axum::http::StatusCode;

use crate::issuer::Issuer;

/// 200 when sessions can be reached, 503 when not.
pub(super) async fn healthz(State(issuer): State<Issuer>) -> (StatusCode, &'static str) {
    if issuer.is_healthy().await {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the session store cannot be reached\n")
    }
}
