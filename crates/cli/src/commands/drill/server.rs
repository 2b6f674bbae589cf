//! The authorization server of a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use unlapse_core::Secret;
use unlapse_issuer::verify::Refusal;
use unlapse_issuer::{
    Client, Counts, Issuer, MemoryClients, MemoryUsers, PasswordCost, PasswordHash, Policy, Scopes,
    User,
};

use super::Failed;
use super::authority::{Authority, Farewell};
use super::desk::{Desk, Granted};
use super::tally::Handed;
use crate::commands::embedded;

/// The client that needs no secret, and the one that needs one.
const PUBLIC: &str = "drill";
const CONFIDENTIAL: &str = "drill-confidential";
/// The user.
pub(super) const USERNAME: &str = "ada";
/// A token that ended so shortly before it was looked at was valid when it was printed.
const LEEWAY: Duration = Duration::from_secs(1);

/// What kind of server a row wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// How long a refresh token that was succeeded is answered again; zero is strict.
    pub(super) grace: Duration,
    /// How far its clock is ahead, in milliseconds.
    pub(super) ahead: i64,
    /// Life of an access token.
    pub(super) lifetime: Duration,
    /// It speaks TLS.
    pub(super) tls: bool,
    /// The client needs a secret.
    pub(super) confidential: bool,
}

/// A running server. It and its connections end with it.
pub(super) struct Server {
    pub(super) desk: Arc<Desk>,
    pub(super) door: Arc<Door>,
    issuer: Issuer,
    kind: Kind,
    password: Secret,
    client_secret: Secret,
    task: JoinHandle<()>,
}

/// What was seen of TLS, and how the next connection ends.
#[derive(Default)]
pub(super) struct Door {
    pub(super) farewell: Farewell,
    /// A client has chosen HTTP/2.
    pub(super) http2: AtomicBool,
    /// A client has chosen something else.
    pub(super) http1: AtomicBool,
    /// A client has ended the handshake.
    pub(super) refused: AtomicBool,
}

