//! The middleware, and how it sends one request.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap, StatusCode};
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};

use crate::dpop::Proven;
use crate::effects::Breakers;
use crate::places::Places;
use crate::request::{
    Call, Carrier, Ended, Errand, Fault, Origin, RequestDeadline, RequestError, RequestPolicy,
};
use crate::source::TokenSource;

/// Puts tokens on the requests of a reqwest client, renews what is refused, and repeats what can be,
/// as [docs/requests.md](https://github.com/unlapse/unlapse/blob/main/docs/requests.md) has it. A
/// request that has an `Authorization` header of its own goes through untouched.
///
/// What stands after it in the chain runs once for every try; what stands before it, once for each
/// request. A [`RequestDeadline`] goes along as an extension: `request.with_extension(…)`. A client of
/// your own should follow no redirects, as [`HttpSettings`](super::HttpSettings) has it: reqwest repeats
/// a redirected request by itself, with a proof that is of another URL, and to whomever it names.
#[derive(Clone, Debug)]
#[must_use]
pub struct Authorize {
    carrier: Carrier,
}

impl Authorize {
    /// With tokens of `source`, to every origin that is `https` or this very machine.
    pub fn new(source: TokenSource) -> Self {
        Self { carrier: Carrier::new(source) }
    }

    /// The numbers.
    pub fn policy(mut self, policy: RequestPolicy) -> Self {
        self.carrier.policy = Arc::new(policy);
        self
    }

    /// Only to these origins, plain http included where it is named; a request to any other ends with
    /// [`ForeignOrigin`](RequestError::ForeignOrigin), and nothing is sent. If none is named, it goes
    /// nowhere. Recommended wherever URLs come from outside.
    pub fn only_to(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.carrier.only_to = Some(origins.into_iter().collect());
        self
    }

    /// Breakers that are shared with others (R16). Without, it has its own.
    pub fn breakers(mut self, breakers: Arc<dyn Breakers>) -> Self {
        self.carrier.breakers = breakers;
        self
    }

    /// Places that are shared with others, in place of [`RequestPolicy::at_once`] for this source alone
    /// (C12): where each user has a source, an API has one limit for all of them only so. Without, it has its own.
    pub fn places(mut self, places: Arc<Places>) -> Self {
        self.carrier.places = Some(places);
        self
    }

    fn errand(
        &self,
        request: &Request,
        extensions: &Extensions,
    ) -> std::result::Result<Errand, RequestError> {
        let url = request.url();
        let origin = Origin::from_parts(
            url.scheme(),
            url.host_str().unwrap_or_default(),
            url.port_or_known_default(),
        );
        let origin = self.carrier.admits(origin.map_err(RequestError::NoOrigin)?)?;
        let deadline = extensions.get::<RequestDeadline>();
        let deadline = deadline.map_or(self.carrier.policy.deadline, |deadline| deadline.0);
        Ok(Errand::new(request.method(), request.headers(), origin, url.path(), deadline))
    }
}

#[async_trait::async_trait]
impl Middleware for Authorize {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        if request.headers().contains_key(AUTHORIZATION) {
            return next.run(request, extensions).await;
        }
        let errand = self.errand(&request, extensions).map_err(Error::middleware)?;
        let sending = Sending { request: Some(request), extensions, next };
        self.carrier.carry(&errand, sending).await.map_err(|ended| match ended {
            Ended::Because(error) => Error::middleware(error),
            Ended::Network(_, error) => error,
        })
    }
}

/// The error of [`Authorize`] in an error of its client. `None`: the network's, or another
/// middleware's.
pub fn request_error(error: &Error) -> Option<&RequestError> {
    match error {
        Error::Middleware(error) => error.downcast_ref(),
        Error::Reqwest(_) => None,
    }
}

/// One request under way.
struct Sending<'a> {
    /// What is sent next; nothing, once it was sent and cannot be again.
    request: Option<Request>,
    extensions: &'a mut Extensions,
    next: Next<'a>,
}

impl Call for Sending<'_> {
    type Reply = Response;
    type Error = Error;

    fn can_repeat(&self) -> bool {
        self.request.is_some()
    }

    async fn send(&mut self, proven: &Proven) -> std::result::Result<Response, (Fault, Error)> {
        let mut request =
            self.request.take().expect("invariant: repeated only while there is a request");
        // A body that streams has no copy.
        self.request = request.try_clone();
        proven.put_on(request.headers_mut());
        let sent = self.next.clone().run(request, self.extensions).await;
        sent.map_err(|error| (fault(&error), error))
    }

    fn head(reply: &Response) -> (StatusCode, &HeaderMap) {
        (reply.status(), reply.headers())
    }
}

/// Whether a request that failed surely never left: no connection was made.
fn fault(error: &Error) -> Fault {
    match error {
        Error::Middleware(_) => Fault::Refused,
        Error::Reqwest(error) if error.is_builder() || error.is_redirect() => Fault::Refused,
        Error::Reqwest(error) if error.is_connect() => Fault::Unsent,
        Error::Reqwest(_) => Fault::Lost,
    }
}
