//! A token on one request.

use unlapse_core::Error;

use crate::dpop::DPOP;
use crate::source::TokenSource;

/// What was put on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authorized {
    /// Which token it is: what [`TokenSource::reject`] wants to know if the answer is a 401 (R13). Zero
    /// for an API key.
    pub generation: u64,
    /// The token has ended, and its server cannot be reached (K12): a 401 says no more than that.
    pub is_stale: bool,
}

impl TokenSource {
    /// Puts a valid token on `request`: the `Authorization` header, in place of any other, and the
    /// `DPoP` header where the login is bound to a key (RFC 9449 §7.1), for which the URI has to be
    /// absolute. Waits only when there is no valid token (R10).
    ///
    /// A proof is good for one request: call it again before each repeat. Where the server wants
    /// nonces, [`TokenSource::authorize_with`].
    ///
    /// ```
    /// # use http::{Request, StatusCode};
    /// # use unlapse::{Error, TokenSource};
    /// # async fn send(_: Request<()>) -> http::Response<()> { http::Response::new(()) }
    /// # async fn call(source: &TokenSource) -> Result<http::Response<()>, Error> {
    /// let orders = || Request::get("https://api.example/orders").body(()).expect("a request");
    /// let mut request = orders();
    /// let authorized = source.authorize(&mut request).await?;
    /// let mut response = send(request).await;
    /// if response.status() == StatusCode::UNAUTHORIZED {
    ///     source.reject(authorized.generation).await?; // fifty of these cost one renewal
    ///     let mut request = orders();
    ///     source.authorize(&mut request).await?;
    ///     response = send(request).await;
    /// }
    /// # Ok(response)
    /// # }
    /// ```
    pub async fn authorize<B>(&self, request: &mut http::Request<B>) -> Result<Authorized, Error> {
        self.authorize_with(request, None).await
    }

    /// The same, with the last `nonce` that the request's server gave (RFC 9449 §9):
    /// [`dpop::nonce`](crate::dpop::nonce) reads it from a reply, and
    /// [`dpop::wanted_nonce`](crate::dpop::wanted_nonce) tells a 401 that asks for one from a 401 that
    /// refuses the token. A token that is bound to no key needs none.
    pub async fn authorize_with<B>(
        &self,
        request: &mut http::Request<B>,
        nonce: Option<&str>,
    ) -> Result<Authorized, Error> {
        let url = request.uri().to_string();
        let proven = self.proven(request.method(), &url, nonce).await?;
        proven.put_on(request.headers_mut());
        let bearer = proven.bearer();
        Ok(Authorized { generation: bearer.generation(), is_stale: bearer.is_stale() })
    }
}

impl crate::dpop::Proven {
    /// Puts token and proof on a request; a proof that was there before is of another token.
    pub(crate) fn put_on(&self, headers: &mut http::HeaderMap) {
        headers.insert(http::header::AUTHORIZATION, self.bearer().header().clone());
        match self.proof() {
            Some(proof) => headers.insert(DPOP, proof.clone()),
            None => headers.remove(DPOP),
        };
    }
}
