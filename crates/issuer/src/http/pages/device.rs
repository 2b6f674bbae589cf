//! `/device` (RFC 8628 §3.3): a person types what a device shows, and lets it in or not.

use std::net::IpAddr;

use askama::Template;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use unlapse_core::Secret;

use super::browser::Browser;
use super::consent::{ScopeWords, in_words};
use super::login::{Asking, Target, ask, told};
use super::page::{DonePage, Forms, Problem, denied, page, problem, see_other, wait};
use crate::denied::{Code, Denied};
use crate::http::form::Form;
use crate::http::peer::Peer;
use crate::issuer::{Issuer, Typing, WaitingDevice};
use crate::login::Login;
use crate::user_code::UserCode;

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage<'a> {
    action: String,
    token: String,
    code: &'a str,
    problem: Option<String>,
}

#[derive(Template)]
#[template(path = "device_decision.html")]
struct DecisionPage<'a> {
    client: &'a str,
    name: Option<&'a str>,
    scopes: Vec<ScopeWords<'a>>,
    action: String,
    token: String,
    code: String,
}

/// The page, filled in with the code of `verification_uri_complete` (§3.3.1): it is still the
/// person who sends it, so that a link alone lets nothing in.
pub(super) async fn asked(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let browser = Browser::of(&issuer, &headers);
    let query = query.unwrap_or_default();
    let Ok(form) = Form::parse(query.as_bytes()) else {
        return denied(issuer.refuse_request(Code::RequestMalformed));
    };
    match browser.login(&issuer).await {
        Ok(Some(_)) => {
            let code = form.value("user_code").and_then(|code| UserCode::parse(code.expose()));
            let code = code.map(|code| code.to_string()).unwrap_or_default();
            enter(&issuer, &browser, &code, None)
        }
        Ok(None) => ask_to_log_in(&issuer, &browser, &query, None, None),
        Err(away) => denied(away),
    }
}

/// The login page before it.
pub(super) fn ask_to_log_in(
    issuer: &Issuer,
    browser: &Browser,
    query: &str,
    name: Option<&str>,
    refused: Option<Denied>,
) -> Response {
    let asking = Asking { target: Target::Device, query, name, ..Asking::here() };
    ask(issuer, browser, &asking, refused)
}

fn enter(issuer: &Issuer, browser: &Browser, code: &str, refused: Option<Denied>) -> Response {
    let problem = refused.map(|refused| match refused.code {
        Code::DeviceCodeUnknown => {
            "No device is waiting with this code. Codes are good for ten minutes.".to_owned()
        }
        _ => told(refused),
    });
    let status = refused.map_or(StatusCode::OK, |refused| Problem::from(refused).status);
    let action = format!("{}/device", issuer.path());
    let template = DevicePage { action, token: browser.token(), code, problem };
    let mut response = page(status, &template, Forms::Here);
    if let Some(refused) = refused {
        wait(response.headers_mut(), refused);
    }
    browser.remember(issuer, response)
}

/// A code was typed, and perhaps decided on.
pub(super) async fn submitted(
    State(issuer): State<Issuer>,
    request: Parts,
    body: Body,
) -> Response {
    let browser = Browser::of(&issuer, &request.headers);
    match Form::read(&request.headers, body).await {
        Ok(form) => {
            typed(&issuer, &browser, &form, Peer::of(&request)).await.unwrap_or_else(denied)
        }
        Err(code) => denied(issuer.refuse_request(code)),
    }
}

async fn typed(
    issuer: &Issuer,
    browser: &Browser,
    form: &Form,
    peer: Option<IpAddr>,
) -> Result<Response, Denied> {
    let refuse = |code: Code| issuer.refuse_request(code);
    let again = || Target::Device.address(issuer, "");
    let text = |name: &str| form.value(name).map(Secret::expose);
    if !browser.gave(form) {
        refuse(Code::RequestMalformed);
        return Ok(problem(&Problem::stale(again())));
    }
    let Some(login) = browser.login(issuer).await? else {
        return Ok(see_other(&again()));
    };
    let code = text("user_code").unwrap_or_default();
    let by = Typing { login: &login, peer };
    let (code, device) = match issuer.waiting_device(code, by).await {
        Ok(found) => found,
        Err(refused) => return Ok(enter(issuer, browser, code, Some(refused))),
    };
    let approved = match text("decision") {
        None => return decision_page(issuer, browser, &login, code, &device).await,
        Some("allow") => true,
        Some("deny") => false,
        Some(_) => return Err(refuse(Code::RequestMalformed)),
    };
    if !issuer.decide_device(&device, &login, approved).await? {
        return Ok(enter(issuer, browser, "", Some(refuse(Code::DeviceCodeUnknown))));
    }
    let template = if approved {
        DonePage { title: "Your device is logged in", text: "You can close this page." }
    } else {
        DonePage {
            title: "The device is kept out",
            text: "It was told so. You can close this page.",
        }
    };
    Ok(page(StatusCode::OK, &template, Forms::None))
}

async fn decision_page(
    issuer: &Issuer,
    browser: &Browser,
    login: &Login,
    code: UserCode,
    device: &WaitingDevice,
) -> Result<Response, Denied> {
    let client = issuer.find_client(&device.client).await?;
    let name = client.as_ref().and_then(|client| client.name.as_deref());
    let template = DecisionPage {
        client: name.unwrap_or(&device.client),
        name: login.name.as_deref(),
        scopes: in_words(&device.scopes),
        action: format!("{}/device", issuer.path()),
        token: browser.token(),
        code: code.to_string(),
    };
    Ok(browser.remember(issuer, page(StatusCode::OK, &template, Forms::Here)))
}
