//! `POST /revoke` (RFC 7009).

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};

use super::client_auth::caller;
use super::form::Form;
use super::peer::Asked;
use super::reply::{Door, refused};
use crate::denied::{Code, Denied};
use crate::issuer::Issuer;

/// 200 for what is revoked now, was before, or never was a token (§2.2).
pub(super) async fn revoke(Asked(issuer): Asked, request: Parts, body: Body) -> Response {
    match end(&issuer, &request, body).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(denied) => refused(denied, Door::OAuth),
    }
}

/// The hint (`token_type_hint`) is not needed: our tokens tell themselves apart.
async fn end(issuer: &Issuer, request: &Parts, body: Body) -> Result<(), Denied> {
    let refuse = |code: Code| issuer.refuse_request(code);
    let form = Form::read(&request.headers, body).await.map_err(refuse)?;
    let caller = caller(issuer, request, &form).await?;
    let token = form.demand("token").map_err(refuse)?;
    issuer.revoke_token(token.expose(), &caller).await
}
