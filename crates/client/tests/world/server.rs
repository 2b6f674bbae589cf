use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::clock::WorldClock;
use http::HeaderValue;
use unlapse::{Clock as _, Exchange, Request, Revoked, ToProve};
use unlapse_core::{
    Answer, Body, BoxFuture, Cause, Credentials, Door, ErrorCode, Grant, Rejection, Reply, Reuse,
    Rungs, Secret, SenderKeyProblem, Token, UnixTime,
};

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// No connection: the server never sees it.
    Unsent,
    /// The server does its work, and the reply is lost.
    ReplyLost,
    /// The server sees the request and never does anything.
    Hang,
    /// Like `ReplyLost`, but nobody says so: the client's own deadline has to.
    ReplyHangs,
    Status(u16, Option<u64>),
    Html(u16),
    /// The server does its work, and a gateway gives up on it.
    DoneThenStatus(u16),
    Reject(Rejection),
    /// A token that breaks the rules, for a spent refresh token.
    Opaque,
}

/// A server of one reuse class, which rotates on every use unless it is stable.
pub struct Server {
    class: Reuse,
    clock: Arc<WorldClock>,
    state: Mutex<State>,
    pub faults: Mutex<VecDeque<Fault>>,
    pub requests: AtomicU64,
    pub logins: AtomicU64,
    pub rotations: AtomicU64,
    pub families_revoked: AtomicU64,
    pub latency: Mutex<Duration>,
    pub rungs: Mutex<Rungs>,
    pub refuse_login: Mutex<bool>,
    pub lifetime: Mutex<u64>,
    pub revoked: AtomicU64,
    pub clock_ahead: Mutex<i64>,
    /// Bytes of the `id_token` that comes with each grant; zero: none.
    pub id_token: Mutex<usize>,
    /// Binds refresh tokens to the key of the first proof, as RFC 9449 §5 has it.
    pub binds: AtomicBool,
    /// Keys drawn so far.
    pub keys: AtomicU64,
    /// With what each request was proven.
    pub proofs: Mutex<Vec<Option<String>>>,
    /// Sets this right before a reply is made: what a test wants to happen in the middle.
    pub panics: AtomicU64,
}

#[derive(Default)]
struct State {
    generation: u64,
    alive: bool,
    rotated_at: UnixTime,
    access: u64,
    key: Option<String>,
}

impl Server {
    pub fn new(class: Reuse, clock: Arc<WorldClock>) -> Self {
        Self {
            class,
            clock,
            state: Mutex::default(),
            faults: Mutex::default(),
            requests: AtomicU64::default(),
            logins: AtomicU64::default(),
            rotations: AtomicU64::default(),
            families_revoked: AtomicU64::default(),
            latency: Mutex::new(Duration::from_millis(50)),
            rungs: Mutex::new(Rungs { refresh: true, login: false, api_key: false }),
            refuse_login: Mutex::new(false),
            lifetime: Mutex::new(3600),
            revoked: AtomicU64::default(),
            clock_ahead: Mutex::new(0),
            id_token: Mutex::new(0),
            binds: AtomicBool::default(),
            keys: AtomicU64::default(),
            proofs: Mutex::default(),
            panics: AtomicU64::default(),
        }
    }

    /// A new login.
    pub fn open(&self) -> Grant {
        let mut state = self.state.lock().unwrap();
        *state = State { generation: 1, alive: true, access: state.access + 1, ..State::default() };
        self.grant(&state)
    }

    pub fn fault(&self, fault: Fault) {
        self.faults.lock().unwrap().push_back(fault);
    }

    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }

    pub fn families_revoked(&self) -> u64 {
        self.families_revoked.load(Ordering::SeqCst)
    }

    pub fn is_alive(&self) -> bool {
        self.state.lock().unwrap().alive
    }

    fn grant(&self, state: &State) -> Grant {
        let mut grant = Grant::bearer(Secret::new(format!("at-{}", state.access)));
        grant.refresh_token = Some(Secret::new(format!("rt-{}", state.generation)));
        grant.expires_in = Some(Duration::from_secs(*self.lifetime.lock().unwrap()));
        grant.token_type = self.binds.load(Ordering::SeqCst).then(|| "DPoP".to_owned());
        let size = *self.id_token.lock().unwrap();
        grant.id_token = (size > 0).then(|| Secret::new("i".repeat(size)));
        grant
    }

    fn refresh(&self, presented: &str) -> Body {
        let mut state = self.state.lock().unwrap();
        let rejected = Body::Error(ErrorCode::Rejection(Rejection::InvalidGrant));
        let presented: u64 = presented.trim_start_matches("rt-").parse().unwrap();
        if !state.alive {
            return rejected;
        }
        let now = self.clock.now().wall;
        let current = presented == state.generation;
        let previous = presented + 1 == state.generation;
        let replay = previous
            && match self.class {
                Reuse::UntilUsed => true,
                Reuse::Grace(window) => now.since(state.rotated_at) < window,
                _ => false,
            };
        if !current && !replay {
            state.alive = false;
            self.families_revoked.fetch_add(1, Ordering::SeqCst);
            return rejected;
        }
        state.access += 1;
        if current && self.class != Reuse::Stable {
            state.generation += 1;
            state.rotated_at = now;
            self.rotations.fetch_add(1, Ordering::SeqCst);
        }
        Body::Grant(Box::new(self.grant(&state)))
    }

    /// Whether the proof is of the key that the login is bound to, or binds it now.
    fn is_proven(&self, key: Option<&Secret>) -> bool {
        let key = key.map(|key| key.expose().to_owned());
        self.proofs.lock().unwrap().push(key.clone());
        if !self.binds.load(Ordering::SeqCst) {
            return true;
        }
        let mut state = self.state.lock().unwrap();
        if state.key.is_none() {
            state.key.clone_from(&key);
        }
        key.is_some() && state.key == key
    }

    fn answer(&self, request: Request<'_>) -> Body {
        if matches!(request, Request::Refresh { .. }) && !self.is_proven(request.sender_key()) {
            return Body::Error(ErrorCode::Rejection(Rejection::InvalidGrant));
        }
        match request {
            Request::Refresh { refresh_token, .. } => self.refresh(refresh_token.expose()),
            Request::Login { .. } => {
                self.logins.fetch_add(1, Ordering::SeqCst);
                if *self.refuse_login.lock().unwrap() {
                    return Body::Error(ErrorCode::Rejection(Rejection::InvalidGrant));
                }
                let grant = self.open();
                self.is_proven(request.sender_key());
                Body::Grant(Box::new(grant))
            }
        }
    }
}

