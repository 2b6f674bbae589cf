//! The built-in login page, and what is typed into it.

use std::borrow::Cow;
use std::net::IpAddr;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use unlapse_core::Secret;
use url::form_urlencoded;

use super::authorization_request::read;
use super::browser::{Browser, set_cookie};
use super::device;
use super::page::{Forms, Problem, denied, page, problem, seconds, see_other, wait};
use super::sessions;
use crate::denied::{Code, Denied};
use crate::http::form::Form;
use crate::http::peer::Peer;
use crate::issuer::Issuer;
use crate::login_page::LoginAsked;

/// What somebody logs in for. A page of ours: nothing that is sent can name another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Authorize,
    Device,
    Sessions,
}

impl Target {
    const ALL: [Self; 3] = [Self::Authorize, Self::Device, Self::Sessions];

    fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Device => "device",
            Self::Sessions => "sessions",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// Its address with `query`, written anew.
    pub(super) fn address(self, issuer: &Issuer, query: &str) -> String {
        address(issuer, self.name(), form_urlencoded::parse(query.as_bytes()))
    }

    /// The same, for somebody who has just logged in: what a client demands of the login is
    /// answered, and must not be demanded again.
    fn address_after_login(self, issuer: &Issuer, query: &str) -> String {
        address(issuer, self.name(), undemanding(query))
    }

    /// The same, for somebody else than who is logged in.
    pub(super) fn address_for_another(self, issuer: &Issuer, query: &str) -> String {
        let parameters = undemanding(query).filter(|(name, _)| name != "prompt");
        let again = (Cow::Borrowed("prompt"), Cow::Borrowed("login"));
        address(issuer, self.name(), parameters.chain([again]))
    }
}

/// The parameters of a query without those that demand a fresh login.
fn undemanding(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.as_bytes()).filter_map(|(name, value)| match &*name {
        "max_age" => None,
        "prompt" => {
            let left = value.split(' ').filter(|it| !matches!(*it, "login" | "select_account"));
            let left = left.collect::<Vec<_>>().join(" ");
            Some((name, left.into()))
        }
        _ => Some((name, value)),
    })
}

fn address<K: AsRef<str>, V: AsRef<str>>(
    issuer: &Issuer,
    page: &str,
    parameters: impl Iterator<Item = (K, V)>,
) -> String {
    let path = issuer.path();
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    if query.is_empty() { format!("{path}/{page}") } else { format!("{path}/{page}?{query}") }
}

/// What the login page is for.
pub(super) struct Asking<'a> {
    /// What people know the client by.
    pub(super) client: Option<&'a str>,
    pub(super) target: Target,
    pub(super) query: &'a str,
    /// What the name is filled in with.
    pub(super) name: Option<&'a str>,
    /// Whether a login that there is does not serve.
    pub(super) fresh: bool,
    pub(super) forms: Forms<'a>,
}

impl Asking<'_> {
    /// For a page of ours, and no client: that of sessions.
    pub(super) fn here() -> Self {
        let (target, forms) = (Target::Sessions, Forms::Here);
        Self { client: None, target, query: "", name: None, fresh: false, forms }
    }
}

#[derive(Template)]
#[template(path = "login.html")]
struct BuiltInPage<'a> {
    client: Option<&'a str>,
    action: String,
    token: String,
    to: &'static str,
    query: &'a str,
    name: &'a str,
    problem: Option<String>,
}

/// Asks somebody to log in; again, when they tried and were `refused`.
pub(super) fn ask(
    issuer: &Issuer,
    browser: &Browser,
    asking: &Asking<'_>,
    refused: Option<Denied>,
) -> Response {
    if let Some(host) = issuer.login_page() {
        let address = asking.target.address_after_login(issuer, asking.query);
        let return_to = format!("{}{address}", issuer.origin());
        let Asking { fresh, name, .. } = *asking;
        let asked = LoginAsked { return_to: &return_to, fresh, login_hint: name };
        return see_other(&host.address(asked));
    }
    let template = BuiltInPage {
        client: asking.client,
        action: format!("{}/login", issuer.path()),
        token: browser.token(),
        to: asking.target.name(),
        query: asking.query,
        name: asking.name.unwrap_or_default(),
        problem: refused.map(told),
    };
    let status = match refused.map(|refused| refused.code) {
        None => StatusCode::OK,
        Some(Code::RateLimited) => StatusCode::TOO_MANY_REQUESTS,
        Some(Code::TemporarilyUnavailable) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::FORBIDDEN,
    };
    let mut response = page(status, &template, asking.forms);
    if let Some(refused) = refused {
        wait(response.headers_mut(), refused);
    }
    browser.remember(issuer, response)
}

/// What a person is told who is refused.
pub(super) fn told(refused: Denied) -> String {
    match (refused.code, refused.retry_after) {
        (Code::RateLimited, Some(wait)) => {
            format!("Too many attempts. Please try again in {} s.", seconds(wait))
        }
        (Code::TemporarilyUnavailable, _) => {
            "Logins cannot be checked now. Please try again in a moment.".to_owned()
        }
        _ => "No user has that name and password.".to_owned(),
    }
}

pub(super) async fn submitted(
    State(issuer): State<Issuer>,
    request: Parts,
    body: Body,
) -> Response {
    let browser = Browser::of(&issuer, &request.headers);
    match Form::read(&request.headers, body).await {
        Ok(form) => log_in(&issuer, &browser, &form, Peer::of(&request)).await,
        Err(code) => denied(issuer.refuse_request(code)),
    }
}

async fn log_in(issuer: &Issuer, browser: &Browser, form: &Form, peer: Option<IpAddr>) -> Response {
    let text = |name: &str| form.value(name).map(Secret::expose).unwrap_or_default();
    let query = text("query");
    if issuer.login_page().is_some() {
        return denied(issuer.refuse_request(Code::GrantNotAllowed));
    }
    let Some(target) = Target::parse(text("to")) else {
        return denied(issuer.refuse_request(Code::RequestMalformed));
    };
    if !browser.gave(form) {
        issuer.refuse_request(Code::RequestMalformed);
        return problem(&Problem::stale(target.address(issuer, query)));
    }
    let name = text("username");
    let password = form.value("password").cloned().unwrap_or_else(|| Secret::new(""));
    let refused = match issuer.log_in_browser(name, password, peer).await {
        Ok(login) => match issuer.keep_login(&login).await {
            Ok(secret) => {
                // Whoever was logged in before is not any more; if that fails, nobody can show
                // the cookie that is replaced here.
                let _ = issuer.end_browser_login(browser.secret()).await;
                let response = see_other(&target.address_after_login(issuer, query));
                return set_cookie(issuer, &secret, response);
            }
            Err(refused) => refused,
        },
        Err(refused) => refused,
    };
    again(issuer, browser, target, query, name, refused).await
}

/// The page again, with what went wrong.
async fn again(
    issuer: &Issuer,
    browser: &Browser,
    target: Target,
    query: &str,
    name: &str,
    refused: Denied,
) -> Response {
    match target {
        Target::Authorize => match read(issuer, query).await {
            Ok((reply_to, _)) => {
                let asking = Asking {
                    client: Some(reply_to.client_name()),
                    target,
                    query,
                    name: Some(name),
                    fresh: true,
                    forms: reply_to.forms(),
                };
                ask(issuer, browser, &asking, Some(refused))
            }
            Err(stopped) => stopped.into_response(issuer),
        },
        Target::Sessions => sessions::ask_to_log_in(issuer, browser, Some(name), Some(refused)),
        Target::Device => device::ask_to_log_in(issuer, browser, query, Some(name), Some(refused)),
    }
}
