//! What a proof is about: one request.

use http::Method;
use unlapse_core::{Secret, UnixTime};
use url::Url;

/// The `htu` of a proof: where a request goes, without query and fragment (RFC 9449 §4.2), written as
/// the URL standard does, so that both sides compare the same text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(Url);

/// A text is no URL that a proof can be about. Holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no absolute http or https URL")]
pub struct BadTarget;

impl Target {
    /// Reads the URL of a request. What is not of the target is left out: query, fragment, user name
    /// and password.
    pub fn parse(url: &str) -> Result<Self, BadTarget> {
        Self::try_from(Url::parse(url).map_err(|_| BadTarget)?)
    }

    /// The target as it stands in a proof.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<Url> for Target {
    type Error = BadTarget;

    fn try_from(mut url: Url) -> Result<Self, BadTarget> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(BadTarget);
        }
        url.set_query(None);
        url.set_fragment(None);
        url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| BadTarget)?;
        Ok(Self(url))
    }
}

/// A proof of possession for one request (RFC 9449 §4.2). The caller brings what is random and what
/// time it is.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// `htm`: the request's method.
    pub method: &'a Method,
    /// `htu`: where the request goes.
    pub target: &'a Target,
    /// The access token beside it, whose hash is `ath`; none at a token endpoint.
    pub access_token: Option<&'a Secret>,
    /// `nonce`: the last one that this server gave.
    pub nonce: Option<&'a str>,
    /// `jti`: 16 random bytes, never used twice.
    pub jti: [u8; 16],
    /// `iat`: now.
    pub issued_at: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc9449_4_2_a_target_has_neither_query_nor_fragment() {
        for (url, htu) in [
            ("https://api.example/x?key=canary#part", "https://api.example/x"),
            ("HTTPS://API.Example:443", "https://api.example/"),
            ("http://127.0.0.1:9000/a/../b", "http://127.0.0.1:9000/b"),
            ("https://user:canary@api.example/x", "https://api.example/x"),
            ("https://api.example/ü", "https://api.example/%C3%BC"),
        ] {
            assert_eq!(Target::parse(url).expect(url).as_str(), htu);
        }
        for bad in ["", "/x", "api.example/x", "ftp://api.example/", "data:text/plain,x"] {
            assert_eq!(Target::parse(bad), Err(BadTarget), "{bad}");
        }
    }
}
