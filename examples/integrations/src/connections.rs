//! Many users' connections.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use unlapse::tokio::TokioClock;
use unlapse::{AccessToken, Clock, Error, Login, Source, Sources, TokenSource, Unfinished};
use unlapse_core::{
    Answer, Door, Grant, Key, LoginReason, Now, RuleBroken, Store, Verdict, classify,
};

use crate::connection::Connection;
use crate::connection_error::{Asked, ConnectionError, code, finer};
use crate::connection_id::ConnectionId;
use crate::providers::{Provider, Providers};
use crate::refresh_options::RefreshOptions;

/// What ends within so long is renewed before it is handed out (I3).
const AHEAD: Duration = Duration::from_secs(300);

/// So long a caller waits for that, while the token is still valid (R10).
const PATIENCE: Duration = Duration::from_secs(1);

/// The connections of all users with all providers. Cheap to clone.
#[derive(Clone)]
pub struct Connections {
    sources: Sources,
    providers: Arc<Providers>,
    clock: Arc<dyn Clock>,
}

/// Why a connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no such provider.
    #[error("there is no provider {0}")]
    NoProvider(String),
    /// What was brought is no reply of a token endpoint that grants a token.
    #[error("the body is no token reply (RFC 6749 section 5.1)")]
    NoGrant,
    /// Its token breaks a rule.
    #[error("the token is refused: {0}")]
    Rule(RuleBroken),
    /// It could not be kept, or the provider gave no token.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

impl Connections {
    /// Those in `store`, renewed ahead of time.
    pub fn new(store: Arc<dyn Store>, providers: Providers) -> Self {
        let providers = Arc::new(providers);
        let (servers, policies) = (Arc::clone(&providers), Arc::clone(&providers));
        let sources = Sources::builder(store, move |key: &Key| servers.exchange(&key.server))
            .policies(move |key: &Key| policies.policy(&key.server))
            .build();
        Self { sources, providers, clock: Arc::new(TokioClock::new()) }
    }

    /// Makes a connection of what the provider's token endpoint has replied when the user came back
    /// (RFC 6749 §5.1), byte for byte. A provider that gives tokens to us is asked for one, and `reply`
    /// is not read.
    pub async fn connect(
        &self,
        id: &ConnectionId,
        reply: &[u8],
    ) -> Result<Connection, ConnectError> {
        let now = self.clock.now();
        let provider = self.providers.named(id.provider());
        let provider =
            provider.ok_or_else(|| ConnectError::NoProvider(id.provider().to_owned()))?;
        let source = self.sources.source(&id.key()).await;
        let kept = if provider.is_ours {
            source.obtain().await.map(drop)
        } else {
            let grant = granted(provider, reply, now)?;
            source.edit(|record, now| kept(&record, grant, now)).await
        };
        let info = match kept {
            Ok(()) => source.info().await,
            Err(error) => Err(error),
        };
        let info = info.map_err(|error| self.failed(Asked::Refresh, id, error, 1, now))?;
        tracing::info!(account = %id, generation = info.generation, "connected");
        Connection::of(id, &info).ok_or_else(|| self.not_found(id, now).into())
    }

