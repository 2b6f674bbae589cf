//! The network of one connection: its app at its provider.

use std::sync::{Arc, Mutex, PoisonError};

use unlapse::dpop::SystemRandom;
use unlapse::unlapse_core::{Answer, BoxFuture, Cause, Credentials, Key, Rungs, Token, UnixTime};
use unlapse::unlapse_oauth::provider::{Auth, HostFrom, Metadata, Signer, Step};
use unlapse::{Exchange, Http, KeySigner, ProviderClient, ProviderExchange, Request, Revoked};

use crate::clock::DatabaseClock;
use crate::connection_id::ConnectionId;
use crate::directory::{Directory, Registered};
use crate::node::Notes;
use crate::tables::Tables;

/// What every connection's exchange shares.
pub(crate) struct Network {
    pub(crate) directory: Arc<Directory>,
    pub(crate) tables: Tables,
    pub(crate) http: Arc<dyn Http>,
    pub(crate) clock: Arc<DatabaseClock>,
    pub(crate) notes: Arc<Notes>,
}

/// Speaks to a provider for one connection. Which app it is and what the provider has said beside the
/// token is looked up before anything is sent, and again when the app or the connection's login is
/// another.
pub(crate) struct AppExchange {
    network: Arc<Network>,
    key: Key,
    ready: Mutex<Option<Ready>>,
}

#[derive(Clone)]
struct Ready {
    /// When the app had last changed.
    of: UnixTime,
    /// When the connection had last been logged in to; `None` where nothing is kept beside its tokens.
    connected_at: Option<UnixTime>,
    exchange: Arc<ProviderExchange>,
}

impl AppExchange {
    pub(crate) fn new(network: Arc<Network>, key: Key) -> Self {
        Self { network, key, ready: Mutex::default() }
    }

    /// What was made ready last, where it is still of this app.
    fn kept(&self, app: &Registered) -> Option<Ready> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner).clone();
        ready.filter(|ready| ready.of == app.app.changed_at)
    }

    fn app(&self) -> Result<Arc<Registered>, Cause> {
        self.network.directory.app(&self.key.server).ok_or(Cause::Request)
    }

    /// As it was made ready for this very request.
    async fn ready(&self) -> Result<Arc<ProviderExchange>, Cause> {
        let app = self.app()?;
        match self.kept(&app) {
            Some(ready) => Ok(ready.exchange),
            None => self.make_ready().await,
        }
    }

    /// Ready for the connection as it is now: a login that was brought meanwhile, at whichever node,
    /// may have another shop or host beside it. What the provider has said since then is kept: the
    /// database has it only a little later.
    async fn make_ready(&self) -> Result<Arc<ProviderExchange>, Cause> {
        let app = self.app()?;
        let (connected_at, metadata) = self.login(&app).await?;
        let kept = self.kept(&app).filter(|ready| ready.connected_at == connected_at);
        if let Some(ready) = kept {
            return Ok(ready.exchange);
        }
        let exchange = self.network.exchange(&app, metadata);
        let exchange = match ConnectionId::of(&self.key).zip(connected_at) {
            Some((id, connected_at)) => {
                let notes = Arc::clone(&self.network.notes);
                exchange.on_metadata(move |said| notes.said(&id, connected_at, said))
            }
            None => exchange,
        };
        let exchange = Arc::new(exchange);
        let (of, made) = (app.app.changed_at, Arc::clone(&exchange));
        let ready = Ready { of, connected_at, exchange: made };
        *self.ready.lock().unwrap_or_else(PoisonError::into_inner) = Some(ready);
        Ok(exchange)
    }

    /// When the connection was last logged in to, and what was said of it: replies add to that.
    async fn login(&self, app: &Registered) -> Result<(Option<UnixTime>, Metadata), Cause> {
        if !app.provider.has_metadata() {
            return Ok((None, Metadata::new()));
        }
        let id = ConnectionId::of(&self.key).ok_or(Cause::Request)?;
        // No secret has left: without the database, nothing is sent.
        let found = self.network.tables.connection(&id).await.map_err(|_| Cause::Interrupted)?;
        let Some(found) = found else { return Ok((None, Metadata::new())) };
        // What was taken in earlier and cannot be said is left out: the connection lives on without.
        Ok((Some(found.connected_at), found.metadata.into_iter().collect()))
    }
}

impl Registered {
    /// Whether the app proves itself by signing, with its private key in the place of a secret.
    fn signs(&self) -> bool {
        [Step::Token, Step::Refresh]
            .into_iter()
            .any(|step| self.provider.auth(step) == Some(Auth::PrivateKeyJwt))
    }
}

impl Network {
    /// The exchange of an app for a connection, or for one that is yet to be.
    pub(crate) fn exchange(&self, app: &Registered, metadata: Metadata) -> ProviderExchange {
        let scopes = app.app.scopes.iter().map(String::as_str);
        let scope = app.provider.join_scopes(scopes);
        let key = self.key(app);
        let client = ProviderClient {
            id: app.app.client_id.clone(),
            // A private key is never sent.
            secret: app.app.client_secret.clone().filter(|_| !app.signs()),
            key,
            params: app.app.params.clone(),
            scope: (!scope.is_empty()).then_some(scope),
        };
        let (provider, http) = (Arc::clone(&app.provider), Arc::clone(&self.http));
        let clock = Arc::clone(&self.clock) as _;
        ProviderExchange::new(provider, client, metadata, http, clock)
    }
}

impl Network {
    /// What an app signs its assertions with (RFC 7523), where its provider wants them.
    fn key(&self, app: &Registered) -> Option<Arc<dyn Signer>> {
        let pem = app.app.client_secret.as_ref().filter(|_| app.signs())?;
        let key_id = app.app.params.get("kid").map(String::as_str);
        let (clock, random) = (Arc::clone(&self.clock) as _, Arc::new(SystemRandom));
        match KeySigner::parse(pem, key_id, clock, random) {
            Ok(key) => Some(Arc::new(key)),
            Err(error) => {
                let (tenant, name) = (&app.app.tenant, &app.app.name);
                tracing::error!(%tenant, app = %name, %error, "the app's private key is none");
                None
            }
        }
    }
}

impl Exchange for AppExchange {
    /// The app: its circuit is nobody else's.
    fn endpoint(&self) -> String {
        self.key.server.clone()
    }

    /// A user's connection is never replaced by a login of the app's own.
    fn rungs(&self, _: Option<&Credentials>) -> Rungs {
        Rungs { refresh: true, login: false, api_key: false }
    }

    fn door(&self, _: &Request<'_>) -> unlapse::unlapse_core::Door {
        unlapse::unlapse_core::Door::Token
    }

    /// Where each connection names a host of its own, one that cannot be reached says nothing of the
    /// others': a few of them would open the circuit for all.
    fn is_telling(&self, cause: Cause) -> bool {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let host = ready.as_ref().and_then(|ready| ready.exchange.host_from());
        cause != Cause::Connect || host != Some(HostFrom::Metadata)
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), Cause>> {
        Box::pin(async move { self.make_ready().await?.prepare().await })
    }

    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            match self.ready().await {
                Ok(exchange) => exchange.send(request).await,
                Err(cause) => Answer::Unsent(cause),
            }
        })
    }

    fn revoke<'a>(
        &'a self,
        token: &'a Token,
        credentials: Option<&'a Credentials>,
    ) -> BoxFuture<'a, Revoked> {
        Box::pin(async move {
            match self.make_ready().await {
                Ok(exchange) => exchange.revoke(token, credentials).await,
                Err(cause) => Revoked::Failed(cause),
            }
        })
    }
}