impl Server {
    pub(super) async fn open(kind: Kind, authority: &Authority) -> Result<Self, Failed> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let scheme = if kind.tls { "https" } else { "http" };
        let origin = format!("{scheme}://{}", listener.local_addr()?);
        let secret = || Secret::from(format!("{:016x}", embedded::random_seed()));
        let (password, client_secret) = (secret(), secret());
        let cost = PasswordCost { memory_kib: 1024, passes: 1 };
        let users = MemoryUsers::new();
        let hash = PasswordHash::new(&password, cost)?;
        users.add(USERNAME, User { subject: USERNAME.to_owned(), password: hash });
        let clients = MemoryClients::new([
            Client::public(PUBLIC).with_scopes(scopes()?),
            Client::confidential(CONFIDENTIAL, &client_secret).with_scopes(scopes()?),
        ]);
        let policy = Policy { grace: kind.grace, replay_cap: 10_000, ..Policy::default() };
        let issuer = Issuer::builder(&origin)
            .access_lifetime(kind.lifetime)
            .policy(policy)
            .clients(Arc::new(clients))
            .users(Arc::new(users))
            .password_cost(cost)
            .clock(Arc::new(move || unlapse::tokio::system_now().wall.shifted(kind.ahead)))
            .build()?;
        let (desk, door) = (Arc::new(Desk::new(kind.ahead)), Arc::new(Door::default()));
        let task =
            Self::serve(listener, &issuer, &desk, &door, kind.tls.then(|| authority.clone()));
        Ok(Self { desk, door, issuer, kind, password, client_secret, task })
    }

    #[expect(clippy::disallowed_methods, reason = "the drill owns its runtime")]
    fn serve(
        listener: TcpListener,
        issuer: &Issuer,
        desk: &Arc<Desk>,
        door: &Arc<Door>,
        authority: Option<Authority>,
    ) -> JoinHandle<()> {
        let metadata = metadata(issuer.url());
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(async || Json(metadata)))
            .fallback_service(issuer.router());
        let (desk, door) = (Arc::clone(desk), Arc::clone(door));
        let housekeeping = issuer.housekeeping(std::future::pending());
        let serving = embedded::serve(listener, move |stream: TcpStream| {
            let (routes, desk, door) = (routes.clone(), Arc::clone(&desk), Arc::clone(&door));
            let authority = authority.clone();
            async move {
                match authority {
                    Some(authority) => authority.connection(stream, routes, desk, &door).await,
                    None => {
                        embedded::connection(stream, routes, desk, std::future::pending()).await;
                    }
                }
            }
        });
        tokio::spawn(async {
            tokio::join!(serving, housekeeping);
        })
    }

    /// A refresh token of a new login.
    pub(super) async fn log_in(&self) -> Result<Secret, Failed> {
        let issued = self.issuer.open_session(USERNAME, self.client_id(), scopes()?).await?;
        let token = issued.refresh_token.ok_or("a session without a refresh token")?;
        self.desk.remember(token.clone());
        Ok(token)
    }

    pub(super) fn origin(&self) -> &str {
        self.issuer.url()
    }

    pub(super) fn client_id(&self) -> &'static str {
        if self.kind.confidential { CONFIDENTIAL } else { PUBLIC }
    }

    /// Empty for a client that needs none.
    pub(super) fn client_secret(&self) -> Secret {
        if self.kind.confidential { self.client_secret.clone() } else { Secret::new("") }
    }

    pub(super) fn password(&self) -> &Secret {
        &self.password
    }

    /// `strict`, or `grace:30s`.
    pub(super) fn reuse(&self) -> String {
        if self.kind.grace.is_zero() {
            return "strict".to_owned();
        }
        format!("grace:{}", unlapse_core::duration::format(self.kind.grace))
    }

    pub(super) fn counts(&self) -> Counts {
        self.issuer.counts()
    }

    /// What is left of the life of the last token, by our clock.
    pub(super) fn left(&self) -> Duration {
        // The end of a token is rounded up to whole seconds.
        let life = self.kind.lifetime + Duration::from_millis(1100);
        self.desk.since_the_last().map_or(Duration::ZERO, |age| life.saturating_sub(age))
    }

    /// What `stdout` is worth at this moment, at an API of this server.
    pub(super) fn judge(&self, stdout: &str) -> Handed {
        let now = unlapse::tokio::system_now();
        let judge = |granted: &Granted| match self.issuer.verify(granted.token.expose()) {
            Ok(_) => Handed::Valid,
            Err(Refusal::Expired) if now.since(&granted.at) < self.kind.lifetime + LEEWAY => {
                Handed::Valid
            }
            Err(Refusal::Expired) => Handed::Ended,
            Err(_) => Handed::Revoked,
        };
        let found = self.desk.access_tokens_in(stdout);
        // The best of them: something may be said of older ones.
        let best = found.iter().map(judge).min();
        best.unwrap_or(if stdout.trim().is_empty() { Handed::Nothing } else { Handed::Foreign })
    }

    /// Where a secret of this row stands, if it does.
    pub(super) fn leak(&self, stdout: &str, stderr: &str) -> Option<&'static str> {
        let has_other = |text: &str| {
            let secrets = [self.password.clone(), self.client_secret.clone()];
            secrets.iter().any(|secret| text.contains(secret.expose()))
        };
        match (stdout, stderr) {
            (text, _) if self.desk.has_refresh_token(text) => Some("a refresh token on stdout"),
            (_, text) if self.desk.has_refresh_token(text) => Some("a refresh token on stderr"),
            (text, _) if has_other(text) => Some("a password on stdout"),
            (_, text) if has_other(text) => Some("a password on stderr"),
            _ => None,
        }
    }

    /// The first line of `text` that says something, without secrets.
    pub(super) fn redacted(&self, text: &str) -> String {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        if self.leak(line, "").is_some() || !self.desk.access_tokens_in(line).is_empty() {
            return "(a line with a secret in it)".to_owned();
        }
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
    }

    /// The same, behind a colon; nothing if nothing was said.
    pub(super) fn quoted(&self, text: &str) -> String {
        let line = self.redacted(text);
        if line.is_empty() { line } else { format!(": {line}") }
    }

    /// Why HTTP/2 was not spoken, if it was not.
    pub(super) fn without_http2(&self) -> Option<&'static str> {
        let seen = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        if seen(&self.door.http2) {
            None
        } else if seen(&self.door.http1) {
            Some("it speaks HTTP/1.1 only")
        } else if seen(&self.door.refused) {
            Some("it does not trust the drill's certificate")
        } else {
            Some("it makes no TLS connection")
        }
    }
}

/// What tools ask for as a matter of course.
fn scopes() -> Result<Scopes, Failed> {
    Ok(Scopes::parse("openid offline_access")?)
}

/// What the issuer says of itself, and more, for tools that do not start without it: the endpoints
/// for logins by hand are nowhere.
fn metadata(origin: &str) -> Value {
    let at = |endpoint: &str| format!("{origin}/{endpoint}");
    json!({
        "issuer": origin,
        "authorization_endpoint": at("authorize"),
        "token_endpoint": at("token"),
        "revocation_endpoint": at("revoke"),
        "jwks_uri": at("jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "grant_types_supported": ["refresh_token", "password", "client_credentials"],
        "scopes_supported": ["openid", "offline_access"],
        "token_endpoint_auth_methods_supported":
            ["none", "client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
