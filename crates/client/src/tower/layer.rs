//! What is said once for all requests.

use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;

use super::body::Copies;
use super::service::Authorize;
use crate::effects::Breakers;
use crate::places::Places;
use crate::request::{BoxError, Carrier, Origin, RequestPolicy};
use crate::source::TokenSource;

/// Puts tokens on requests: see [`tower`](crate::tower). Services of one layer and its clones share
/// places and breakers.
#[derive(Clone)]
#[must_use]
pub struct AuthorizeLayer {
    carrier: Carrier,
    copies: Copies,
    is_unsent: fn(&BoxError) -> bool,
}

impl AuthorizeLayer {
    /// With tokens of `source`, to every origin that is `https` or this very machine.
    pub fn new(source: TokenSource) -> Self {
        Self { carrier: Carrier::new(source), copies: Copies::default(), is_unsent: is_refused }
    }

    /// The numbers.
    pub fn policy(mut self, policy: RequestPolicy) -> Self {
        self.carrier.policy = Arc::new(policy);
        self
    }

    /// Only to these origins, plain http included where it is named; a request to any other ends with
    /// [`ForeignOrigin`](crate::RequestError::ForeignOrigin), and nothing is sent. If none is
    /// named, it goes nowhere. Recommended wherever URLs come from outside.
    ///
    /// Requests that name no origin, as tonic's do, go to the one that is named here if it is one.
    pub fn only_to(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.carrier.only_to = Some(origins.into_iter().collect());
        self
    }

    /// Breakers that are shared with others (R16). Without, the layer has its own.
    pub fn breakers(mut self, breakers: Arc<dyn Breakers>) -> Self {
        self.carrier.breakers = breakers;
        self
    }

    /// Places that are shared with others, in place of [`RequestPolicy::at_once`] for this source alone
    /// (C12): where each user has a source, an API has one limit for all of them only so. Without, the layer has its own.
    pub fn places(mut self, places: Arc<Places>) -> Self {
        self.carrier.places = Some(places);
        self
    }

    /// How bodies of the type `B` are copied, so that they can be sent again; `None` for one that
    /// cannot. The last that is said counts.
    pub fn copying<B: 'static>(mut self, copy: fn(&B) -> Option<B>) -> Self {
        self.copies = Copies::by(copy);
        self
    }

    /// Which errors of the service beneath say that a request surely never left: only those are
    /// repeated whatever the request does. Without, a connection that was refused, as far as it is not
    /// an error of hyper's, which has a connection: a body that is read from elsewhere may fail so.
    ///
    /// Of hyper's client: `|error| error.downcast_ref::<hyper_util::client::legacy::Error>()
    /// .is_some_and(|error| error.is_connect())`.
    pub fn unsent_if(mut self, is_unsent: fn(&BoxError) -> bool) -> Self {
        self.is_unsent = is_unsent;
        self
    }
}

impl fmt::Debug for AuthorizeLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizeLayer").field("carrier", &self.carrier).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AuthorizeLayer {
    type Service = Authorize<S>;

    fn layer(&self, inner: S) -> Authorize<S> {
        Authorize {
            inner,
            carrier: self.carrier.clone(),
            copies: self.copies.clone(),
            is_unsent: self.is_unsent,
        }
    }
}

/// Whether a connection was refused. Anything else may have come after the request had left; so may what
/// is beneath an error of hyper's, which begins where there is a connection: half of the request has
/// left when its body fails, for want of a connection of its own.
fn is_refused(error: &BoxError) -> bool {
    let mut next: Option<&(dyn core::error::Error + 'static)> = Some(&**error);
    while let Some(error) = next.filter(|error| !error.is::<hyper::Error>()) {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::ConnectionRefused
        {
            return true;
        }
        next = error.source();
    }
    false
}
