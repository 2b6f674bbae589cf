//! An authorization server as a profile knows it: the [`Exchange`] over the OAuth wire.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request as HttpRequest};
use tokio::sync::OnceCell;
use unlapse_core::{
    Answer, Body, BoxFuture, Cause, Credentials, Door, Reply, Rungs, Secret, SenderKeyProblem,
    Token, UnixTime,
};
use unlapse_oauth::discovery::{self, Issuer, Metadata};
use unlapse_oauth::grant::{self, BrokerConnection, LoginEndpoint, Target};
use unlapse_oauth::revocation::{self, Revocation, TokenTypeHint};
use unlapse_oauth::{Client, Endpoint, parse};

use crate::effects::{Clock, Exchange, Prover, Request, Revoked, ToProve};
use crate::http::{Http, HttpReply, NoReply};
use crate::proving::Proving;

/// How the client proves itself (RFC 6749 §2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthMethod {
    /// It is public: its id alone.
    #[default]
    None,
    /// HTTP Basic.
    Basic,
    /// In the body.
    Post,
    /// HTTP Basic if the record keeps a secret, else not at all.
    BasicIfSecret,
}

/// Where the server's endpoints are: named here, or found in the issuer's metadata (RFC 8414, OpenID
/// Connect Discovery) when first needed. With nothing at all there is no token endpoint, only a
/// login endpoint or an API key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// The token endpoint.
    pub token: Option<Endpoint>,
    /// The revocation endpoint.
    pub revocation: Option<Endpoint>,
    /// Whose metadata names what is not named here.
    pub issuer: Option<Issuer>,
}

/// The way to log in without a person (R14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LoginRung {
    /// There is none.
    #[default]
    None,
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 6749 §4.3, with the user name and password that the record keeps.
    Password,
    /// A JSON login endpoint (C9), with the same.
    Endpoint(Box<LoginEndpoint>),
    /// A broker that keeps the login (I3), asked with the API key that stands for the client's secret.
    Broker(Box<BrokerConnection>),
}

/// What a profile says of its server and its client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Server {
    /// The endpoints.
    pub endpoints: Endpoints,
    /// `client_id`; empty: none is sent.
    pub client_id: String,
    /// How the client proves itself.
    pub auth: AuthMethod,
    /// Its secret; one that the record keeps is used where there is none here.
    pub client_secret: Option<Secret>,
    /// `scope`, separated by spaces.
    pub scope: Option<String>,
    /// `resource` (RFC 8707).
    pub resource: Option<String>,
    /// `audience`, for servers that came before RFC 8707.
    pub audience: Option<String>,
    /// The login without a person.
    pub login: LoginRung,
    /// Whether new logins are bound to a key (RFC 9449 §5). Takes a prover:
    /// [`ServerExchange::prover`].
    pub dpop: bool,
}

/// A [`Server`] with the means to speak to it.
pub struct ServerExchange {
    server: Server,
    http: Arc<dyn Http>,
    clock: Arc<dyn Clock>,
    metadata: OnceCell<Metadata>,
    proving: Option<Proving>,
}

impl ServerExchange {
    /// Speaks to `server` over reqwest, with the settings of C12 and tokio's clock.
    #[cfg(all(feature = "reqwest", feature = "tokio"))]
    pub fn of(server: Server) -> Self {
        let http = crate::reqwest::ReqwestHttp::new(crate::reqwest::HttpSettings::default());
        Self::new(server, Arc::new(http), Arc::new(crate::tokio::TokioClock::new()))
    }

    /// Speaks to `server` over `http`.
    pub fn new(server: Server, http: Arc<dyn Http>, clock: Arc<dyn Clock>) -> Self {
        Self { server, http, clock, metadata: OnceCell::new(), proving: None }
    }

