//! One HTTP call, as an effect.

use core::fmt;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use unlapse_core::{BoxFuture, Cause};
use zeroize::Zeroizing;

/// An HTTP client. Follows no redirects: a token endpoint has none, and a secret that follows one
/// ends up with somebody else.
pub trait Http: Send + Sync {
    /// Makes one call and reads at most [`unlapse_oauth::MAX_REPLY`] of its body.
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<HttpReply, NoReply>>;

    /// The same, for whoever needs the status whatever becomes of the body. By itself, it waits for
    /// both.
    fn begin(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<HttpHead<'_>, NoReply>> {
        Box::pin(async move {
            let HttpReply { status, headers, body } = self.call(request).await?;
            Ok(HttpHead { status, headers, body: Box::pin(async { Ok(body) }) })
        })
    }
}

/// A reply whose body is still to be read.
pub struct HttpHead<'a> {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Reads its body: `None` when it is larger than the limit, or why it broke off.
    pub body: BoxFuture<'a, Result<Option<Zeroizing<Vec<u8>>>, Cause>>,
}

impl fmt::Debug for HttpHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpHead").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A reply that arrived.
#[derive(Debug)]
pub struct HttpReply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; `None` when it is larger than the limit, or, to a request that waited in an outbox,
    /// when it did not arrive whole.
    pub body: Option<Zeroizing<Vec<u8>>>,
}

/// Why no reply arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoReply {
    /// The request surely never left.
    Unsent(Cause),
    /// It left, or may have.
    Lost(Cause),
}
