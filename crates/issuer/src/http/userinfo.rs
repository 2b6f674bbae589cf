//! `/userinfo` (OpenID Connect Core §5.3).

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;

use super::bearer::{Unauthorized, verified};
use super::reply::json;
use crate::issuer::{Issuer, OPENID};

pub(super) async fn userinfo(State(issuer): State<Issuer>, request: Parts) -> Response {
    info(&issuer, &request).await.unwrap_or_else(|refused| refused.into_response(OPENID))
}

async fn info(issuer: &Issuer, request: &Parts) -> Result<Response, Unauthorized> {
    let verified = verified(issuer, request).await?;
    Ok(json(&issuer.user_info(verified.claims()).await?))
}
