//! Token endpoints by reqwest.

use std::error::Error as _;
use std::iter::successors;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Uri};
use reqwest::dns::Resolve;
use unlapse_core::{BoxFuture, Cause};
use unlapse_oauth::MAX_REPLY;
use zeroize::Zeroizing;

use super::settings::HttpSettings;
use crate::http::{Http, HttpHead, HttpReply, NoReply};
use crate::places::Places;

/// Longest wait for a place among the requests that are made at once (C12).
const PLACE_WAIT: Duration = Duration::from_secs(5);

/// An HTTP client for token endpoints.
///
/// Both clients are built when first used: building reads the system's certificates, which a valid
/// token never needs.
pub struct ReqwestHttp {
    settings: HttpSettings,
    resolver: Option<Arc<dyn Resolve>>,
    /// For this machine: plain http is allowed there, and must not leave it through a proxy.
    direct: OnceLock<Option<reqwest::Client>>,
    /// For others: through the proxy that the environment names, if any.
    client: OnceLock<Option<reqwest::Client>>,
    places: Places,
}

impl ReqwestHttp {
    /// A client with these settings, built when it is first used.
    pub fn new(settings: HttpSettings) -> Self {
        let places = Places::new(settings.at_once);
        let (direct, client) = (OnceLock::new(), OnceLock::new());
        Self { settings, resolver: None, direct, client, places }
    }

    /// The same, with names looked up by `resolver`: those of servers that are connected to from here,
    /// and of the proxy that the environment names. A host that is an address needs no looking up.
    ///
    /// Where it refuses with a [`Cause`] as its error, the request was not sent, and that is why.
    #[must_use]
    pub fn resolver(self, resolver: Arc<dyn Resolve>) -> Self {
        let (direct, client) = (OnceLock::new(), OnceLock::new());
        Self { resolver: Some(resolver), direct, client, ..self }
    }

    fn client(&self, uri: &Uri) -> Option<&reqwest::Client> {
        let is_plain = uri.scheme() == Some(&Scheme::HTTP);
        let client = if is_plain { &self.direct } else { &self.client };
        client.get_or_init(|| self.build(uri)).as_ref()
    }

    fn build(&self, uri: &Uri) -> Option<reqwest::Client> {
        let builder = self.settings.builder_for(uri).ok()?;
        let builder = match &self.resolver {
            Some(resolver) => builder.dns_resolver(Arc::clone(resolver)),
            None => builder,
        };
        builder.build().ok()
    }
}

impl Http for ReqwestHttp {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<HttpReply, NoReply>> {
        Box::pin(async move {
            let HttpHead { status, headers, body } = self.begin(request).await?;
            let body = body.await.map_err(NoReply::Lost)?;
            Ok(HttpReply { status, headers, body })
        })
    }

    fn begin(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<HttpHead<'_>, NoReply>> {
        Box::pin(async move {
            let client = self.client(request.uri()).ok_or(NoReply::Unsent(Cause::Request))?;
            let host = request.uri().authority().map_or("", |authority| authority.as_str());
            let place = self.places.to(host).acquire_owned();
            #[expect(
                clippy::disallowed_methods,
                reason = "reqwest's own timeouts are tokio's, too"
            )]
            let place = tokio::time::timeout(PLACE_WAIT, place).await;
            // The semaphore is never closed.
            let place = place.map_err(|_| NoReply::Unsent(Cause::Timeout))?;
            let request = request.try_into().map_err(|_| NoReply::Unsent(Cause::Request))?;
            let mut response = client.execute(request).await.map_err(|error| no_reply(&error))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = async move {
                let _place = place;
                let mut body = Zeroizing::new(Vec::with_capacity(8 * 1024));
                while let Some(piece) = response.chunk().await.map_err(|error| lost(&error))? {
                    if body.len() + piece.len() > MAX_REPLY {
                        return Ok(None);
                    }
                    body.extend_from_slice(&piece);
                }
                Ok(Some(body))
            };
            Ok(HttpHead { status, headers, body: Box::pin(body) })
        })
    }
}

/// Whether a request that failed surely never left: it could not be built, or no connection was
/// made. Everything else may have been seen by the server.
fn no_reply(error: &reqwest::Error) -> NoReply {
    if error.is_builder() {
        NoReply::Unsent(Cause::Request)
    } else if error.is_connect() {
        NoReply::Unsent(refused(error).unwrap_or(Cause::Connect))
    } else {
        NoReply::Lost(lost(error))
    }
}

/// Why a resolver has refused a name.
fn refused(error: &reqwest::Error) -> Option<Cause> {
    let mut errors = successors(error.source(), |&error| error.source());
    errors.find_map(|error| error.downcast_ref().copied())
}

fn lost(error: &reqwest::Error) -> Cause {
    if error.is_timeout() { Cause::Timeout } else { Cause::Broken }
}
