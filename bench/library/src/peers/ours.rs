//! Unlapse, by both of its ways to a header.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use unlapse::{Bearer, Builder, Exchange, Request, Revoked, TokenSource};
use unlapse_core::{
    Answer, Body, BootTime, BoxFuture, Credentials, Door, Grant, Key, Policy, Record, Reply, Rungs,
    Secret, Token,
};
use unlapse_store::MemoryStore;

use crate::contender::{Contender, repeat};
use crate::server::Server;

/// `TokenSource::bearer_now()`.
pub(crate) struct Now(TokenSource);

impl Now {
    #[inline]
    fn at_once(&self) -> HeaderValue {
        self.0.bearer_now().expect("the token is fresh").into_header()
    }
}

/// `TokenSource::bearer().await`.
pub(crate) struct Waiting(TokenSource);

const FAKED: &str = "`Exchange`";

impl Contender for Now {
    const NAME: &'static str = "**unlapse** `bearer_now()`";
    const FAKED: &'static str = FAKED;

    async fn new(server: Arc<Server>) -> Self {
        Self(source(server).await)
    }

    async fn token(&self) {
        black_box(self.at_once());
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        Some(self.at_once())
    }

    async fn headers(&self, calls: u64) {
        repeat(self, calls, Self::at_once);
    }
}

impl Contender for Waiting {
    const NAME: &'static str = "**unlapse** `bearer().await`";
    const FAKED: &'static str = FAKED;

    async fn new(server: Arc<Server>) -> Self {
        Self(source(server).await)
    }

    async fn token(&self) {
        black_box(self.header().await);
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        self.0.bearer().await.ok().map(Bearer::into_header)
    }
}

/// The same with its keeper, as users run it.
pub(crate) struct Kept(TokenSource);

impl Contender for Kept {
    const NAME: &'static str = "**unlapse** `bearer().await`";
    const FAKED: &'static str = FAKED;

    async fn new(server: Arc<Server>) -> Self {
        let store = MemoryStore::new();
        let now = unlapse::tokio::system_now();
        let mut first = grant(&server).await.expect("the first is granted");
        // An hour's token that ends when the others' do: what is young is not due.
        let age = HOUR.saturating_sub(first.expires_in.unwrap_or(HOUR));
        first.expires_in = Some(HOUR);
        let boot = BootTime { boot: 0, ..now.boot };
        let sent = unlapse_core::Now { wall: now.wall.minus(age), boot };
        let mut record = Record::default().logged_in(first, sent);
        record.stored_at = now.wall;
        store.put(&Key::new("acme"), record);
        let exchange = Arc::new(InProcess(server));
        Self(Builder::new(Key::new("acme"), Arc::new(store), exchange).build().await)
    }

    async fn token(&self) {
        black_box(self.header().await);
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        self.0.bearer().await.ok().map(Bearer::into_header)
    }
}

const HOUR: Duration = Duration::from_hours(1);

/// A source without a keeper: with one, nobody would be there when the token expires.
async fn source(server: Arc<Server>) -> TokenSource {
    let exchange = Arc::new(InProcess(Arc::clone(&server)));
    // A look at the store in mid-measurement would be ours to pay and nobody else's.
    let policy = Policy { trust: Duration::from_hours(1), ..Policy::default() };
    let source = Builder::new(Key::new("acme"), Arc::new(MemoryStore::new()), exchange)
        .policy(policy)
        .ahead_of_time(false)
        .build()
        .await;
    let first = grant(&server).await.expect("the first is granted");
    source.edit(|record, now| record.logged_in(first, now)).await.expect("memory takes it");
    source
}

async fn grant(server: &Server) -> Option<Grant> {
    let granted = server.grant().await?;
    let mut grant = Grant::bearer(Secret::new(granted.access_token));
    grant.expires_in = Some(granted.lifetime);
    grant.refresh_token = Some(Secret::new("refresh"));
    Some(grant)
}

struct InProcess(Arc<Server>);

impl Exchange for InProcess {
    fn endpoint(&self) -> String {
        "in process".to_owned()
    }

    fn rungs(&self, _: Option<&Credentials>) -> Rungs {
        Rungs { refresh: true, login: false, api_key: false }
    }

    fn door(&self, _: &Request<'_>) -> Door {
        Door::Token
    }

    fn send<'a>(&'a self, _: Request<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let (status, body) = match grant(&self.0).await {
                Some(grant) => (200, Body::Grant(Box::new(grant))),
                None => (503, Body::Empty),
            };
            Answer::Replied(Reply { status, body, retry_after: None, date: None })
        })
    }

    fn revoke<'a>(&'a self, _: &'a Token, _: Option<&'a Credentials>) -> BoxFuture<'a, Revoked> {
        Box::pin(async { Revoked::Unsupported })
    }
}
