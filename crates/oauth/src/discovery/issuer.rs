//! The name of an authorization server.

use core::fmt;
use core::str::FromStr;

use crate::endpoint::{Endpoint, EndpointError};

/// An issuer identifier (RFC 8414 §2): an [`Endpoint`] without a query, kept as it was written,
/// since it is compared byte for byte.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Issuer {
    written: String,
    endpoint: Endpoint,
}

impl Issuer {
    /// Reads an issuer identifier.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::parse(text)?;
        if endpoint.url().query().is_some() {
            return Err(EndpointError::Query);
        }
        Ok(Self { written: text.to_owned(), endpoint })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The URL that it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Where its metadata may lie, in the order to ask: between host and path (RFC 8414 §3.1), then
    /// behind the path (OpenID Connect Discovery 1.0 §4). A slash at the path's end is dropped, as
    /// both demand.
    pub fn metadata_urls(&self) -> Result<[Endpoint; 2], EndpointError> {
        let path = self.endpoint.url().path();
        let path = path.strip_suffix('/').unwrap_or(path);
        let at = |path: String| {
            let mut url = self.endpoint.url().clone();
            url.set_path(&path);
            Endpoint::try_from(url)
        };
        Ok([
            at(format!("/.well-known/oauth-authorization-server{path}"))?,
            at(format!("{path}/.well-known/openid-configuration"))?,
        ])
    }
}

impl FromStr for Issuer {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_lies_in_two_places() {
        for (issuer, oauth, openid) in [
            (
                "https://as.example",
                "https://as.example/.well-known/oauth-authorization-server",
                "https://as.example/.well-known/openid-configuration",
            ),
            (
                "https://as.example/",
                "https://as.example/.well-known/oauth-authorization-server",
                "https://as.example/.well-known/openid-configuration",
            ),
            (
                "https://as.example:8443/realms/a%20b/",
                "https://as.example:8443/.well-known/oauth-authorization-server/realms/a%20b",
                "https://as.example:8443/realms/a%20b/.well-known/openid-configuration",
            ),
            (
                "http://127.0.0.1:9/tenant",
                "http://127.0.0.1:9/.well-known/oauth-authorization-server/tenant",
                "http://127.0.0.1:9/tenant/.well-known/openid-configuration",
            ),
        ] {
            let urls = Issuer::parse(issuer).expect("good").metadata_urls().expect("good");
            assert_eq!(urls.map(|url| url.url().to_string()), [oauth, openid], "{issuer}");
        }
    }

    #[test]
    fn what_is_no_issuer() {
        for (text, error) in [
            ("https://as.example?x=1", EndpointError::Query),
            ("https://as.example?", EndpointError::Query),
            ("https://as.example#x", EndpointError::Fragment),
            ("http://as.example", EndpointError::PlainHttp),
        ] {
            assert_eq!(Issuer::parse(text), Err(error), "{text}");
        }
    }
}
