//! The sockets.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use super::Desk;
use super::book::Refresh;
use super::consents::Consent;
use super::fault::Fault;
use super::journal::Sent;
use super::words::{LoggedIn, Written};

/// The longest request body.
const LIMIT: usize = 16 * 1024;

/// The connection is closed without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed without an answer")
    }
}

impl std::error::Error for Closed {}

type Reply = Result<Response<Full<Bytes>>, Closed>;

/// What is answered once it was thought about.
enum Then {
    Say(Response<Full<Bytes>>),
    Close,
}

/// Serves until it is stopped. A thread is enough: it thinks for microseconds.
pub(super) fn run(listener: TcpListener, desk: &Arc<Desk>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("the system gives what a runtime needs");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener);
        let listener = listener.expect("the listener is new and does not block");
        tokio::select! {
            () = accept(&listener, desk) => {}
            _ = stopped => {}
        }
    });
}

async fn accept(listener: &tokio::net::TcpListener, desk: &Arc<Desk>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: others give some back.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let desk = Arc::clone(desk);
        let service = service_fn(move |request| answer(Arc::clone(&desk), request));
        tokio::spawn(async move {
            let http = hyper::server::conn::http1::Builder::new();
            // It ends with its client, or as a fault has it.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(desk: Arc<Desk>, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let path = head.uri.path().trim_start_matches('/').to_owned();
    let Ok(body) = Limited::new(body, LIMIT).collect().await else {
        return Ok(error(StatusCode::BAD_REQUEST, "invalid_request"));
    };
    let body = body.to_bytes();
    let field = |name: &str| {
        let mut fields = url::form_urlencoded::parse(&body);
        fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned())
    };
    match path.split_once('/') {
        Some((_, "authorize")) if head.method == Method::GET => {
            Ok(authorize(&desk, head.uri.query().unwrap_or_default()))
        }
        Some(_) if head.method != Method::POST => {
            Ok(plain(StatusCode::METHOD_NOT_ALLOWED, Bytes::new()))
        }
        Some((_, "token")) if field("grant_type").as_deref() == Some("authorization_code") => {
            Ok(redeem(&desk, field))
        }
        Some((caller, "token")) => token(&desk, caller, field("refresh_token")).await,
        Some((_, "revoke")) => {
            revoke(&desk, &field("token").unwrap_or_default());
            Ok(plain(StatusCode::OK, Bytes::new()))
        }
        _ => Ok(plain(StatusCode::NOT_FOUND, Bytes::new())),
    }
}

/// Sends the user back with a code for a new login. Where it cannot be told who asks for what, nobody is
/// sent anywhere (RFC 6749 §4.1.2.1).
fn authorize(desk: &Desk, query: &str) -> Response<Full<Bytes>> {
    let field = |name: &str| {
        let mut fields = url::form_urlencoded::parse(query.as_bytes());
        fields.find(|(field, _)| field == name).map(|(_, value)| value.into_owned())
    };
    let redirect_uri = field("redirect_uri").unwrap_or_default();
    let challenge = field("code_challenge");
    let is_known = challenge.is_none() || field("code_challenge_method").as_deref() == Some("S256");
    let back = url::Url::parse(&redirect_uri).ok();
    let asks_for_code = field("response_type").as_deref() == Some("code");
    let (Some(mut back), true, true) = (back, is_known, asks_for_code) else {
        return plain(StatusCode::BAD_REQUEST, Bytes::from_static(b"nobody is sent back"));
    };
    let now = desk.now();
    let mut state = desk.state();
    let family = state.book.open(now);
    state.consents.give(family, Consent { redirect_uri, challenge });
    back.query_pairs_mut().append_pair("code", &desk.words.write_code(family));
    if let Some(state) = field("state") {
        back.query_pairs_mut().append_pair("state", &state);
    }
    let mut reply = plain(StatusCode::FOUND, Bytes::new());
    let back = HeaderValue::from_str(back.as_str()).expect("a URL is visible ASCII");
    reply.headers_mut().insert(LOCATION, back);
    reply
}

/// RFC 6749 §4.1.3: a code brings the tokens of its login.
fn redeem(desk: &Desk, field: impl Fn(&str) -> Option<String>) -> Response<Full<Bytes>> {
    let family = field("code").and_then(|code| desk.words.code(&code));
    let (redirect_uri, verifier) = (field("redirect_uri"), field("code_verifier"));
    let is_good = family.is_some_and(|family| {
        let consents = &mut desk.state().consents;
        consents.redeem(family, redirect_uri.as_deref(), verifier.as_deref())
    });
    match family.filter(|_| is_good) {
        Some(family) => granted(&desk.logged_in(family, desk.now())),
        None => error(StatusCode::BAD_REQUEST, "invalid_grant"),
    }
}

async fn token(desk: &Desk, caller: &str, refresh_token: Option<String>) -> Reply {
    let sent = refresh_token.and_then(|token| desk.words.refresh(&token));
    let (caller, fault) = {
        let mut state = desk.state();
        state.tally.requests += 1;
        let caller = state.book.caller(caller);
        let fault = state.weather.strike(caller, sent.map(|(family, _)| family));
        state.tally.faults += u64::from(fault.is_some());
        (caller, fault)
    };
    let wait = match fault {
        Some(Fault::Hang(wait) | Fault::Slow(wait)) => wait,
        _ => desk.terms.delay,
    };
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    let then = match fault {
        Some(fault) if !fault.is_carried_out() => failed(fault),
        _ => carry_out(desk, caller, sent, fault == Some(Fault::LostReply)),
    };
    match then {
        Then::Say(reply) => Ok(reply),
        Then::Close => Err(Closed),
    }
}

/// What the fault answers.
fn failed(fault: Fault) -> Then {
    let refused = |status, code| Then::Say(error(status, code));
    match fault {
        Fault::Limited(after) => {
            let mut reply = error(StatusCode::TOO_MANY_REQUESTS, "slow_down");
            reply.headers_mut().insert(RETRY_AFTER, after.as_secs().into());
            Then::Say(reply)
        }
        Fault::Page => {
            let mut page = plain(StatusCode::OK, Bytes::from_static(b"<html>Are you a robot?"));
            page.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            Then::Say(page)
        }
        Fault::InvalidGrant => refused(StatusCode::BAD_REQUEST, "invalid_grant"),
        Fault::InvalidClient => refused(StatusCode::UNAUTHORIZED, "invalid_client"),
        Fault::Hang(_) => Then::Close,
        Fault::Unavailable | Fault::LostReply | Fault::Slow(_) => {
            Then::Say(plain(StatusCode::SERVICE_UNAVAILABLE, Bytes::new()))
        }
    }
}

fn carry_out(desk: &Desk, caller: u16, sent: Option<(u32, u32)>, reply_lost: bool) -> Then {
    let now = desk.now();
    let mut state = desk.state();
    let state = &mut *state;
    let Some((family, sent)) = sent else {
        state.tally.refused += 1;
        return Then::Say(error(StatusCode::BAD_REQUEST, "invalid_grant"));
    };
    let refresh = Refresh { family, sent, caller, now, reply_lost };
    let rotation = desk.terms.rotation;
    let newest = state.book.generation(family);
    let brought = state.book.refresh(refresh, rotation, &mut state.tally);
    let outcome = match brought {
        None => "refused",
        Some(_) if reply_lost => "done, and the reply lost",
        Some(generation) if generation == newest => "done again",
        Some(_) => "done",
    };
    state.journal.note(Sent { at: now, family, caller, generation: sent, newest, outcome });
    let Some(generation) = brought else {
        return Then::Say(error(StatusCode::BAD_REQUEST, "invalid_grant"));
    };
    if reply_lost {
        return Then::Close;
    }
    let expires_in = desk.terms.access_ttl;
    let until = now + expires_in;
    let access_token = desk.words.write_access(Written { family, generation, until });
    let next = if rotation == super::Rotation::Stable { 0 } else { generation };
    let refresh_token = desk.words.write_refresh(family, next);
    Then::Say(granted(&LoggedIn { family, access_token, refresh_token, expires_in }))
}

/// RFC 6749 §5.1.
fn granted(login: &LoggedIn) -> Response<Full<Bytes>> {
    let LoggedIn { access_token, refresh_token, expires_in, .. } = login;
    let seconds = expires_in.as_secs();
    // Its tokens have no letter that JSON would escape.
    json(
        StatusCode::OK,
        format!(
            r#"{{"access_token":"{access_token}","token_type":"Bearer","expires_in":{seconds},"refresh_token":"{refresh_token}"}}"#
        ),
    )
}

/// RFC 7009 §2.2: an unknown token is no error.
fn revoke(desk: &Desk, token: &str) {
    let family = desk.words.refresh(token).map(|(family, _)| family);
    let family = family.or_else(|| desk.words.access(token).map(|token| token.family));
    let mut state = desk.state();
    state.tally.revocations += 1;
    if let Some(family) = family {
        state.book.end(family);
    }
}

/// RFC 6749 §5.2.
fn error(status: StatusCode, code: &str) -> Response<Full<Bytes>> {
    json(status, format!(r#"{{"error":"{code}"}}"#))
}

fn json(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut reply = plain(status, body.into());
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

fn plain(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply
}
