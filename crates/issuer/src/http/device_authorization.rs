//! `POST /device_authorization` (RFC 8628 §3.1).

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;

use super::client_auth::caller;
use super::form::Form;
use super::reply::{Door, json, refused};
use crate::denied::{Code, Denied};
use crate::device_code::{INTERVAL, LIFETIME};
use crate::issuer::Issuer;

/// §3.2.
#[derive(Serialize)]
struct Begun<'a> {
    device_code: &'a str,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: String,
    expires_in: u64,
    interval: u64,
}

pub(super) async fn begin(State(issuer): State<Issuer>, request: Parts, body: Body) -> Response {
    match begun(&issuer, &request, body).await {
        Ok(response) => response,
        Err(denied) => refused(denied, Door::OAuth),
    }
}

async fn begun(issuer: &Issuer, request: &Parts, body: Body) -> Result<Response, Denied> {
    let refuse = |code: Code| issuer.refuse_request(code);
    let form = Form::read(&request.headers, body).await.map_err(refuse)?;
    let caller = caller(issuer, request, &form).await?;
    let scopes = form.scopes().map_err(refuse)?;
    let begun = issuer.begin_device(&caller, scopes.as_ref()).await?;
    let url = issuer.url();
    let user_code = begun.user_code.to_string();
    Ok(json(&Begun {
        device_code: begun.device_code.expose(),
        verification_uri: format!("{url}/device"),
        verification_uri_complete: format!("{url}/device?user_code={user_code}"),
        user_code,
        expires_in: LIFETIME.as_secs(),
        interval: INTERVAL.as_secs(),
    }))
}
