//! `POST /introspect` (RFC 7662).

use axum::body::Body;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;

use super::client_auth::caller;
use super::form::Form;
use super::peer::Asked;
use super::reply::{Door, json, refused};
use crate::denied::{Code, Denied};
use crate::introspected::Introspected;
use crate::issuer::Issuer;

/// What is not active has no other member (§2.2).
#[derive(Serialize)]
struct Introspection {
    active: bool,
    #[serde(flatten)]
    token: Option<Introspected>,
}

pub(super) async fn introspect(Asked(issuer): Asked, request: Parts, body: Body) -> Response {
    match look(&issuer, &request, body).await {
        Ok(token) => json(&Introspection { active: token.is_some(), token }),
        Err(denied) => refused(denied, Door::OAuth),
    }
}

/// The hint (`token_type_hint`) is not needed: our tokens tell themselves apart.
async fn look(
    issuer: &Issuer,
    request: &Parts,
    body: Body,
) -> Result<Option<Introspected>, Denied> {
    let refuse = |code: Code| issuer.refuse_request(code);
    let form = Form::read(&request.headers, body).await.map_err(refuse)?;
    let caller = caller(issuer, request, &form).await?;
    let token = form.demand("token").map_err(refuse)?;
    issuer.introspect(token.expose(), &caller).await
}