    /// The same, with a proof of possession on every request for a token whose login is bound to a key
    /// (RFC 9449 §5). With [`Server::dpop`], every new login is: the record keeps its key.
    ///
    /// A server that knows no DPoP grants other tokens; [`Rules::sender_constrained`] refuses them.
    ///
    /// [`Rules::sender_constrained`]: unlapse_core::Rules::sender_constrained
    #[must_use]
    pub fn prover(self, prover: Arc<dyn Prover>) -> Self {
        Self { proving: Some(Proving::new(prover)), ..self }
    }

    fn now(&self) -> UnixTime {
        self.clock.now().wall
    }

    fn client(&self, credentials: Option<&Credentials>) -> Option<Client> {
        let id = self.server.client_id.clone();
        let secret = self.server.secret(credentials);
        Some(match self.server.auth {
            AuthMethod::None => Client::public(id),
            AuthMethod::Basic => Client::basic(id, secret?.clone()),
            AuthMethod::Post => Client::post(id, secret?.clone()),
            AuthMethod::BasicIfSecret => match secret {
                Some(secret) => Client::basic(id, secret.clone()),
                None => Client::public(id),
            },
        })
    }

    /// The token endpoint. A failure here comes before any secret is sent.
    async fn token_endpoint(&self) -> Result<Endpoint, Cause> {
        match &self.server.endpoints.token {
            Some(token) => Ok(token.clone()),
            None => Ok(self.metadata().await?.ok_or(Cause::Request)?.token_endpoint.clone()),
        }
    }

    /// The revocation endpoint, if the server has one.
    async fn revocation_endpoint(&self) -> Result<Option<Endpoint>, Cause> {
        match &self.server.endpoints.revocation {
            Some(revocation) => Ok(Some(revocation.clone())),
            None => Ok(self.metadata().await?.and_then(|found| found.revocation_endpoint.clone())),
        }
    }

