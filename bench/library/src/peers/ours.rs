//! Unlapse, by both of its ways to a header.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use unlapse::{Builder, Exchange, Request, Revoked, TokenSource};
use unlapse_core::{
    Answer, Body, BoxFuture, Credentials, Door, Grant, Key, Policy, Reply, Rungs, Secret,
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

    async fn header(&self) -> HeaderValue {
        self.at_once()
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

    async fn header(&self) -> HeaderValue {
        self.0.bearer().await.expect("the server answers").into_header()
    }
}

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
    let first = grant(&server).await;
    source.edit(|record, now| record.logged_in(first, now)).await.expect("memory takes it");
    source
}

async fn grant(server: &Server) -> Grant {
    let granted = server.grant().await;
    let mut grant = Grant::bearer(Secret::new(granted.access_token));
    grant.expires_in = Some(granted.lifetime);
    grant.refresh_token = Some(Secret::new("refresh"));
    grant
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
            let body = Body::Grant(Box::new(grant(&self.0).await));
            Answer::Replied(Reply { status: 200, body, retry_after: None, date: None })
        })
    }

    fn revoke<'a>(&'a self, _: &'a Secret, _: Option<&'a Credentials>) -> BoxFuture<'a, Revoked> {
        Box::pin(async { Revoked::Unsupported })
    }
}
