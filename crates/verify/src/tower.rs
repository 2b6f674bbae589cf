//! One line before any `http` service: no request without a genuine token passes.

use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

use http::{Request, Response, Uri};
use tower::{Layer, Service};
use unlapse_core::BoxFuture;

use crate::refused::Refused;
use crate::verified::Verified;
use crate::verifier::Verifier;

/// Puts [`Verify`] before a service.
#[derive(Clone)]
pub struct VerifyLayer {
    verifier: Verifier,
    scopes: Vec<String>,
}

impl VerifyLayer {
    /// Lets through what this verifier accepts.
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier, scopes: Vec::new() }
    }

    /// And only tokens with this scope too; may be said several times.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }
}

impl<S> Layer<S> for VerifyLayer {
    type Service = Verify<S>;

    fn layer(&self, inner: S) -> Verify<S> {
        Verify { inner, layer: self.clone() }
    }
}

impl fmt::Debug for VerifyLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyLayer").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// Verifies the token of each request. What it says is in the request's extensions as
/// [`Verified`]; a request without a genuine token is answered here (RFC 6750 §3).
#[derive(Clone, Debug)]
pub struct Verify<S> {
    inner: S,
    layer: VerifyLayer,
}

impl<S, B, R> Service<Request<B>> for Verify<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Send + 'static,
    R: From<String> + Send,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = VerifyFuture<Response<R>, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The clone is not the one that said it was ready: the ready one goes with the request.
        let clone = self.inner.clone();
        let mut ready = core::mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        VerifyFuture(Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            match layer.verified(&parts).await {
                Ok(verified) => {
                    parts.extensions.insert(verified);
                    ready.call(Request::from_parts(parts, body)).await
                }
                Err(refused) => Ok(refused.into_http()),
            }
        }))
    }
}

impl VerifyLayer {
    async fn verified(&self, parts: &http::request::Parts) -> Result<Verified, Refused> {
        let uri = original_uri(parts);
        let verified = self.verifier.verify_request(&parts.method, uri, &parts.headers).await?;
        self.scopes.iter().try_for_each(|scope| verified.require(scope))?;
        Ok(verified)
    }
}

/// The URI that the client asked for. Below `Router::nest` the request has a shorter one, which no
/// proof is made for.
#[cfg(feature = "axum")]
fn original_uri(parts: &http::request::Parts) -> &Uri {
    parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |original| &original.0)
}

#[cfg(not(feature = "axum"))]
fn original_uri(parts: &http::request::Parts) -> &Uri {
    &parts.uri
}

/// The response to come.
pub struct VerifyFuture<R, E>(BoxFuture<'static, Result<R, E>>);

impl<R, E> Future for VerifyFuture<R, E> {
    type Output = Result<R, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<R, E> fmt::Debug for VerifyFuture<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifyFuture")
    }
}
