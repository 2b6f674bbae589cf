//! Proofs of possession (RFC 9449): tokens that are of no use to whoever steals them alone.
//!
//! With [`Server::dpop`](crate::Server::dpop), every request for a token is proven with a key that is
//! drawn once per login and kept in the record, sealed, beside the token. Before a refresh token
//! leaves, its key is durable: the server may bind the successor to it. The feature `dpop` brings the
//! [`Prover`] for [`ServerExchange::prover`](crate::ServerExchange::prover): `Dpop`.
//!
//! # Requests
//! Ask for the header and its proof together, each time: a proof is good for one request.
//!
//! A resource server may refuse a request for the lack of a nonce: 401 with `use_dpop_nonce` and a
//! `DPoP-Nonce` header (RFC 9449 §9). That says nothing about the token. Make the request once more
//! with that nonce, and keep the nonce for the next; any other 401 is for
//! [`TokenSource::reject`](crate::TokenSource::reject).
//!
//! ```
//! # use http::{HeaderMap, Method, StatusCode};
//! # use unlapse::{Error, TokenSource};
//! use unlapse::dpop::{self, DPOP};
//!
//! # async fn send(_: HeaderMap) -> http::Response<()> { http::Response::new(()) }
//! # async fn call(source: &TokenSource) -> Result<Option<http::Response<()>>, Error> {
//! let (url, mut nonce) = ("https://api.example/orders", None::<String>);
//! for _ in 0..3 {
//!     let proven = source.proven(&Method::GET, url, nonce.as_deref()).await?;
//!     let mut headers = HeaderMap::new();
//!     headers.insert("authorization", proven.bearer().header().clone());
//!     headers.extend(proven.proof().map(|proof| (DPOP, proof.clone())));
//!     let response = send(headers).await;
//!     if let Some(wanted) = dpop::wanted_nonce(response.status(), response.headers()) {
//!         nonce = Some(wanted.to_owned());
//!     } else if response.status() == StatusCode::UNAUTHORIZED {
//!         source.reject(proven.bearer().generation()).await?;
//!     } else {
//!         return Ok(Some(response));
//!     }
//! }
//! Ok(None)
//! # }
//! ```

#[cfg(feature = "dpop")]
mod prover;

use http::HeaderValue;

use crate::source::Bearer;

#[cfg(feature = "dpop")]
pub use prover::{Dpop, Random, SystemRandom};
#[cfg(feature = "dpop")]
pub use unlapse_oauth::dpop::Algorithm;
pub use unlapse_oauth::dpop::{DPOP, DPOP_NONCE, nonce, wanted_nonce};

pub use crate::effects::{Prover, ToProve};

/// What goes on one request: the token, and the proof that it is ours to use.
#[derive(Clone, Debug)]
pub struct Proven {
    pub(crate) bearer: Bearer,
    pub(crate) proof: Option<HeaderValue>,
}

impl Proven {
    /// The `Authorization` header, and which token it is.
    pub fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// The value of the `DPoP` header, good for one request; `None` when the token is bound to no
    /// key, and none is needed.
    pub fn proof(&self) -> Option<&HeaderValue> {
        self.proof.as_ref()
    }
}
