//! The page of a person's own sessions, and the end of their login in this browser.

use core::time::Duration;
use std::collections::BTreeMap;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use unlapse_core::Secret;

use super::browser::{Browser, forget_cookie};
use super::login::{Asking, Target, ask};
use super::page::{DonePage, Forms, Problem, denied, page, problem, see_other};
use crate::denied::{Code, Denied};
use crate::http::form::Form;
use crate::issuer::Issuer;
use crate::session::Session;

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage<'a> {
    name: Option<&'a str>,
    sessions: Vec<Row>,
    action: String,
    logout: String,
    token: String,
}

struct Row {
    id: String,
    client: String,
    label: String,
    opened: String,
    seen: String,
}

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage {
    action: String,
    token: String,
}

/// `GET /sessions` of a browser.
pub(in crate::http) async fn listed(issuer: &Issuer, request: &Parts) -> Response {
    let browser = Browser::of(issuer, &request.headers);
    list(issuer, &browser).await.unwrap_or_else(denied)
}

async fn list(issuer: &Issuer, browser: &Browser) -> Result<Response, Denied> {
    let Some(login) = browser.login(issuer).await? else {
        return Ok(ask_to_log_in(issuer, browser, None, None));
    };
    let sessions = issuer.sessions_of(&login.subject).await?;
    let names = client_names(issuer, &sessions).await?;
    let now = issuer.now();
    let row = |session: Session| Row {
        id: session.id.to_string(),
        client: names.get(&session.client).unwrap_or(&session.client).clone(),
        label: session.label.unwrap_or_else(|| "A device without a name".to_owned()),
        opened: ago(now.since(session.opened_at)),
        seen: ago(now.since(session.seen_at)),
    };
    let template = SessionsPage {
        name: login.name.as_deref(),
        sessions: sessions.into_iter().map(row).collect(),
        action: format!("{}/sessions", issuer.path()),
        logout: format!("{}/logout", issuer.path()),
        token: browser.token(),
    };
    Ok(browser.remember(issuer, page(StatusCode::OK, &template, Forms::Here)))
}

async fn client_names(
    issuer: &Issuer,
    sessions: &[Session],
) -> Result<BTreeMap<String, String>, Denied> {
    let mut names = BTreeMap::new();
    for session in sessions {
        if !names.contains_key(&session.client) {
            let client = issuer.find_client(&session.client).await?;
            let name = client.and_then(|client| client.name.clone());
            names.insert(session.client.clone(), name.unwrap_or_else(|| session.client.clone()));
        }
    }
    Ok(names)
}

/// The login page before it.
pub(super) fn ask_to_log_in(
    issuer: &Issuer,
    browser: &Browser,
    name: Option<&str>,
    refused: Option<Denied>,
) -> Response {
    let asking = Asking { name, ..Asking::here() };
    ask(issuer, browser, &asking, refused)
}

/// `POST /sessions`: one is ended, or all.
pub(super) async fn ended(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    end(&issuer, &headers, body).await.unwrap_or_else(denied)
}

async fn end(issuer: &Issuer, headers: &HeaderMap, body: Body) -> Result<Response, Denied> {
    let browser = Browser::of(issuer, headers);
    let form = read(issuer, headers, body).await?;
    let page = Target::Sessions.address(issuer, "");
    if !browser.gave(&form) {
        issuer.refuse_request(Code::RequestMalformed);
        return Ok(problem(&Problem::stale(page)));
    }
    if let Some(login) = browser.login(issuer).await? {
        let session = form.value("session").map(Secret::expose).unwrap_or_default();
        if session == "all" {
            issuer.end_sessions(&login.subject, None).await?;
        } else if let Ok(session) = session.parse() {
            match issuer.end_session(&login.subject, session).await {
                // In another window, it has ended already: the list shows it.
                Ok(()) | Err(Denied { code: Code::SessionUnknown, .. }) => {}
                Err(away) => return Err(away),
            }
        } else {
            return Err(issuer.refuse_request(Code::RequestMalformed));
        }
    }
    Ok(see_other(&page))
}

async fn read(issuer: &Issuer, headers: &HeaderMap, body: Body) -> Result<Form, Denied> {
    let refuse = |code: Code| issuer.refuse_request(code);
    Form::read(headers, body).await.map_err(refuse)
}

/// `GET /logout`: asks first, so that no link of others logs anybody out.
pub(super) async fn logout(State(issuer): State<Issuer>, headers: HeaderMap) -> Response {
    let browser = Browser::of(&issuer, &headers);
    let template =
        LogoutPage { action: format!("{}/logout", issuer.path()), token: browser.token() };
    browser.remember(&issuer, page(StatusCode::OK, &template, Forms::Here))
}

/// `POST /logout`: the login of this browser ends. Sessions go on: they are listed elsewhere.
pub(super) async fn logged_out(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let browser = Browser::of(&issuer, &headers);
    let form = match read(&issuer, &headers, body).await {
        Ok(form) => form,
        Err(refused) => return denied(refused),
    };
    if !browser.gave(&form) {
        issuer.refuse_request(Code::RequestMalformed);
        return problem(&Problem::stale(format!("{}/logout", issuer.path())));
    }
    if let Err(away) = issuer.end_browser_login(browser.secret()).await {
        return denied(away);
    }
    let template = DonePage {
        title: "You are logged out",
        text: "Nobody is logged in in this browser any more. Applications that you were logged \
               in to go on until you log out of them, or end their sessions.",
    };
    forget_cookie(&issuer, page(StatusCode::OK, &template, Forms::None))
}

/// How long ago something was, as people say it.
fn ago(since: Duration) -> String {
    let minutes = since.as_secs() / 60;
    let (count, unit) = match minutes {
        0 => return "just now".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_way_to_say_it() {
        for (secs, expected) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (3599, "59 minutes ago"),
            (3600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (86_400, "1 day ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(secs)), expected);
        }
    }
}