impl Exchange for Server {
    fn endpoint(&self) -> String {
        "https://as.example/token".to_owned()
    }

    fn rungs(&self, _: Option<&Credentials>) -> Rungs {
        *self.rungs.lock().unwrap()
    }

    fn door(&self, _: &Request<'_>) -> Door {
        Door::Token
    }

    fn sender_key(&self, kept: Option<&Secret>) -> Result<Option<Secret>, SenderKeyProblem> {
        if !self.binds.load(Ordering::SeqCst) {
            return Ok(None);
        }
        match kept {
            Some(kept) if kept.expose().starts_with("key-") => Ok(Some(kept.clone())),
            Some(_) => Err(SenderKeyProblem::Unusable),
            None => {
                let number = self.keys.fetch_add(1, Ordering::SeqCst) + 1;
                Ok(Some(Secret::new(format!("key-{number}"))))
            }
        }
    }

    fn prove(&self, key: &Secret, request: ToProve<'_>) -> Result<HeaderValue, SenderKeyProblem> {
        let token = request.access_token.map_or("", Secret::expose);
        let parts = [key.expose(), request.method.as_str(), request.url, token];
        let proof = [&parts[..], request.nonce.as_slice()].concat().join(" ");
        HeaderValue::from_str(&proof).map_err(|_| SenderKeyProblem::Target)
    }

    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let fault = self.faults.lock().unwrap().pop_front().unwrap_or(Fault::None);
            if fault == Fault::Unsent {
                return Answer::Unsent(Cause::Connect);
            }
            self.requests.fetch_add(1, Ordering::SeqCst);
            let latency = *self.latency.lock().unwrap();
            self.clock.sleep(latency).await;
            let date = self.clock.now().wall.as_millis();
            let date = date.saturating_add_signed(*self.clock_ahead.lock().unwrap());
            let reply = |status, retry_after: Option<u64>, body| {
                Answer::Replied(Reply {
                    status,
                    body,
                    retry_after: retry_after.map(Duration::from_secs),
                    date: Some(UnixTime::from_millis(date)),
                })
            };
            match fault {
                Fault::None => {
                    assert!(self.panics.load(Ordering::SeqCst) == 0, "planted");
                    match self.answer(request) {
                        body @ Body::Error(_) => reply(400, None, body),
                        body => reply(200, None, body),
                    }
                }
                Fault::ReplyLost => {
                    self.answer(request);
                    Answer::Lost(Cause::Broken)
                }
                Fault::ReplyHangs => {
                    self.answer(request);
                    std::future::pending().await
                }
                Fault::Hang => std::future::pending().await,
                Fault::Status(status, retry_after) => reply(status, retry_after, Body::Empty),
                Fault::DoneThenStatus(status) => {
                    self.answer(request);
                    reply(status, None, Body::Empty)
                }
                Fault::Html(status) => reply(status, None, Body::Html),
                Fault::Reject(rejection) => {
                    reply(400, None, Body::Error(ErrorCode::Rejection(rejection)))
                }
                Fault::Opaque => match self.answer(request) {
                    Body::Grant(mut grant) => {
                        grant.expires_in = Some(Duration::from_secs(999_999));
                        reply(200, None, Body::Grant(grant))
                    }
                    body => reply(400, None, body),
                },
                Fault::Unsent => unreachable!("handled above"),
            }
        })
    }

    fn revoke<'a>(&'a self, _: &'a Token, _: Option<&'a Credentials>) -> BoxFuture<'a, Revoked> {
        Box::pin(async move {
            self.revoked.fetch_add(1, Ordering::SeqCst);
            self.state.lock().unwrap().alive = false;
            Revoked::Done
        })
    }
}
