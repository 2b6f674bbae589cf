//! `/authorize` (RFC 6749 §3.1): somebody is asked, and the client is sent a code.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::authorization_request::{AuthorizationRequest, read};
use super::browser::Browser;
use super::consent;
use super::login::{Asking, Target, ask};
use super::page::{denied, see_other};
use super::reply_to::{ReplyTo, Stopped};
use crate::authorization_code::AuthorizationCode;
use crate::denied::Code;
use crate::http::body;
use crate::interaction::{Step, login_serves, step};
use crate::issuer::Issuer;
use crate::login::Login;

pub(super) async fn asked(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let browser = Browser::of(&issuer, &headers);
    let query = query.unwrap_or_default();
    match go_on(&issuer, &browser, &query).await {
        Ok(response) => response,
        Err(stopped) => stopped.into_response(&issuer),
    }
}

/// As OpenID Connect Core §3.1.2.1 has it. Sent on as GET: a POST of another site comes without
/// the cookie.
pub(super) async fn posted(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match body::read(&headers, body, body::FORM).await {
        Ok(body) => match core::str::from_utf8(&body) {
            Ok(query) => see_other(&Target::Authorize.address(&issuer, query)),
            Err(_) => denied(issuer.refuse_request(Code::RequestMalformed)),
        },
        Err(code) => denied(issuer.refuse_request(code)),
    }
}

async fn go_on(issuer: &Issuer, browser: &Browser, query: &str) -> Result<Response, Stopped> {
    let (reply_to, request) = read(issuer, query).await?;
    let login = serving_login(issuer, browser, &request).await?;
    let allowed = match &login {
        Some(login) => issuer.is_consent_given(request.asks(&reply_to, login)).await?,
        None => false,
    };
    match (step(request.prompt, login.is_some(), allowed), login) {
        (Step::Refuse(error), _) => Err(Stopped::There(Box::new(reply_to), error)),
        (Step::Grant, Some(login)) => grant(issuer, &reply_to, request, login).await,
        (Step::Consent, Some(login)) => {
            Ok(consent::ask(issuer, browser, &reply_to, &request, &login, query))
        }
        _ => {
            let asking = Asking {
                client: Some(reply_to.client_name()),
                target: Target::Authorize,
                query,
                name: request.login_hint.as_deref(),
                fresh: request.prompt.login || request.max_age.is_some(),
                forms: reply_to.forms(),
            };
            Ok(ask(issuer, browser, &asking, None))
        }
    }
}

/// The login of this browser, if it answers the request.
pub(super) async fn serving_login(
    issuer: &Issuer,
    browser: &Browser,
    request: &AuthorizationRequest,
) -> Result<Option<Login>, Stopped> {
    let login = browser.login(issuer).await?;
    Ok(login.filter(|login| {
        login_serves(request.prompt, request.max_age, login.auth_time, issuer.now())
    }))
}

/// Sends the client a code for what it asked.
pub(super) async fn grant(
    issuer: &Issuer,
    reply_to: &ReplyTo,
    request: AuthorizationRequest,
    login: Login,
) -> Result<Response, Stopped> {
    let code = AuthorizationCode {
        client: reply_to.client.id.clone(),
        redirect_uri: reply_to.redirect_uri.clone(),
        redirect_uri_named: reply_to.redirect_uri_named,
        scope: request.scopes.to_string(),
        confirmed_at: issuer.confirmed_at(&login),
        subject: login.subject,
        auth_time: login.auth_time,
        nonce: request.nonce,
        challenge: request.challenge,
        jkt: request.jkt,
        spent: None,
    };
    let code = issuer.make_code(&code).await?;
    Ok(reply_to.grant(issuer, &code))
}
