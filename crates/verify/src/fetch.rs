//! One GET, as an effect.

use http::{HeaderMap, StatusCode};
use unlapse_core::BoxFuture;
use url::{Host, Url};

/// Asks an issuer for something public. Follows no redirects: whoever answers speaks for it.
pub trait Fetch: Send + Sync {
    /// Gets `uri`, reading at most `limit` bytes of the body. Must end by itself in a few seconds.
    fn fetch<'a>(
        &'a self,
        uri: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Fetched, FetchError>>;
}

/// A reply that arrived whole.
#[derive(Clone, Debug, Default)]
pub struct Fetched {
    /// Its status.
    pub status: StatusCode,
    /// Its headers; `Cache-Control` and `Age` count.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No connection, or it broke.
    #[error("no reply arrived")]
    Unreachable,
    /// It took too long.
    #[error("no reply arrived in time")]
    Timeout,
    /// The body is longer than the limit.
    #[error("the reply is too large")]
    TooLarge,
    /// The address is none that is asked.
    #[error("the address is not https, nor http to this machine")]
    Address,
}

/// Reads the address of something that is believed: `https`, or `http` to this machine.
pub(crate) fn address(text: &str) -> Result<Url, FetchError> {
    let url = Url::parse(text).map_err(|_| FetchError::Address)?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && loopback);
    let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if scheme && bare { Ok(url) } else { Err(FetchError::Address) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j3_https_or_this_machine() {
        for (text, good) in [
            ("https://id.example/jwks", true),
            ("http://127.0.0.1:8080/jwks", true),
            ("http://[::1]/jwks", true),
            ("http://localhost/jwks", true),
            ("http://id.example/jwks", false),
            ("http://127.0.0.1.example/", false),
            ("https://user@id.example/", false),
            ("https://id.example/#x", false),
            ("file:///etc/passwd", false),
            ("jwks", false),
        ] {
            assert_eq!(address(text).is_ok(), good, "{text}");
        }
    }
}
