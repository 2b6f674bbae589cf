//! A provider of the catalogue, spoken to: the [`Exchange`] of one connection.

mod code;
#[cfg(feature = "dpop")]
mod key_signer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Request as HttpRequest;
use unlapse_core::{
    Answer, Body, BoxFuture, Cause, Credentials, Door, Grant, Reply, Rungs, Secret, Token, UnixTime,
};
use unlapse_oauth::provider::{
    AccessTtl, Auth, Caller, HostFrom, Introspected, Lifetime, Metadata, Provider, Signer, Step,
    Unbuildable,
};
use unlapse_oauth::revocation::Revocation;

use crate::effects::{Clock, Exchange, Request, Revoked};
use crate::http::{Http, HttpReply, NoReply};

pub use code::CodeError;
#[cfg(feature = "dpop")]
pub use key_signer::KeySigner;

/// How long the grant's own request may have taken for an introspection to follow it, and how long
/// that may take. Together they stay far below the deadline of the whole exchange, which would lose
/// the grant.
const TIME_TO_ASK: Duration = Duration::from_secs(5);
const TIME_TO_ANSWER: Duration = Duration::from_secs(3);

/// An app, as it is registered with a provider.
#[derive(Clone, Default)]
pub struct ProviderClient {
    /// `client_id`.
    pub id: String,
    /// `client_secret`; one that the record keeps is used where there is none here.
    pub secret: Option<Secret>,
    /// Its key, where the provider wants `private_key_jwt`.
    pub key: Option<Arc<dyn Signer>>,
    /// Values for the provider's variables.
    pub params: BTreeMap<String, String>,
    /// The scopes, joined by the provider's separator: see
    /// [`Provider::join_scopes`](unlapse_oauth::provider::Provider::join_scopes).
    pub scope: Option<String>,
}

impl fmt::Debug for ProviderClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderClient").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What is called with what a provider says of a connection, when it has changed.
type OnMetadata = Arc<dyn Fn(&Metadata) + Send + Sync>;

/// One connection to a provider of the catalogue: refreshes its token, logs in where the app alone
/// can, revokes, and exchanges the code that begins it.
pub struct ProviderExchange {
    provider: Arc<Provider>,
    client: Arc<ProviderClient>,
    metadata: Mutex<Metadata>,
    http: Arc<dyn Http>,
    clock: Arc<dyn Clock>,
    on_metadata: Option<OnMetadata>,
}

