//! `POST /token` (RFC 6749 §3.2).

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::body;
use super::client_auth::{Introduction, introduction};
use super::form::Form;
use super::reply::{Door, reply};
use crate::clients::GrantType;
use crate::denied::{Code, Denied};
use crate::issuer::{Issued, Issuer};

pub(super) async fn token(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    reply(grant(&issuer, &headers, body).await, Door::OAuth)
}

async fn grant(issuer: &Issuer, headers: &HeaderMap, body: Body) -> Result<Issued, Denied> {
    let refuse = |code: Code| issuer.refuse_request(code);
    let body = body::read(headers, body, body::FORM).await.map_err(refuse)?;
    let form = Form::parse(&body).map_err(refuse)?;
    let grant_type = form.demand("grant_type").map_err(refuse)?;
    let grant_type = GrantType::parse(grant_type.expose());
    let grant_type = grant_type.ok_or_else(|| refuse(Code::GrantUnsupported))?;
    let scopes = form.scopes().map_err(refuse)?;
    let Introduction { id, secret } = introduction(headers, &form).map_err(refuse)?;
    let client = issuer.authenticate(&id, secret.as_ref()).await?;
    match grant_type {
        GrantType::RefreshToken => {
            issuer.check_grant(&client, grant_type)?;
            let token = form.demand("refresh_token").map_err(refuse)?;
            issuer.refresh(token.expose(), &client, scopes.as_ref()).await
        }
        GrantType::ClientCredentials => issuer.grant_to_client(&client, scopes.as_ref()),
        GrantType::Password => {
            let username = form.demand("username").map_err(refuse)?;
            let password = form.demand("password").map_err(refuse)?.clone();
            issuer.log_in(username.expose(), password, &client, scopes.as_ref()).await
        }
    }
}
