//! `/sessions`: people look at their own sessions, and end them (K9). As JSON for who shows an
//! access token; as a page for who is logged in in a browser.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::bearer::{Unauthorized, verified};
use crate::denied::Code;
use crate::issuer::{Issuer, SESSIONS};
use crate::session::{Session, SessionId};

#[derive(Serialize)]
struct Listed {
    sessions: Vec<Shown>,
}

/// A session as its owner sees it. Times are seconds since 1970.
#[derive(Serialize)]
struct Shown {
    id: String,
    client_id: String,
    scope: String,
    /// What the device calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    opened_at: u64,
    seen_at: u64,
    /// Unless it is used before.
    expires_at: u64,
    /// Whether it is that of the access token.
    current: bool,
}

/// `GET /sessions`.
pub(super) async fn listed(State(issuer): State<Issuer>, request: Parts) -> Response {
    #[cfg(feature = "pages")]
    if !request.headers.contains_key(axum::http::header::AUTHORIZATION) {
        return super::pages::sessions::listed(&issuer, &request).await;
    }
    list(&issuer, &request).await.unwrap_or_else(|refused| refused.into_response(SESSIONS))
}

async fn list(issuer: &Issuer, request: &Parts) -> Result<Response, Unauthorized> {
    let claims = verified(issuer, request).await?;
    let current = issuer.check_owner(&claims).await?;
    let shown = |session: Session| Shown {
        current: session.id == current,
        id: session.id.to_string(),
        scope: session.scopes.to_string(),
        opened_at: session.opened_at.as_secs(),
        seen_at: session.seen_at.as_secs(),
        expires_at: session.idle_ends_at.as_secs(),
        client_id: session.client,
        label: session.label,
    };
    let sessions = issuer.sessions_of(&claims.sub).await?.into_iter().map(shown).collect();
    Ok(Json(Listed { sessions }).into_response())
}

/// `DELETE /sessions/{id}`: 204 when it has ended.
pub(super) async fn ended(
    State(issuer): State<Issuer>,
    Path(id): Path<String>,
    request: Parts,
) -> Response {
    let end = async {
        let claims = verified(&issuer, &request).await?;
        let id: SessionId = id.parse().map_err(|_| issuer.refuse_request(Code::SessionUnknown))?;
        // Its own, any client may end: that is a logout.
        if claims.sid != Some(id.to_string()) {
            issuer.check_owner(&claims).await?;
        }
        issuer.end_session(&claims.sub, id).await?;
        Ok(no_content())
    };
    end.await.unwrap_or_else(|refused: Unauthorized| refused.into_response(SESSIONS))
}

/// `DELETE /sessions`: ends all but that of the access token.
pub(super) async fn others_ended(State(issuer): State<Issuer>, request: Parts) -> Response {
    let end = async {
        let claims = verified(&issuer, &request).await?;
        let current = issuer.check_owner(&claims).await?;
        issuer.end_sessions(&claims.sub, Some(current)).await?;
        Ok(no_content())
    };
    end.await.unwrap_or_else(|refused: Unauthorized| refused.into_response(SESSIONS))
}

fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}
