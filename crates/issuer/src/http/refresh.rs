//! `POST /api/auth/refresh`: a refresh token's successor, as JSON (J2).

use axum::body::Body;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;
use unlapse_core::Secret;

use super::body;
use super::client_auth::login_caller;
use super::dpop;
use super::peer::Asked;
use super::reply::{Door, reply};
use crate::clients::GrantType;
use crate::denied::{Code, Denied};
use crate::issuer::{Issued, Issuer};

#[derive(Deserialize)]
struct Refresh {
    refresh_token: String,
}

pub(super) async fn refresh(Asked(issuer): Asked, request: Parts, body: Body) -> Response {
    reply(go_on(&issuer, &request, body).await, Door::Json)
}

async fn go_on(issuer: &Issuer, request: &Parts, body: Body) -> Result<Issued, Denied> {
    let refuse = |code: Code| issuer.refuse_request(code);
    let body = body::read(&request.headers, body, body::JSON).await.map_err(refuse)?;
    let refresh = serde_json::from_slice(&body).map_err(|_| refuse(Code::RequestMalformed))?;
    let Refresh { refresh_token } = refresh;
    let refresh_token = Secret::from(refresh_token);
    let caller = login_caller(issuer, request);
    issuer.check_grant(&caller, GrantType::RefreshToken)?;
    let (caller, proof) = dpop::proved(issuer, request, caller).await?;
    let granted = issuer.refresh(refresh_token.expose(), &caller, None).await;
    dpop::settled(issuer, proof.as_ref(), granted)
}
