//! `/login` and `/logout`: an API key opens the dashboard, for twelve hours.

use core::time::Duration;
use std::net::IpAddr;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use unlapse::tokio::TokioClock;
use unlapse::unlapse_core::Secret;

use super::desk::{Desk, is_from_elsewhere, is_from_here, is_ours};
use super::form::Form;
use super::page::{Shell, crowded, page, problem_to_stranger, see_other, stale};
use super::session::Session;
use super::visitor::is_live;
use super::words::span;
use crate::peer::peer;
use crate::problem::Problem;
use crate::strangers::PATIENCE;

/// Longest key that is looked up, in bytes.
const LONGEST: usize = 256;

#[derive(Template)]
#[template(path = "dashboard/login.html")]
struct SignInPage {
    shell: Shell,
    problem: Option<String>,
    to: String,
}

/// Why somebody is not let in.
enum Refused {
    /// The key is none, or opens nothing here.
    Key,
    /// Too many were, from there.
    Wait(Duration),
}

/// `GET /login`
pub(super) async fn asked(State(desk): State<Desk>, request: Parts) -> Response {
    let to = Form::parse(request.uri.query().unwrap_or_default().as_bytes());
    let to = to.map(|form| form.text("to").to_owned()).unwrap_or_default();
    if desk.is_open() || desk.who(&request).await.is_ok() {
        return see_other(if is_ours(&to) { &to } else { "/" });
    }
    ask(&desk, &request, &to, None)
}

/// The form, with a session that it belongs to.
fn ask(desk: &Desk, request: &Parts, to: &str, refused: Option<&Refused>) -> Response {
    let now = desk.look().now();
    let shown = desk.cookies().shown(&request.headers, now).filter(|it| it.key.is_none());
    let is_fresh = shown.is_none();
    let session = shown.unwrap_or_else(|| Session::begin(None, now));
    let (status, problem) = match refused {
        None => (StatusCode::OK, None),
        Some(Refused::Key) => {
            let told = "No key like this opens the dashboard. It takes a key that may read, \
                        or administer.";
            (StatusCode::FORBIDDEN, Some(told.to_owned()))
        }
        Some(Refused::Wait(wait)) => {
            let told = format!("Too many attempts. Please try again in {}.", span(*wait));
            (StatusCode::TOO_MANY_REQUESTS, Some(told))
        }
    };
    let shell = Shell::stranger("Sign in", session.token());
    let mut response = page(status, &SignInPage { shell, problem, to: to.to_owned() });
    let headers = response.headers_mut();
    if let Some(Refused::Wait(wait)) = refused {
        headers.insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    if is_fresh && is_from_elsewhere(&request.headers) {
        // `SameSite=Strict`: the browser may have a session and has not sent it, as a link of others
        // led here. It would be overwritten; asked for from this page, it comes along.
        let to = if is_ours(to) { to } else { "/" };
        if let Ok(again) = HeaderValue::from_str(&format!("0; url={to}")) {
            headers.insert(header::REFRESH, again);
        }
        return response;
    }
    if let Some(cookie) = is_fresh.then(|| desk.cookies().set(&session)).flatten() {
        headers.append(header::SET_COOKIE, cookie);
    }
    response
}

/// `POST /login`
pub(super) async fn sent(State(desk): State<Desk>, request: Parts, body: Body) -> Response {
    let now = desk.look().now();
    // What is known without its body is looked at first.
    let session = desk.cookies().shown(&request.headers, now);
    let session = session.filter(|_| !desk.is_open() && is_from_here(&request.headers));
    let Some(session) = session else { return stale() };
    let _room = match desk.strangers().enter(peer(&request)) {
        Ok(room) => room,
        Err(crowd) => return crowded(crowd, now),
    };
    let form = match Form::read_within(PATIENCE, &request.headers, body).await {
        Ok(form) => form,
        Err(problem) => return problem_to_stranger(&problem),
    };
    if !session.gave(&form) {
        return stale();
    }
    let to = form.text("to");
    match sign_in(&desk, &form, peer(&request)).await {
        Ok(Ok(session)) => {
            let mut response = see_other(if is_ours(to) { to } else { "/" });
            if let Some(cookie) = desk.cookies().set(&session) {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
            response
        }
        Ok(Err(refused)) => ask(&desk, &request, to, Some(&refused)),
        Err(problem) => problem_to_stranger(&problem),
    }
}

async fn sign_in(
    desk: &Desk,
    form: &Form,
    peer: Option<IpAddr>,
) -> Result<Result<Session, Refused>, Problem> {
    let now = desk.look().now();
    // Pasted from a terminal, it may have brought the end of its line.
    let key = form.value("key").map(|key| Secret::new(key.expose().trim()));
    let key = key.filter(|key| key.len() <= LONGEST && desk.look().is_key(key));
    let Some(key) = key else { return Ok(Err(Refused::Key)) };
    let guesses = desk.strangers().guesses();
    let _turn = match guesses.turn(peer, &TokioClock::new(), now).await {
        Ok(turn) => turn,
        Err(wait) => return Ok(Err(Refused::Wait(wait))),
    };
    let found = desk.look().key(&key).await?;
    let from = peer.map(|peer| peer.to_string()).unwrap_or_default();
    let Some(key) = found.filter(|key| is_live(key, now)) else {
        // A row for each would let strangers fill the log.
        if guesses.failed(peer, now) {
            desk.look().note_sign_in(None, &from).await?;
        }
        return Ok(Err(Refused::Key));
    };
    desk.look().note_sign_in(Some(&key), &from).await?;
    Ok(Ok(Session::begin(Some(key.id), now)))
}

/// `POST /logout`
pub(super) async fn left(State(desk): State<Desk>, request: Parts, body: Body) -> Response {
    let session = match desk.enter_with(&request, body).await {
        Ok((visitor, _)) => visitor.session,
        Err(response) => return response,
    };
    // Nobody is told to be signed out while a copy of the cookie still opens something.
    if let Err(problem) = desk.look().sign_out(session.hash(), session.ends_at).await {
        return problem_to_stranger(&problem);
    }
    let mut response = see_other("/login");
    if let Some(cookie) = desk.cookies().forget() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    // What was shown does not come back by the button that leads back.
    let cleared = HeaderValue::from_static("\"cache\"");
    response.headers_mut().insert("clear-site-data", cleared);
    response
}