impl ProviderExchange {
    /// Speaks to `provider` as `client`, for a connection of which `metadata` is known.
    pub fn new(
        provider: Arc<Provider>,
        client: impl Into<Arc<ProviderClient>>,
        metadata: Metadata,
        http: Arc<dyn Http>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            provider,
            client: client.into(),
            metadata: Mutex::new(metadata),
            http,
            clock,
            on_metadata: None,
        }
    }

    /// The same, with `callback` told all that is known of the connection whenever a reply has
    /// changed it, before the token of that reply is known to anybody. It is called inside of a
    /// renewal, and should only take note.
    #[must_use]
    pub fn on_metadata(self, callback: impl Fn(&Metadata) + Send + Sync + 'static) -> Self {
        Self { on_metadata: Some(Arc::new(callback)), ..self }
    }

    /// What is known of the connection.
    pub fn metadata(&self) -> Metadata {
        self.metadata.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who has named the host that tokens come from, as far as is known now.
    pub fn host_from(&self) -> Option<HostFrom> {
        self.with_caller(None, |caller| self.provider.host_from(self.step(), caller))
    }

    /// Ends the connection at the provider: its refresh token, or its access token where the
    /// provider takes no other.
    pub async fn end(
        &self,
        access_token: Option<&Secret>,
        refresh_token: Option<&Secret>,
        credentials: Option<&Credentials>,
    ) -> Revoked {
        if !self.provider.has(Step::Revocation) {
            return Revoked::Unsupported;
        }
        let request = self.with_caller(credentials, |caller| {
            self.provider.revoke(caller, access_token, refresh_token)
        });
        let request = match request {
            Ok(request) => request,
            Err(Unbuildable::NotGiven("access_token" | "refresh_token" | "token")) => {
                return Revoked::Unsupported;
            }
            Err(_) => return Revoked::Failed(Cause::Request),
        };
        let reply = match self.http.call(request).await {
            Ok(reply) => reply,
            Err(NoReply::Unsent(cause) | NoReply::Lost(cause)) => return Revoked::Failed(cause),
        };
        let body = reply.body.as_ref().map_or(&[][..], |body| body.as_slice());
        match self.provider.revoked(reply.status, &reply.headers, body, self.now()) {
            Revocation::Revoked => Revoked::Done,
            Revocation::UnsupportedTokenType => Revoked::Unsupported,
            Revocation::Rejected(_) => Revoked::Failed(Cause::Client),
            Revocation::Retry { cause, .. } => Revoked::Failed(cause),
            _ => Revoked::Failed(Cause::Unreadable(reply.status.as_u16())),
        }
    }

    fn now(&self) -> UnixTime {
        self.clock.now().wall
    }

    /// Asks `then` with everything that a request is built of.
    fn with_caller<T>(
        &self,
        credentials: Option<&Credentials>,
        then: impl FnOnce(&Caller<'_>) -> T,
    ) -> T {
        let metadata = self.metadata();
        then(&Caller {
            client_id: &self.client.id,
            client_secret: self.secret(credentials),
            signer: self.client.key.as_deref(),
            params: &self.client.params,
            metadata: &metadata,
            scope: self.client.scope.as_deref(),
        })
    }

    fn secret<'a>(&'a self, credentials: Option<&'a Credentials>) -> Option<&'a Secret> {
        let stored = credentials.and_then(|credentials| credentials.client_secret.as_ref());
        self.client.secret.as_ref().or(stored)
    }

    /// Keeps what a reply says of the connection, and tells whoever wants to know.
    fn learn(&self, said: &Metadata) {
        let known = {
            let mut known = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
            let newer = known.clone().with(said);
            if newer == *known {
                return;
            }
            *known = newer.clone();
            newer
        };
        if let Some(callback) = &self.on_metadata {
            callback(&known);
        }
    }

    /// Makes a request that brings a token, and whatever belongs to its answer.
    async fn call(
        &self,
        step: Step,
        request: HttpRequest<Bytes>,
        credentials: Option<&Credentials>,
    ) -> Answer {
        let sent = self.clock.now();
        let HttpReply { status, headers, body } = match self.http.call(request).await {
            Ok(reply) => reply,
            Err(NoReply::Unsent(cause)) => return Answer::Unsent(cause),
            Err(NoReply::Lost(cause)) => return Answer::Lost(cause),
        };
        let whole = body.as_ref().map_or(&[][..], |body| body.as_slice());
        let (mut reply, said) = self.provider.read(step, status, &headers, whole, self.now());
        if body.is_none() {
            return Answer::Replied(Reply { body: Body::TooLarge, ..reply });
        }
        self.learn(&said);
        if let Body::Grant(grant) = &mut reply.body
            && grant.expires_in.is_none()
            && status.is_success()
            && self.provider.lifetime() == Lifetime::Introspection
        {
            let in_time = self.clock.now().elapsed(&sent) < TIME_TO_ASK;
            grant.expires_in = self.lifetime(grant, in_time, credentials).await;
        }
        Answer::Replied(reply)
    }

    /// The lifetime of a granted token, by introspection. Whatever goes wrong costs no grant: then it
    /// is what the provider usually has.
    async fn lifetime(
        &self,
        grant: &Grant,
        in_time: bool,
        credentials: Option<&Credentials>,
    ) -> Option<Duration> {
        let usual = match self.provider.timing().access_ttl {
            AccessTtl::Usually(usual) => Some(usual),
            AccessTtl::Unknown | AccessTtl::Endless => None,
        };
        if !in_time {
            return usual;
        }
        let request = self.with_caller(credentials, |caller| {
            self.provider.introspect(caller, &grant.access_token)
        });
        let Ok(request) = request else { return usual };
        let reply = tokio::select! {
            biased;
            reply = self.http.call(request) => reply.ok(),
            () = self.clock.sleep(TIME_TO_ANSWER) => None,
        };
        let Some(HttpReply { status, headers, body: Some(body) }) = reply else { return usual };
        match self.provider.introspected(status, &headers, &body, self.now()) {
            Introspected::Active(Some(left)) => Some(left),
            Introspected::Active(None) | Introspected::Inactive | Introspected::Nothing => usual,
        }
    }

    /// The request that stands for a login without a person, if there is one.
    fn step(&self) -> Step {
        if self.provider.has(Step::Refresh) { Step::Refresh } else { Step::ClientCredentials }
    }

    fn can_prove(&self, step: Step, credentials: Option<&Credentials>) -> bool {
        match self.provider.auth(step) {
            None => false,
            Some(Auth::PrivateKeyJwt) => self.client.key.is_some(),
            Some(Auth::BasicSecret) => self.secret(credentials).is_some(),
            // A public client has no secret, and what a provider demands it says itself.
            Some(_) => true,
        }
    }
}

impl Exchange for ProviderExchange {
    fn endpoint(&self) -> String {
        self.with_caller(None, |caller| self.provider.endpoint_name(self.step(), caller))
    }

    fn rungs(&self, credentials: Option<&Credentials>) -> Rungs {
        Rungs {
            refresh: self.can_prove(Step::Refresh, credentials),
            login: self.can_prove(Step::ClientCredentials, credentials)
                && self.secret(credentials).is_some(),
            api_key: false,
        }
    }

    fn door(&self, _: &Request<'_>) -> Door {
        Door::Token
    }

    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let (step, credentials, built) = match request {
                Request::Refresh { refresh_token, credentials, .. } => {
                    let built = self.with_caller(credentials, |caller| {
                        self.provider.refresh(caller, refresh_token)
                    });
                    (Step::Refresh, credentials, built)
                }
                Request::Login { credentials, .. } => {
                    let built = self.with_caller(credentials, |caller| {
                        self.provider.client_credentials(caller)
                    });
                    (Step::ClientCredentials, credentials, built)
                }
            };
            match built {
                Ok(built) => self.call(step, built, credentials).await,
                Err(_) => Answer::Unsent(Cause::Request),
            }
        })
    }

    fn revoke<'a>(
        &'a self,
        token: &'a Token,
        credentials: Option<&'a Credentials>,
    ) -> BoxFuture<'a, Revoked> {
        // A login that was brought has an empty one until it is renewed.
        let access_token = Some(&token.access_token).filter(|token| !token.is_empty());
        Box::pin(self.end(access_token, token.refresh_token.as_ref(), credentials))
    }
}