    /// The connection as it stands. Asks no provider.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Connection, ConnectionError> {
        let now = self.clock.now();
        let source = self.source(id, now).await?;
        self.as_it_stands(id, &source, Asked::AccessToken, 0, now).await
    }

    /// Renews now, and says how the connection stands then (I2). Whatever goes wrong, it is still there
    /// (I4).
    pub async fn refresh(
        &self,
        id: &ConnectionId,
        options: RefreshOptions,
    ) -> Result<Connection, ConnectionError> {
        let started = self.clock.now();
        let source = self.source(id, started).await?;
        tracing::info!(account = %id, "refresh begins");
        let mut attempt = 1;
        loop {
            let Err(error) = source.refresh().await else { break };
            let Some(delay) = options.next(&error, attempt, self.clock.now().wall) else {
                let failed = self.failed(Asked::Refresh, id, error, attempt, started);
                tracing::warn!(account = %id, attempt, code = ?failed.code, why = ?failed.finer,
                    duration = ?failed.duration, "refresh failed");
                return Err(failed);
            };
            tracing::info!(account = %id, attempt, ?delay, %error, "refresh is tried again");
            self.clock.sleep(delay).await;
            attempt += 1;
        }
        let duration = self.clock.now().elapsed(&started);
        tracing::info!(account = %id, attempt, ?duration, "refreshed");
        self.as_it_stands(id, &source, Asked::Refresh, attempt, started).await
    }

    /// A valid access token (I3). One that ends within 5 minutes is renewed first, for which a caller
    /// waits a second at most while it is still valid; one without an end is left alone.
    pub async fn access_token(&self, id: &ConnectionId) -> Result<AccessToken, ConnectionError> {
        let started = self.clock.now();
        let source = self.source(id, started).await?;
        source.token_once(AHEAD, PATIENCE).await.map_err(|error| {
            let failed = self.failed(Asked::AccessToken, id, error, 1, started);
            tracing::warn!(account = %id, code = ?failed.code, why = ?failed.finer,
                duration = ?failed.duration, "there is no access token");
            failed
        })
    }

    /// To be called before the process ends: renewals under way are finished.
    pub async fn settle(&self) -> Result<(), Unfinished> {
        self.sources.settle().await
    }

    /// The source of a connection that there is.
    pub(crate) async fn source(
        &self,
        id: &ConnectionId,
        started: Now,
    ) -> Result<TokenSource, ConnectionError> {
        if self.providers.named(id.provider()).is_none() {
            return Err(self.not_found(id, started));
        }
        let source = self.sources.source(&id.key()).await;
        // While the store is away, what is in memory goes on (R10).
        if source.bearer_now().is_none()
            && source.info().await.is_ok_and(|info| info.source == Source::Nothing)
        {
            // Whoever guesses names takes no memory.
            let _ = self.sources.forget(&id.key()).await;
            return Err(self.not_found(id, started));
        }
        Ok(source)
    }

    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    pub(crate) fn provider(&self, id: &ConnectionId) -> Option<&Provider> {
        self.providers.named(id.provider())
    }

    pub(crate) fn failed(
        &self,
        asked: Asked,
        id: &ConnectionId,
        error: Error,
        attempts: u32,
        started: Now,
    ) -> ConnectionError {
        ConnectionError {
            code: code(asked, &error),
            finer: finer(&error),
            account: id.clone(),
            attempts,
            duration: self.clock.now().elapsed(&started),
            retry_at: error.retry_at(),
            source: Some(Box::new(error)),
        }
    }

    fn not_found(&self, id: &ConnectionId, started: Now) -> ConnectionError {
        let error = Error::NeedsLogin { key: id.key(), reason: LoginReason::NeverLoggedIn };
        ConnectionError { source: None, ..self.failed(Asked::AccessToken, id, error, 0, started) }
    }

    async fn as_it_stands(
        &self,
        id: &ConnectionId,
        source: &TokenSource,
        asked: Asked,
        attempts: u32,
        started: Now,
    ) -> Result<Connection, ConnectionError> {
        let info = source.info().await;
        let info = info.map_err(|error| self.failed(asked, id, error, attempts, started))?;
        Connection::of(id, &info).ok_or_else(|| self.not_found(id, started))
    }
}

/// What a token endpoint has granted.
fn granted(provider: &Provider, reply: &[u8], now: Now) -> Result<Grant, ConnectError> {
    let reply = unlapse_oauth::parse(StatusCode::OK, &HeaderMap::new(), reply, now.wall);
    let Verdict::Granted(grant) = classify(Answer::Replied(reply), Door::Token) else {
        return Err(ConnectError::NoGrant);
    };
    // A refresh token alone will do: it buys the rest.
    if grant.refresh_token.is_none() || !grant.access_token.is_empty() {
        let policy = &provider.policy;
        policy.rules.check(&grant, now.wall, policy.skew).map_err(ConnectError::Rule)?;
    }
    Ok(*grant)
}

/// The record of a user who has come back with `grant`, whatever there was before.
fn kept(record: &unlapse_core::Record, grant: Grant, now: Now) -> unlapse_core::Record {
    match grant.refresh_token {
        Some(refresh_token) if grant.access_token.is_empty() => {
            let refresh_token = Some(refresh_token);
            Login { refresh_token, ..Login::default() }.brought_to(record, now)
        }
        _ => record.logged_in(grant, now),
    }
}
