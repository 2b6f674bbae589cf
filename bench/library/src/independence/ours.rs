//! Unlapse: `Sources`, one server name for all keys.

use std::sync::Arc;
use std::time::Duration;

use unlapse::{Exchange, Key, Request, Revoked, Sources};
use unlapse_core::{
    Answer, Body, BoxFuture, Credentials, Door, Grant, Reply, Rungs, Secret, Token,
};
use unlapse_store::MemoryStore;

use super::{Keyed, serve};

pub(super) struct Ours(Sources);

impl Keyed for Ours {
    const NAME: &'static str = "**unlapse** `Sources`";

    async fn new() -> Self {
        let servers = |key: &Key| {
            Arc::new(InProcess(key.account.parse().expect("a number"))) as Arc<dyn Exchange>
        };
        Self(Sources::builder(Arc::new(MemoryStore::new()), servers).build())
    }

    async fn ask(&self, key: usize) -> bool {
        let key = Key::new("acme").account(key.to_string());
        self.0.source(&key).await.bearer().await.is_ok()
    }
}

struct InProcess(usize);

impl Exchange for InProcess {
    fn endpoint(&self) -> String {
        "in process".to_owned()
    }

    fn rungs(&self, _: Option<&Credentials>) -> Rungs {
        Rungs { refresh: true, login: true, api_key: false }
    }

    fn door(&self, _: &Request<'_>) -> Door {
        Door::Token
    }

    fn send<'a>(&'a self, _: Request<'a>) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let mut grant = Grant::bearer(Secret::new(serve(self.0).await));
            grant.expires_in = Some(Duration::from_hours(1));
            let body = Body::Grant(Box::new(grant));
            Answer::Replied(Reply { status: 200, body, retry_after: None, date: None })
        })
    }

    fn revoke<'a>(&'a self, _: &'a Token, _: Option<&'a Credentials>) -> BoxFuture<'a, Revoked> {
        Box::pin(async { Revoked::Unsupported })
    }
}
