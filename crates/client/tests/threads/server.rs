//! A server that gives a new token for each refresh token that is the current one.

use std::panic::resume_unwind;
use std::time::Duration;

use shuttle::sync::Mutex;
use unlapse::{Exchange, Request, Revoked};
use unlapse_core::{
    Answer, Body, BoxFuture, Cause, Credentials, Door, ErrorCode, Grant, Rejection, Reply, Rungs,
    Secret, Token,
};

use crate::world::{Planted, step};

#[derive(Default)]
pub struct Server(Mutex<State>);

#[derive(Default)]
struct State {
    tokens: u64,
    /// The refresh token that is good, of each login.
    good: Vec<String>,
    /// So many requests more find nobody.
    down: u32,
    /// So many requests more panic in the client.
    panics: u32,
    stable: bool,
    requests: u32,
    reused: u32,
}

impl Server {
    /// A new login.
    pub fn open(&self) -> Grant {
        let mut state = self.0.lock().expect("not poisoned");
        state.good.push(String::new());
        let login = state.good.len() - 1;
        state.grant(login)
    }

    /// The next `requests` find no server.
    pub fn go_down(&self, requests: u32) {
        self.0.lock().expect("not poisoned").down = requests;
    }

    /// The next `requests` panic.
    pub fn panic(&self, requests: u32) {
        self.0.lock().expect("not poisoned").panics = requests;
    }

    /// Every refresh token stays good.
    pub fn never_rotates(&self) {
        self.0.lock().expect("not poisoned").stable = true;
    }

    /// Requests that arrived.
    pub fn requests(&self) -> u32 {
        self.0.lock().expect("not poisoned").requests
    }

    /// Requests with a refresh token that had been replaced.
    pub fn reused(&self) -> u32 {
        self.0.lock().expect("not poisoned").reused
    }
}

impl State {
    fn grant(&mut self, login: usize) -> Grant {
        self.tokens += 1;
        self.good[login] = format!("rt-{login}-{}", self.tokens);
        let mut grant = Grant::bearer(Secret::new(format!("at-{}", self.tokens)));
        grant.refresh_token = Some(Secret::new(self.good[login].as_str()));
        grant.expires_in = Some(Duration::from_secs(3600));
        grant
    }

    fn refresh(&mut self, presented: &str) -> Body {
        self.requests += 1;
        let stable = self.stable.then_some(0);
        let good = self.good.iter().position(|good| good == presented).or(stable);
        if let Some(login) = good {
            return Body::Grant(Box::new(self.grant(login)));
        }
        self.reused += 1;
        Body::Error(ErrorCode::Rejection(Rejection::InvalidGrant))
    }
}

impl Exchange for Server {
    fn endpoint(&self) -> String {
        "https://as.example/token".to_owned()
    }

    fn rungs(&self, _: Option<&Credentials>) -> Rungs {
        Rungs { refresh: true, login: false, api_key: false }
    }

    fn door(&self, _: &Request<'_>) -> Door {
        Door::Token
    }

    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            step().await;
            let Request::Refresh { refresh_token, .. } = request else {
                return Answer::Unsent(Cause::Request);
            };
            let body = {
                let mut state = self.0.lock().expect("not poisoned");
                if state.down > 0 {
                    state.down -= 1;
                    return Answer::Unsent(Cause::Connect);
                }
                if state.panics > 0 {
                    state.panics -= 1;
                    None
                } else {
                    Some(state.refresh(refresh_token.expose()))
                }
            };
            // Raised without the lock, and without the hook that would report a failing test.
            let body = body.unwrap_or_else(|| resume_unwind(Box::new(Planted)));
            step().await;
            let status = if matches!(body, Body::Grant(_)) { 200 } else { 400 };
            Answer::Replied(Reply { status, body, retry_after: None, date: None })
        })
    }

    fn revoke<'a>(&'a self, _: &'a Token, _: Option<&'a Credentials>) -> BoxFuture<'a, Revoked> {
        Box::pin(async {
            step().await;
            self.0.lock().expect("not poisoned").good.clear();
            Revoked::Done
        })
    }
}
