//! `POST /api/auth/login`: a session for a name and a password, as JSON (C9).

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
use crate::denied::{Code, Denied};
use crate::issuer::{Issued, Issuer};

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

pub(super) async fn login(Asked(issuer): Asked, request: Parts, body: Body) -> Response {
    reply(log_in(&issuer, &request, body).await, Door::Json)
}

async fn log_in(issuer: &Issuer, request: &Parts, body: Body) -> Result<Issued, Denied> {
    let refuse = |code: Code| issuer.refuse_request(code);
    let body = body::read(&request.headers, body, body::JSON).await.map_err(refuse)?;
    let login = serde_json::from_slice(&body).map_err(|_| refuse(Code::RequestMalformed))?;
    let Login { username, password } = login;
    let password = Secret::from(password);
    let (caller, proof) = dpop::proved(issuer, request, login_caller(issuer, request)).await?;
    let granted = issuer.log_in(&username, password, &caller, None).await;
    dpop::settled(issuer, proof.as_ref(), granted)
}