    /// The issuer's metadata, asked for once; `None` without an issuer.
    async fn metadata(&self) -> Result<Option<&Metadata>, Cause> {
        match &self.server.endpoints.issuer {
            Some(issuer) => self.metadata.get_or_try_init(|| self.discover(issuer)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn discover(&self, issuer: &Issuer) -> Result<Metadata, Cause> {
        let mut cause = Cause::Request;
        for url in issuer.metadata_urls().map_err(|_| Cause::Request)? {
            match self.http.call(discovery::request(&url)).await {
                Err(NoReply::Unsent(why) | NoReply::Lost(why)) => return Err(why),
                Ok(reply) if reply.status.is_success() => {
                    let body = reply.body.ok_or(Cause::TooLarge)?;
                    match Metadata::parse(issuer, &body) {
                        Ok(metadata) => return Ok(metadata),
                        Err(_) => cause = Cause::Unreadable(reply.status.as_u16()),
                    }
                }
                Ok(reply) => cause = Cause::Status(reply.status.as_u16()),
            }
        }
        Err(cause)
    }

    /// Builds the request, or says why it cannot be made.
    async fn build(&self, request: Request<'_>) -> Result<HttpRequest<Bytes>, Cause> {
        let target = Target {
            scope: self.server.scope.as_deref(),
            resource: self.server.resource.as_deref(),
            audience: self.server.audience.as_deref(),
        };
        match request {
            Request::Refresh { refresh_token, credentials, .. } => {
                if let LoginRung::Endpoint(login) = &self.server.login
                    && let Some(request) = login.refresh(refresh_token)
                {
                    return Ok(request);
                }
                let client = self.client(credentials).ok_or(Cause::Request)?;
                let token = self.token_endpoint().await?;
                // No scope: the one that was granted (RFC 6749 §6).
                let target = Target { scope: None, ..target };
                Ok(grant::refresh(&token, &client, refresh_token, target))
            }
            Request::Login { credentials, anew, .. } => match &self.server.login {
                LoginRung::None => Err(Cause::Request),
                LoginRung::ClientCredentials => {
                    let client = self.client(credentials).ok_or(Cause::Request)?;
                    let token = self.token_endpoint().await?;
                    Ok(grant::client_credentials(&token, &client, target))
                }
                LoginRung::Password => {
                    let (username, password) = user(credentials).ok_or(Cause::Request)?;
                    let client = self.client(credentials).ok_or(Cause::Request)?;
                    let token = self.token_endpoint().await?;
                    Ok(grant::password(&token, &client, username, password, target))
                }
                LoginRung::Endpoint(login) => {
                    let (username, password) = user(credentials).ok_or(Cause::Request)?;
                    Ok(login.login(username, password))
                }
                LoginRung::Broker(connection) => {
                    let key = self.server.secret(credentials).ok_or(Cause::Request)?;
                    connection.token(key, anew).map_err(|_| Cause::Request)
                }
            },
        }
    }

    /// Whether this request goes to, and is answered by, the login endpoint.
    fn login_endpoint(&self, request: &Request<'_>) -> Option<&LoginEndpoint> {
        let LoginRung::Endpoint(login) = &self.server.login else { return None };
        match request {
            Request::Login { .. } => Some(login),
            Request::Refresh { .. } => login.refresh_url.is_some().then_some(login),
        }
    }

    fn read(&self, request: &Request<'_>, reply: &HttpReply) -> Reply {
        let HttpReply { status, headers, body } = reply;
        let Some(body) = body else {
            let reply = parse(*status, headers, &[], self.now());
            return Reply { body: Body::TooLarge, ..reply };
        };
        if let LoginRung::Broker(connection) = &self.server.login {
            return connection.parse(*status, headers, body, self.now());
        }
        match self.login_endpoint(request) {
            Some(login) => login.parse(*status, headers, body, self.now()),
            None => parse(*status, headers, body, self.now()),
        }
    }

    fn answer(&self, request: &Request<'_>, reply: Result<HttpReply, NoReply>) -> Answer {
        match reply {
            Ok(reply) => Answer::Replied(self.read(request, &reply)),
            Err(NoReply::Unsent(cause)) => Answer::Unsent(cause),
            Err(NoReply::Lost(cause)) => Answer::Lost(cause),
        }
    }

    async fn try_revoke(
        &self,
        token: &Token,
        credentials: Option<&Credentials>,
    ) -> Result<Revoked, Cause> {
        let Some(endpoint) = self.revocation_endpoint().await? else {
            return Ok(Revoked::Unsupported);
        };
        let client = self.client(credentials).ok_or(Cause::Request)?;
        let (token, hint) = match &token.refresh_token {
            Some(refresh_token) => (refresh_token, TokenTypeHint::RefreshToken),
            None => (&token.access_token, TokenTypeHint::AccessToken),
        };
        let request = revocation::request(&endpoint, &client, token, hint);
        let reply = match self.http.call(request).await {
            Ok(reply) => reply,
            Err(NoReply::Unsent(cause) | NoReply::Lost(cause)) => return Err(cause),
        };
        let body = reply.body.as_ref().map_or(&[][..], |body| body.as_slice());
        match revocation::judge(reply.status, &reply.headers, body, self.now()) {
            Revocation::Revoked => Ok(Revoked::Done),
            Revocation::UnsupportedTokenType => Ok(Revoked::Unsupported),
            Revocation::Rejected(_) => Err(Cause::Client),
            Revocation::Retry { cause, .. } => Err(cause),
            _ => Err(Cause::Unreadable(reply.status.as_u16())),
        }
    }
}

impl Server {
    /// A public client of the server at `endpoints`, with nothing but its refresh token to go on.
    /// Everything else is set by struct update.
    pub fn public(client_id: impl Into<String>, endpoints: Endpoints) -> Self {
        Self {
            endpoints,
            client_id: client_id.into(),
            auth: AuthMethod::None,
            client_secret: None,
            scope: None,
            resource: None,
            audience: None,
            login: LoginRung::None,
            dpop: false,
        }
    }

    /// The ways to a token that there are, given what a record keeps. No request is made for it.
    pub fn rungs(&self, credentials: Option<&Credentials>) -> Rungs {
        let can_prove = matches!(self.auth, AuthMethod::None | AuthMethod::BasicIfSecret)
            || self.secret(credentials).is_some();
        let (login, refresh) = match &self.login {
            LoginRung::None => (false, can_prove),
            LoginRung::ClientCredentials => (can_prove, can_prove),
            LoginRung::Password => (can_prove && user(credentials).is_some(), can_prove),
            LoginRung::Broker(_) => (self.secret(credentials).is_some(), false),
            LoginRung::Endpoint(endpoint) => {
                (user(credentials).is_some(), endpoint.refresh_url.is_some() || can_prove)
            }
        };
        let Endpoints { token, issuer, .. } = &self.endpoints;
        let has_token_endpoint = token.is_some() || issuer.is_some();
        let own_refresh =
            matches!(&self.login, LoginRung::Endpoint(login) if login.refresh_url.is_some());
        Rungs { refresh: refresh && (has_token_endpoint || own_refresh), login, api_key: false }
    }

    fn secret<'a>(&'a self, credentials: Option<&'a Credentials>) -> Option<&'a Secret> {
        let stored = credentials.and_then(|credentials| credentials.client_secret.as_ref());
        self.client_secret.as_ref().or(stored)
    }

    /// What its breaker is kept under (R16): the token endpoint or what stands for it, no query.
    pub fn endpoint_name(&self) -> String {
        let Endpoints { token, issuer, .. } = &self.endpoints;
        match (token, issuer, &self.login) {
            (Some(token), ..) => token.to_string(),
            (None, Some(issuer), _) => issuer.as_str().to_owned(),
            (None, None, LoginRung::Endpoint(login)) => login.login_url.to_string(),
            // A broker's connections fail one by one.
            (None, None, LoginRung::Broker(connection)) => connection.token_url.to_string(),
            (None, None, _) => String::new(),
        }
    }
}

impl Exchange for ServerExchange {
    fn endpoint(&self) -> String {
        self.server.endpoint_name()
    }

    fn rungs(&self, credentials: Option<&Credentials>) -> Rungs {
        self.server.rungs(credentials)
    }

    fn door(&self, request: &Request<'_>) -> Door {
        if self.login_endpoint(request).is_some() { Door::Login } else { Door::Token }
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), Cause>> {
        Box::pin(async move {
            if self.server.endpoints.token.is_none() {
                self.metadata().await?;
            }
            Ok(())
        })
    }

    fn sender_key(&self, kept: Option<&Secret>) -> Result<Option<Secret>, SenderKeyProblem> {
        if kept.is_none() && !self.server.dpop {
            return Ok(None);
        }
        // Without its proof a bound token would be rejected, as if the login had ended.
        let proving = self.proving.as_ref().ok_or(SenderKeyProblem::Unsupported)?;
        proving.key(kept).map(Some)
    }

    fn prove(&self, key: &Secret, request: ToProve<'_>) -> Result<HeaderValue, SenderKeyProblem> {
        let proving = self.proving.as_ref().ok_or(SenderKeyProblem::Unsupported)?;
        proving.prover.prove(key, request)
    }

    fn send<'a>(&'a self, request: Request<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let http_request = match self.build(request).await {
                Ok(request) => request,
                Err(cause) => return Answer::Unsent(cause),
            };
            let read = |reply| self.answer(&request, reply);
            match (request.sender_key(), &self.proving) {
                (None, _) => read(self.http.call(http_request).await),
                (Some(key), Some(proving)) => {
                    proving.call(&*self.http, http_request, key, read).await
                }
                (Some(_), None) => Answer::Unsent(Cause::Request),
            }
        })
    }

    fn revoke<'a>(
        &'a self,
        token: &'a Token,
        credentials: Option<&'a Credentials>,
    ) -> BoxFuture<'a, Revoked> {
        Box::pin(async move {
            self.try_revoke(token, credentials).await.unwrap_or_else(Revoked::Failed)
        })
    }
}

/// The stored user name and password, when both are there.
fn user(credentials: Option<&Credentials>) -> Option<(&str, &Secret)> {
    let credentials = credentials?;
    Some((credentials.username.as_deref()?, credentials.password.as_ref()?))
}
