//! A token server and an API on sockets of their own, and a login.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use unlapse::dpop::{Algorithm, Dpop, SystemRandom};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{
    Builder, Endpoints, Exchange as _, Key, LoginRung, Policy, Server, ServerExchange, TokenSource,
};
use unlapse_core::{Credentials, Grant, Record, Secret};
use unlapse_oauth::grant::LoginEndpoint;
use unlapse_store::MemoryStore;

use crate::api::Api;
use crate::login::{CANARY, Login, access_token};

/// Ends with its servers.
pub(crate) struct World {
    pub(crate) login: Arc<Login>,
    pub(crate) api: Arc<Api>,
    pub(crate) origin: String,
    pub(crate) source: TokenSource,
    pub(crate) servers: JoinSet<()>,
}

impl World {
    /// Logged in for an hour.
    pub(crate) async fn new() -> Self {
        Self::with(Duration::from_secs(3600), false, Policy::default()).await
    }

    /// Logged in with a token that has ended.
    pub(crate) async fn expired() -> Self {
        Self::with(Duration::ZERO, false, Policy::default()).await
    }

    /// Logged in with a token that has ended, and its server is away; it may be served for an hour all
    /// the same.
    pub(crate) async fn stale() -> Self {
        let stale = Duration::from_secs(3600);
        let policy = Policy { stale, attempts: 1, ..Policy::default() };
        let world = Self::with(Duration::ZERO, false, policy).await;
        world.login.is_away.store(true, Ordering::SeqCst);
        world
    }

    /// Logged in for an hour, with a token that is bound to a key.
    pub(crate) async fn bound() -> Self {
        Self::with(Duration::from_secs(3600), true, Policy::default()).await
    }

    /// Logged in for an hour, with a user name and a password beside it.
    pub(crate) async fn with_password() -> Self {
        let world = Self::new().await;
        let credentials = Credentials {
            username: Some("ada".to_owned()),
            password: Some(Secret::new("pw")),
            client_secret: None,
        };
        let keep = |record: Record, _| Record { credentials: Some(credentials), ..record };
        world.source.edit(keep).await.unwrap();
        world
    }

    async fn with(lifetime: Duration, is_bound: bool, policy: Policy) -> Self {
        let (login, api) = (Arc::new(Login::new()), Arc::new(Api::default()));
        let mut servers = JoinSet::new();
        let token_server = serve(&mut servers, Arc::clone(&login).router()).await;
        let origin = serve(&mut servers, Arc::clone(&api).router()).await;

        let endpoints = Endpoints {
            token: Some(format!("{token_server}/token").parse().unwrap()),
            ..Endpoints::default()
        };
        let clock = Arc::new(TokioClock::new());
        let login_url = format!("{token_server}/api/auth/login").parse().unwrap();
        let server = Server {
            dpop: is_bound,
            login: LoginRung::Endpoint(Box::new(LoginEndpoint::new(login_url))),
            ..Server::public("cid", endpoints)
        };
        let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
        let prover = Dpop::new(Algorithm::EdDsa, clock.clone(), Arc::new(SystemRandom));
        let exchange = ServerExchange::new(server, http, clock).prover(Arc::new(prover));
        let sender_key = exchange.sender_key(None).unwrap();
        let store = Arc::new(MemoryStore::new());
        // Nobody renews but whoever makes requests.
        let builder = Builder::new(Key::new("acme"), store, Arc::new(exchange));
        let source = builder.policy(policy).ahead_of_time(false).build().await;

        login.is_bound.store(is_bound, Ordering::SeqCst);
        let mut grant = Grant::bearer(Secret::new(access_token(1)));
        grant.refresh_token = Some(Secret::new(format!("{CANARY}-rt-1")));
        grant.expires_in = Some(lifetime);
        grant.token_type = is_bound.then(|| "DPoP".to_owned());
        grant.sender_key = sender_key;
        source.edit(|record, now| record.logged_in(grant, now)).await.unwrap();
        Self { login, api, origin, source, servers }
    }

    /// A source with nothing but an API key.
    pub(crate) async fn with_api_key(&self, key: &str) -> TokenSource {
        let server = Server::public("cid", Endpoints::default());
        let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
        let exchange = ServerExchange::new(server, http, Arc::new(TokioClock::new()));
        let store = Arc::new(MemoryStore::new());
        let builder = Builder::new(Key::new("key"), store, Arc::new(exchange));
        builder.api_key(Secret::new(key)).build().await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// All of them at once.
pub(crate) async fn all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut is_done = true;
        for (future, outcome) in &mut futures {
            if outcome.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(ready) => *outcome = Some(ready),
                    std::task::Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    futures.into_iter().filter_map(|(_, outcome)| outcome).collect()
}

/// Serves on a free port, and says where.
pub(crate) async fn serve(servers: &mut JoinSet<()>, router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    serve_on(servers, listener, router);
    origin
}

pub(crate) fn serve_on(
    servers: &mut JoinSet<()>,
    listener: TcpListener,
    router: Router,
) -> AbortHandle {
    servers.spawn(async move { axum::serve(listener, router).await.unwrap() })
}
