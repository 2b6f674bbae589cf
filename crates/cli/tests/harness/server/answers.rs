//! What the server answers, and what it does instead.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use axum::http::{Method, Request, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::State;
use crate::harness::families::Issued;
use crate::harness::{Canned, Fault};

/// The connection is closed without a reply.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl std::error::Error for Closed {}

pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        let service = hyper::service::service_fn(move |request| {
            let state = Arc::clone(&state);
            async move { answer(&state, request).await }
        });
        tokio::spawn(async move {
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A connection that breaks is what this is for.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    state: &State,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Body>, Closed> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), 1 << 20).await.map_err(|_| Closed)?;
    let authorization = parts.headers.get(AUTHORIZATION);
    let basic = authorization.and_then(|value| basic(value.to_str().ok()?));
    let asked = Asked { path: parts.uri.path().to_owned(), body, basic };
    let gives_tokens = ["/token", "/api/auth/login", "/api/auth/refresh"];
    let mut response = if parts.method == Method::POST && gives_tokens.contains(&&*asked.path) {
        for_token(state, &asked).await?
    } else {
        state.other(&parts.method, &asked)
    };
    let skew = state.settings().skew;
    if skew != 0 {
        let offset = Duration::from_secs(skew.unsigned_abs());
        let now = SystemTime::now();
        let date = if skew > 0 { now + offset } else { now - offset };
        let date = httpdate::fmt_http_date(date).parse().expect("a header value");
        response.headers_mut().insert(DATE, date);
    }
    Ok(response)
}

/// A request, read.
struct Asked {
    path: String,
    body: Bytes,
    basic: Option<(String, String)>,
}

async fn for_token(state: &State, asked: &Asked) -> Result<Response<Body>, Closed> {
    let text = String::from_utf8_lossy(&asked.body).into_owned();
    state.bodies.lock().expect("no panic before").push(text);
    // Both before the request is counted: who waits for the count may go on to the next one.
    let fault = state.next_fault();
    let mut released = state.released.subscribe();
    state.families().counts.requests += 1;
    match fault {
        Fault::Nothing => Ok(state.grant(asked)),
        Fault::Reply(reply) => Ok(canned(reply)),
        Fault::ProcessThenReply(reply) => {
            state.grant(asked);
            Ok(canned(reply))
        }
        Fault::Hang => std::future::pending().await,
        Fault::ProcessThenHang => {
            state.grant(asked);
            std::future::pending().await
        }
        Fault::Drop => Err(Closed),
        Fault::LoseReply => {
            state.grant(asked);
            Err(Closed)
        }
        Fault::Kill => {
            state.kill().await;
            Err(Closed)
        }
        Fault::ProcessThenKill => {
            state.grant(asked);
            state.kill().await;
            Err(Closed)
        }
        Fault::Slow(wait) => {
            let response = state.grant(asked);
            tokio::time::sleep(wait).await;
            Ok(response)
        }
        Fault::Hold => {
            let response = state.grant(asked);
            released.changed().await.map_err(|_| Closed)?;
            Ok(response)
        }
    }
}

impl State {
    fn grant(&self, asked: &Asked) -> Response<Body> {
        let is_form = asked.path == "/token";
        let fields: Value = if is_form {
            let pairs = form(&asked.body).map(|(name, value)| (name, Value::String(value)));
            Value::Object(pairs.collect())
        } else {
            serde_json::from_slice(&asked.body).unwrap_or_default()
        };
        let field = |name: &str| fields[name].as_str().unwrap_or_default();
        if is_form && !self.knows_client(asked, field("client_id"), field("client_secret")) {
            return error(StatusCode::UNAUTHORIZED, "invalid_client");
        }
        let kind = match &*asked.path {
            "/api/auth/login" => "password",
            "/api/auth/refresh" => "refresh_token",
            _ => field("grant_type"),
        };
        let class = self.settings().class;
        let issued = match kind {
            "refresh_token" => self.families().refresh(field("refresh_token"), class),
            "client_credentials" => {
                self.families().counts.logins += 1;
                Some(self.families().access_only())
            }
            "password" => {
                let known =
                    field("username") == "u" && field("password") == self.settings().password;
                known.then(|| {
                    self.families().counts.logins += 1;
                    self.families().begin()
                })
            }
            _ => return error(StatusCode::BAD_REQUEST, "unsupported_grant_type"),
        };
        match issued {
            Some(issued) => self.granted(issued),
            None if is_form => error(StatusCode::BAD_REQUEST, "invalid_grant"),
            None => json_reply(StatusCode::UNAUTHORIZED, &json!({"message": "no"})),
        }
    }

    fn granted(&self, issued: Issued) -> Response<Body> {
        let settings = self.settings();
        let mut grant = json!({
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": settings.lifetime.as_secs(),
        });
        let members = grant.as_object_mut().expect("an object");
        if let Some(refresh_token) = issued.refresh_token {
            members.insert("refresh_token".to_owned(), refresh_token.into());
        }
        members.extend(settings.extra.as_object().expect("an object").clone());
        json_reply(StatusCode::OK, &grant)
    }

    fn knows_client(&self, asked: &Asked, id: &str, secret: &str) -> bool {
        let (id, secret) = match &asked.basic {
            Some((id, secret)) => (id.as_str(), secret.as_str()),
            None => (id, secret),
        };
        let settings = self.settings();
        id == "cid" && settings.secret.as_ref().is_none_or(|wanted| wanted == secret)
    }

    fn other(&self, method: &Method, asked: &Asked) -> Response<Body> {
        let origin = &self.origin;
        match (method, &*asked.path) {
            (&Method::POST, "/revoke") => {
                let token = form(&asked.body).find(|(name, _)| name == "token");
                self.families().revoke(&token.unwrap_or_default().1);
                json_reply(StatusCode::OK, &json!({}))
            }
            (
                &Method::GET,
                "/.well-known/oauth-authorization-server" | "/.well-known/openid-configuration",
            ) => json_reply(
                StatusCode::OK,
                &json!({
                    "issuer": origin,
                    "token_endpoint": format!("{origin}/token"),
                    "revocation_endpoint": format!("{origin}/revoke"),
                    "response_types_supported": ["code"],
                }),
            ),
            _ => json_reply(StatusCode::NOT_FOUND, &json!({})),
        }
    }
}

fn canned(reply: Canned) -> Response<Body> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).expect("a reply that makes sense")
}

fn error(status: StatusCode, code: &str) -> Response<Body> {
    json_reply(status, &json!({ "error": code }))
}

fn json_reply(status: StatusCode, value: &Value) -> Response<Body> {
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    response.body(Body::from(value.to_string())).expect("a reply that makes sense")
}

/// Client id and secret of HTTP Basic (RFC 6749 §2.3.1; the ids here need no percent-encoding).
fn basic(authorization: &str) -> Option<(String, String)> {
    let encoded = authorization.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

fn form(body: &[u8]) -> impl Iterator<Item = (String, String)> + '_ {
    url::form_urlencoded::parse(body).into_owned()
}
