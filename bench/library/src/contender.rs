//! What is measured: one library's way to a header.

use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;

use http::HeaderValue;

use crate::server::Server;

/// A library with a valid token in its cache, and the way that its users get at it.
pub(crate) trait Contender: Send + Sync + Sized + 'static {
    /// Its name and version, and the call that is timed.
    const NAME: &'static str;

    /// Which of its traits the tokens come in by: the rest of it is what a user runs.
    const FAKED: &'static str;

    /// Set up over `server`, with its first token in the cache.
    fn new(server: Arc<Server>) -> impl Future<Output = Self> + Send;

    /// What the library hands out: a token, if that is not a header yet.
    fn token(&self) -> impl Future<Output = ()> + Send;

    /// A header value to put on a request; `None` where the library has an error instead.
    fn try_header(&self) -> impl Future<Output = Option<HeaderValue>> + Send;

    /// The same, where the server answers.
    fn header(&self) -> impl Future<Output = HeaderValue> + Send {
        async { self.try_header().await.expect("the server answers") }
    }

    /// Many headers, one after the other. What needs no `await` overrides it with a plain loop.
    fn headers(&self, calls: u64) -> impl Future<Output = ()> + Send {
        async move {
            for _ in 0..calls {
                black_box(black_box(self).header().await);
            }
        }
    }
}

/// Calls `header` so often.
pub(crate) fn repeat<C>(contender: &C, calls: u64, header: impl Fn(&C) -> HeaderValue) {
    for _ in 0..calls {
        black_box(header(black_box(contender)));
    }
}

/// A [`Contender`] whose type is forgotten: dispatched once for a batch, not for each call.
pub(crate) trait Lane: Send + Sync {
    fn tokens(&self, calls: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    fn headers(&self, calls: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// The length of one header, which shows that the token is in it.
    fn header_length(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>>;
}

impl<C: Contender> Lane for C {
    fn tokens(&self, calls: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            for _ in 0..calls {
                black_box(self).token().await;
            }
        })
    }

    fn headers(&self, calls: u64) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(Contender::headers(self, calls))
    }

    fn header_length(&self) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(async move { self.header().await.len() })
    }
}

/// What a user of a library that hands out text has to do for each request.
pub(crate) fn bearer(token: &str) -> HeaderValue {
    let mut header = HeaderValue::try_from(format!("Bearer {token}")).expect("visible ASCII");
    header.set_sensitive(true);
    header
}
