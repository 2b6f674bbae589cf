//! The answer to come.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use unlapse_core::BoxFuture;

use crate::request::RequestError;

/// The answer to a request of [`Authorize`](super::Authorize). Dropped, it gives its place back, and a
/// renewal that it waited for goes on (R6).
#[must_use = "futures do nothing unless polled"]
pub struct AuthorizeFuture<R>(BoxFuture<'static, Result<Response<R>, RequestError>>);

impl<R> AuthorizeFuture<R> {
    pub(crate) fn new(
        future: impl Future<Output = Result<Response<R>, RequestError>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(future))
    }
}

impl<R> Future for AuthorizeFuture<R> {
    type Output = Result<Response<R>, RequestError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<R> fmt::Debug for AuthorizeFuture<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizeFuture").finish_non_exhaustive()
    }
}
