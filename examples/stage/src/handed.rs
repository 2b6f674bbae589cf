//! Every access token that was handed out, so that it can be refused.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use unlapse_core::UnixTime;
use unlapse_issuer::system_clock;
use unlapse_issuer::verify::{AccessClaims, Denylist, Jws};

use crate::issuing::Issuing;

/// The endpoints that give tokens.
const TOKEN_ENDPOINTS: [&str; 3] = ["/token", "/api/auth/login", "/api/auth/refresh"];
/// Largest reply of the issuer's.
const LARGEST: usize = 1 << 20;
/// So long after its end a token is not looked for any more.
const MARGIN: Duration = Duration::from_secs(3600);

/// Stands before the issuer.
#[derive(Default)]
pub(crate) struct Handed {
    /// Id and end of each token that was not refused yet.
    tokens: Mutex<Vec<(String, UnixTime)>>,
    /// Those that are refused.
    pub(crate) refused: Arc<Denylist>,
    pub(crate) issuing: Mutex<Issuing>,
    pub(crate) requests: AtomicU64,
}

impl Handed {
    /// Notes a token. What is none of the issuer's is nothing to note.
    pub(crate) fn note(&self, access_token: &str) {
        let claims = Jws::parse(access_token).map(|jws| AccessClaims::from_members(jws.claims));
        if let Ok(Ok(claims)) = claims {
            self.tokens().push((claims.jti.clone(), claims.expires_at()));
        }
    }

    /// Refuses every token that was noted until now.
    pub(crate) fn refuse_all(&self) {
        let now = system_clock()();
        for (jti, expires_at) in self.tokens().drain(..) {
            self.refused.deny(&jti, expires_at.plus(MARGIN), now);
        }
    }

    fn tokens(&self) -> MutexGuard<'_, Vec<(String, UnixTime)>> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Passes a request on to the issuer, and notes the token that it answers with.
pub(crate) async fn watch(
    State(handed): State<Arc<Handed>>,
    request: Request,
    next: Next,
) -> Response {
    if !TOKEN_ENDPOINTS.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    handed.requests.fetch_add(1, Relaxed);
    let issuing = *handed.issuing.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(response) = issuing.instead().await {
        return response;
    }
    let (parts, body) = next.run(request).await.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let reply = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
    if let Some(token) = reply["access_token"].as_str() {
        handed.note(token);
    }
    issuing.answered().await;
    Response::from_parts(parts, Body::from(body))
}
