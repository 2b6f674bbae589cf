//! A real token server over real sockets, in a thread of its own.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use axum::http::{Method, Request, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use super::families::{Class, Counts, Families, Issued};
use super::fault::{Canned, Fault};
use super::{WAIT, eventually};

/// A running token server. Ends when dropped.
///
/// | path | takes |
/// | --- | --- |
/// | `POST /token` | `refresh_token`, `client_credentials`, `password` as a form (RFC 6749) |
/// | `POST /api/auth/login` | JSON `username`, `password` (C9) |
/// | `POST /api/auth/refresh` | JSON `refresh_token` |
/// | `POST /revoke` | RFC 7009 |
/// | `GET /.well-known/oauth-authorization-server`, `/.well-known/openid-configuration` | metadata |
///
/// Faults fall on the three that give tokens. The client is `cid`; it needs no secret until
/// [`AuthServer::require_secret`]. The user is `u` with the password `p`.
pub struct AuthServer {
    state: Arc<State>,
    port: u16,
    running: Option<Runtime>,
    /// Holds the port while the server is stopped: connections are refused, and nobody takes it.
    reserved: Option<TcpSocket>,
}

struct Runtime {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

struct State {
    origin: String,
    settings: Mutex<Settings>,
    families: Mutex<Families>,
    queue: Mutex<VecDeque<Fault>>,
    always: Mutex<Option<Fault>>,
    target: AtomicU32,
    bodies: Mutex<Vec<String>>,
}

struct Settings {
    class: Class,
    lifetime: Duration,
    secret: Option<String>,
    password: String,
    /// Seconds by which the server's clock is ahead.
    skew: i64,
    extra: Value,
}

/// The connection is closed without a reply.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl std::error::Error for Closed {}

impl AuthServer {
    /// A server of that class on a free port, with access tokens of one hour.
    pub fn start(class: Class) -> Self {
        let socket = bind(0);
        let port = socket.local_addr().expect("an address").port();
        let settings = Settings {
            class,
            lifetime: Duration::from_secs(3600),
            secret: None,
            password: "p".to_owned(),
            skew: 0,
            extra: json!({}),
        };
        let state = Arc::new(State {
            origin: format!("http://127.0.0.1:{port}"),
            settings: Mutex::new(settings),
            families: Mutex::default(),
            queue: Mutex::default(),
            always: Mutex::default(),
            target: AtomicU32::new(0),
            bodies: Mutex::default(),
        });
        let mut server = Self { state, port, running: None, reserved: Some(socket) };
        server.start_again();
        server
    }

    /// `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> &str {
        &self.state.origin
    }

    /// The refresh token of a new login.
    pub fn issue(&self) -> String {
        self.state.families().begin().refresh_token.expect("a login has one")
    }

    /// Whether an API of this server would take the access token: its family lives.
    pub fn accepts(&self, access_token: &str) -> bool {
        self.state.families().accepts(access_token)
    }

    /// What was seen so far.
    pub fn counts(&self) -> Counts {
        self.state.families().counts
    }

    /// The body of every request for a token, in order.
    pub fn bodies(&self) -> Vec<String> {
        self.state.bodies.lock().expect("no panic before").clone()
    }

    /// Waits until so many requests for tokens have arrived.
    pub fn until_requests(&self, count: u64) {
        eventually("requests arrive", || self.counts().requests >= count);
    }

    /// Does this to the next request for a token, after what is queued already.
    pub fn fault(&self, fault: Fault) {
        self.faults([fault]);
    }

    /// Does these to the next requests.
    pub fn faults(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.queue.lock().expect("no panic before").extend(faults);
    }

    /// Does this to every request for which nothing is queued; `None`: nothing any more. Clears
    /// the queue.
    pub fn always(&self, fault: Option<Fault>) {
        self.state.queue.lock().expect("no panic before").clear();
        *self.state.always.lock().expect("no panic before") = fault;
    }

    /// The process that [`Fault::Kill`] and [`Fault::ProcessThenKill`] kill. They wait for it.
    pub fn aim(&self, pid: u32) {
        self.state.target.store(pid, Ordering::SeqCst);
    }

    pub fn set_class(&self, class: Class) {
        self.state.settings().class = class;
    }

    /// `expires_in` of the tokens to come.
    pub fn set_lifetime(&self, lifetime: Duration) {
        self.state.settings().lifetime = lifetime;
    }

    /// Puts the server's clock (`Date`) so many seconds ahead of ours.
    pub fn set_skew(&self, seconds: i64) {
        self.state.settings().skew = seconds;
    }

    /// The client's secret from now on; without it the answer is `invalid_client`.
    pub fn require_secret(&self, secret: &str) {
        self.state.settings().secret = Some(secret.to_owned());
    }

    /// The password of the user `u` from now on.
    pub fn set_password(&self, password: &str) {
        self.state.settings().password = password.to_owned();
    }

    /// Members that every grant gets, or has replaced: `json!({"access_token": "e30.e30.e30"})`.
    pub fn set_extra(&self, members: Value) {
        assert!(members.is_object());
        self.state.settings().extra = members;
    }

    /// Stops: connections break, new ones are refused. What it knows of tokens stays.
    pub fn stop(&mut self) {
        if let Some(Runtime { stop, thread }) = self.running.take() {
            let _ = stop.send(());
            thread.join().expect("the server did not panic");
            self.reserved = Some(bind(self.port));
        }
    }

    /// Starts again on the same port.
    pub fn start_again(&mut self) {
        let Some(socket) = self.reserved.take() else { return };
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let state = Arc::clone(&self.state);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = socket.listen(1024).expect("listening");
                ready.send(()).expect("somebody waits");
                tokio::select! {
                    () = serve(listener, state) => {}
                    _ = stopped => {}
                }
            });
        });
        is_ready.recv_timeout(WAIT).expect("the server listens");
        self.running = Some(Runtime { stop, thread });
    }
}

impl Drop for AuthServer {
    fn drop(&mut self) {
        if let Some(Runtime { stop, thread }) = self.running.take() {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

impl State {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().expect("no panic before")
    }

    fn families(&self) -> MutexGuard<'_, Families> {
        self.families.lock().expect("no panic before")
    }

    fn next_fault(&self) -> Fault {
        let queued = self.queue.lock().expect("no panic before").pop_front();
        let always = || self.always.lock().expect("no panic before").clone();
        queued.or_else(always).unwrap_or(Fault::Nothing)
    }

    /// Kills the process that was aimed at, and waits until it is dead.
    async fn kill(&self) {
        let started = Instant::now();
        while started.elapsed() < WAIT {
            let pid = i32::try_from(self.target.load(Ordering::SeqCst)).expect("a process id");
            if let Some(pid) = Pid::from_raw(pid) {
                let _ = kill_process(pid, Signal::KILL);
                // A dead child that nobody has reaped yet runs no code: that is dead enough.
                if test_kill_process(pid).is_err() || is_dead(pid) {
                    self.target.store(0, Ordering::SeqCst);
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn is_dead(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    // "pid (name) state …", and the name may hold anything but the last parenthesis.
    stat.map_or(true, |stat| {
        let state = stat.rsplit_once(')').map(|(_, rest)| rest.trim_start());
        state.is_none_or(|state| state.starts_with(['Z', 'X']))
    })
}

fn bind(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_reuseaddr(true).expect("set");
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).expect("the port is free");
    socket
}

async fn serve(listener: TcpListener, state: Arc<State>) {
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
    // Taken before the request is counted: who waits for the count may queue the next one.
    let fault = state.next_fault();
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
                let known = field("username") == "u" && field("password") == self.settings().password;
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
