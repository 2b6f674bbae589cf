//! A person is asked whether a client may act for them.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use unlapse_core::Secret;

use super::authorization_request::{AuthorizationRequest, read};
use super::authorize::{grant, serving_login};
use super::browser::Browser;
use super::login::Target;
use super::page::{Problem, page, see_other};
use super::reply_to::{ReplyTo, Stopped};
use crate::authorization_error::AuthorizationError;
use crate::denied::Code;
use crate::http::form::Form;
use crate::issuer::Issuer;
use crate::login::Login;
use crate::redirect_uri::is_native;
use crate::scopes::Scopes;

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    client: &'a str,
    name: Option<&'a str>,
    scopes: Vec<ScopeWords<'a>>,
    /// Where the person returns to; `None` for an application on their own device.
    host: Option<&'a str>,
    action: String,
    other: String,
    token: String,
    query: &'a str,
}

/// A scope, and what it means to people where that is known.
pub(super) struct ScopeWords<'a> {
    pub(super) scope: &'a str,
    pub(super) words: Option<&'static str>,
}

/// Scopes of OpenID Connect Core §5.4 and §11 in words.
pub(super) fn in_words(scopes: &Scopes) -> Vec<ScopeWords<'_>> {
    let words = |scope| match scope {
        "openid" => Some("know who you are"),
        "profile" => Some("see your name and profile"),
        "email" => Some("see your email address"),
        "address" => Some("see your postal address"),
        "phone" => Some("see your phone number"),
        "offline_access" => Some("stay logged in while you are away"),
        _ => None,
    };
    scopes.iter().map(|scope| ScopeWords { scope, words: words(scope) }).collect()
}

/// Asks.
pub(super) fn ask(
    issuer: &Issuer,
    browser: &Browser,
    reply_to: &ReplyTo,
    request: &AuthorizationRequest,
    login: &Login,
    query: &str,
) -> Response {
    let uri = &reply_to.redirect_uri;
    let host = uri.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next());
    let template = ConsentPage {
        client: reply_to.client_name(),
        name: login.name.as_deref(),
        scopes: in_words(&request.scopes),
        host: host.filter(|_| !is_native(uri)),
        action: format!("{}/consent", issuer.path()),
        other: Target::Authorize.address_for_another(issuer, query),
        token: browser.token(),
        query,
    };
    browser.remember(issuer, page(StatusCode::OK, &template, reply_to.forms()))
}

pub(super) async fn submitted(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let browser = Browser::of(&issuer, &headers);
    match decide(&issuer, &browser, &headers, body).await {
        Ok(response) => response,
        Err(stopped) => stopped.into_response(&issuer),
    }
}

async fn decide(
    issuer: &Issuer,
    browser: &Browser,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Stopped> {
    let refuse = |code: Code| issuer.refuse_request(code);
    let form = Form::read(headers, body).await.map_err(refuse)?;
    let query = form.value("query").map(Secret::expose).unwrap_or_default();
    if !browser.gave(&form) {
        refuse(Code::RequestMalformed);
        return Err(Stopped::Here(Problem::stale(Target::Authorize.address(issuer, query))));
    }
    let (reply_to, request) = read(issuer, query).await?;
    let Some(login) = serving_login(issuer, browser, &request).await? else {
        return Ok(see_other(&Target::Authorize.address(issuer, query)));
    };
    match form.value("decision").map(Secret::expose) {
        Some("allow") => {
            issuer.give_consent(request.asks(&reply_to, &login)).await?;
            grant(issuer, &reply_to, request, login).await
        }
        Some("deny") => Err(Stopped::There(Box::new(reply_to), AuthorizationError::AccessDenied)),
        _ => Err(refuse(Code::RequestMalformed).into()),
    }
}
