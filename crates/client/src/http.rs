//! One HTTP call, as an effect.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use unlapse_core::{BoxFuture, Cause};
use zeroize::Zeroizing;

/// An HTTP client. Follows no redirects: a token endpoint has none, and a secret that follows one
/// ends up with somebody else.
pub trait Http: Send + Sync {
    /// Makes one call and reads at most [`unlapse_oauth::MAX_REPLY`] of its body.
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<HttpReply, NoReply>>;
}

/// A reply that arrived whole.
#[derive(Debug)]
pub struct HttpReply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; `None` when it is larger than the limit.
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
