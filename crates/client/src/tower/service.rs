//! The service, and how it sends one request.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::task::{Context, Poll};

use http::header::AUTHORIZATION;
use http::{HeaderMap, Request, Response, StatusCode, request};
use tower_service::Service;

use super::body::Copies;
use super::future::AuthorizeFuture;
use crate::dpop::Proven;
use crate::request::{
    BoxError, Call, Carrier, Ended, Errand, Fault, RequestDeadline, RequestError,
};

/// A service whose requests carry their token: see [`tower`](crate::tower).
#[derive(Clone)]
pub struct Authorize<S> {
    pub(super) inner: S,
    pub(super) carrier: Carrier,
    pub(super) copies: Copies,
    pub(super) is_unsent: fn(&BoxError) -> bool,
}

impl<S: fmt::Debug> fmt::Debug for Authorize<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Authorize");
        debug.field("inner", &self.inner).field("carrier", &self.carrier).finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for Authorize<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Send + 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = RequestError;
    type Future = AuthorizeFuture<R>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), RequestError>> {
        self.inner.poll_ready(context).map_err(|error| RequestError::Client(error.into()))
    }

    fn call(&mut self, request: Request<B>) -> AuthorizeFuture<R> {
        // The one that is ready goes along, and leaves its clone to be asked anew.
        let clone = self.inner.clone();
        let mut ready = mem::replace(&mut self.inner, clone);
        let (copies, is_unsent) = (self.copies.clone(), self.is_unsent);
        let carrier = self.carrier.clone();
        AuthorizeFuture::new(async move {
            if request.headers().contains_key(AUTHORIZATION) {
                let answer = ready.call(request).await;
                return answer.map_err(|error| RequestError::Client(error.into()));
            }
            let errand = errand(&carrier, &request)?;
            let (parts, body) = request.into_parts();
            let sending = Sending {
                service: ready,
                is_ready: true,
                parts,
                body: Some(body),
                copies,
                is_unsent,
            };
            carrier.carry(&errand, sending).await.map_err(|ended| match ended {
                Ended::Because(error) => error,
                Ended::Network(fault, error) => RequestError::of(fault, errand.origin, error),
            })
        })
    }
}

fn errand<B>(carrier: &Carrier, request: &Request<B>) -> Result<Errand, RequestError> {
    let origin = carrier.origin(request.uri())?;
    let deadline = request.extensions().get::<RequestDeadline>();
    let deadline = deadline.map_or(carrier.policy.deadline, |deadline| deadline.0);
    Ok(Errand::new(request.method(), request.headers(), origin, request.uri().path(), deadline))
}

/// One request under way.
struct Sending<S, B> {
    service: S,
    /// It was asked, and waits to be called.
    is_ready: bool,
    parts: request::Parts,
    /// What is sent next; nothing, once it was sent and cannot be again.
    body: Option<B>,
    copies: Copies,
    is_unsent: fn(&BoxError) -> bool,
}

impl<S, B, R> Call for Sending<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Send,
    S::Future: Send,
    S::Error: Into<BoxError>,
    B: Send + 'static,
    R: Send,
{
    type Reply = Response<R>;
    type Error = BoxError;

    fn can_repeat(&self) -> bool {
        self.body.is_some()
    }

    async fn send(&mut self, proven: &Proven) -> Result<Response<R>, (Fault, BoxError)> {
        if !mem::take(&mut self.is_ready) {
            let ready = poll_fn(|context| self.service.poll_ready(context)).await;
            ready.map_err(|error| (Fault::Refused, error.into()))?;
        }
        let body = self.body.take().expect("invariant: repeated only while there is a body");
        self.body = self.copies.of(&body);
        let mut request = Request::from_parts(self.parts.clone(), body);
        proven.put_on(request.headers_mut());
        self.service.call(request).await.map_err(|error| {
            let error = error.into();
            let fault = if (self.is_unsent)(&error) { Fault::Unsent } else { Fault::Lost };
            (fault, error)
        })
    }

    fn head(reply: &Response<R>) -> (StatusCode, &HeaderMap) {
        (reply.status(), reply.headers())
    }
}
