//! How an [`Outbox`] is put together.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use unlapse_core::outbox::{Hurry, OutboxPolicy, OutboxStore};
use unlapse_core::{BoxFuture, Dice, Key};

use super::event::{OutboxEvent, OutboxObserver};
use crate::effects::Clock;
use crate::http::Http;
use crate::source::TokenSource;

/// Requests that wait for the network, and are sent once each. A cheap handle.
#[derive(Clone)]
pub struct Outbox {
    pub(super) inner: Arc<Inner>,
}

/// Finds the source of a credential's tokens.
type FindSource = dyn for<'a> Fn(&'a Key) -> BoxFuture<'a, Option<TokenSource>> + Send + Sync;

pub(super) struct Inner {
    pub(super) store: Arc<dyn OutboxStore>,
    pub(super) http: Arc<dyn Http>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) policy: OutboxPolicy,
    pub(super) dice: Mutex<Dice>,
    pub(super) wake: Notify,
    /// The waits that whoever woke it wants to be cut short.
    pub(super) hurry: Mutex<Hurry>,
    observer: Option<OutboxObserver>,
    sources: Mutex<HashMap<Key, TokenSource>>,
    find: Option<Box<FindSource>>,
}

/// Puts an [`Outbox`] together from its effects.
#[must_use]
pub struct OutboxBuilder {
    inner: Inner,
}

impl Outbox {
    /// Requests that wait in `store` and are sent over `http` with the tokens of `source`, on tokio's
    /// clock. [`Outbox::builder`] has the rest.
    #[cfg(feature = "tokio")]
    pub fn new(store: Arc<dyn OutboxStore>, http: Arc<dyn Http>, source: TokenSource) -> Self {
        Self::builder(store, http).source(source).build()
    }

    /// Requests that wait in `store` and are sent over `http`, on tokio's clock.
    #[cfg(feature = "tokio")]
    pub fn builder(store: Arc<dyn OutboxStore>, http: Arc<dyn Http>) -> OutboxBuilder {
        use crate::tokio::{TokioClock, seed};
        OutboxBuilder::with_effects(store, http, Arc::new(TokioClock::new()), seed())
    }

    /// Adds the source of a credential's tokens, in the place of one that there was.
    pub fn add_source(&self, source: TokenSource) {
        self.inner.add_source(source);
    }
}

impl OutboxBuilder {
    /// An outbox over these effects. `seed` spreads retries: two processes should not have the same.
    pub fn with_effects(
        store: Arc<dyn OutboxStore>,
        http: Arc<dyn Http>,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Self {
        let inner = Inner {
            store,
            http,
            clock,
            policy: OutboxPolicy::default(),
            dice: Mutex::new(Dice::new(seed)),
            wake: Notify::new(),
            hurry: Mutex::default(),
            observer: None,
            sources: Mutex::default(),
            find: None,
        };
        Self { inner }
    }

    /// What is a matter of choice.
    pub fn policy(mut self, policy: OutboxPolicy) -> Self {
        self.inner.policy = policy;
        self
    }

    /// Is told what happens.
    pub fn observer(mut self, observer: OutboxObserver) -> Self {
        self.inner.observer = Some(observer);
        self
    }

    /// The source of a credential's tokens; one for each credential that has a line.
    pub fn source(self, source: TokenSource) -> Self {
        self.inner.add_source(source);
        self
    }

    /// Finds the sources of credentials that none was given for, when something is to be sent with
    /// them. A line without a source waits.
    pub fn find_source(
        mut self,
        find: impl for<'a> Fn(&'a Key) -> BoxFuture<'a, Option<TokenSource>> + Send + Sync + 'static,
    ) -> Self {
        self.inner.find = Some(Box::new(find));
        self
    }

    /// The outbox.
    pub fn build(self) -> Outbox {
        Outbox { inner: Arc::new(self.inner) }
    }
}

impl Inner {
    fn add_source(&self, source: TokenSource) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        sources.insert(source.key().clone(), source);
    }

    pub(super) async fn source(&self, key: &Key) -> Option<TokenSource> {
        let known = self.sources.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        match (known, &self.find) {
            (None, Some(find)) => find(key).await,
            (known, _) => known,
        }
    }

    pub(super) fn tell(&self, event: &OutboxEvent) {
        event.trace();
        // Sending outlives whoever watches it.
        if let Some(observer) = &self.observer
            && catch_unwind(AssertUnwindSafe(|| observer(event))).is_err()
        {
            tracing::error!(target: "unlapse", "the observer of the outbox panicked");
        }
    }
}
