//! How the API is set up.

use std::sync::Arc;

use tokio::sync::watch;
use unlapse_verify::Verifier;
use url::Url;

use crate::places::Places;
use crate::strangers::Strangers;

/// What the API is given by whoever runs it.
#[derive(Clone)]
pub struct ApiOptions {
    /// Where browsers and providers reach the broker: `https`, or `http` on the loopback. Connect pages,
    /// and the redirect URIs that apps are registered with ([`redirect_uri`](fn@crate::redirect_uri)), lie
    /// below it.
    pub public_url: Url,
    /// Who signs JWTs that are good here, beside API keys; their claim `tenant` says whose they are,
    /// and their scope holds the verbs.
    pub verifier: Option<Verifier>,
    /// What `/metrics` says behind the node's health, for an operator's key; without it, there is none: it
    /// is served elsewhere, or not at all.
    pub metrics: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    /// How many requests are answered at once: whoever serves the dashboard beside the API gives it the
    /// same.
    pub places: Places,
    /// How many clients listen to events at once; of these, too, one tenant has seven eighths at most. 256.
    pub listeners: usize,
    /// Callers who have not proven who they are: whoever serves the dashboard beside the API gives it the
    /// same.
    pub strangers: Strangers,
    /// Whether webhooks may go to every address that is not public, and by `http`; without it, to those
    /// that the broker's `private_hosts` allow.
    pub private_webhooks: bool,
    /// When the broker is about to end.
    pub draining: Draining,
}

impl ApiOptions {
    /// The defaults, at this address.
    pub fn new(public_url: Url) -> Self {
        Self {
            public_url,
            verifier: None,
            metrics: None,
            places: Places::default(),
            listeners: 256,
            strangers: Strangers::default(),
            private_webhooks: false,
            draining: Draining::default(),
        }
    }
}

/// Whether the broker is about to end: `/readyz` says so, so that no more requests are sent to it, and
/// streams of events end, so that their clients go elsewhere.
#[derive(Clone, Debug)]
pub struct Draining(watch::Sender<bool>);

impl Default for Draining {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Draining {
    /// From now on.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has begun.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Ready once it begins.
    pub async fn begun(&self) {
        // The sender is this very value: it cannot be gone while somebody waits here.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}
