//! Whom a request goes to.

use core::fmt;
use core::str::FromStr;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::Uri;

/// Scheme, host and port (RFC 6454 §4): what a token may be for.
///
/// Hosts are compared as they are written, in lower case; nothing is looked up.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    is_https: bool,
    host: Box<str>,
    port: u16,
}

/// Why there is no origin. Holds no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It does not parse, or has no scheme or no host.
    #[error("it is no absolute URL")]
    NotAbsolute,
    /// Neither `https` nor `http`.
    #[error("its scheme is neither https nor http")]
    Scheme,
    /// A user name or password before the host.
    #[error("it has a user name or password in it")]
    UserInfo,
    /// More than an origin: a path or a query.
    #[error("it has a path or a query, of which an origin has none")]
    MoreThanAnOrigin,
}

impl Origin {
    /// Whom a request to `uri` goes to.
    pub fn of(uri: &Uri) -> Result<Self, OriginError> {
        let scheme = uri.scheme_str().ok_or(OriginError::NotAbsolute)?;
        let authority = uri.authority().ok_or(OriginError::NotAbsolute)?;
        if authority.as_str().contains('@') {
            return Err(OriginError::UserInfo);
        }
        // A port that is none is read as no port at all: `https://a:b` must not pass for `https://a`.
        let has_port = authority.as_str().len() > authority.host().len();
        if has_port && authority.port_u16().is_none() {
            return Err(OriginError::NotAbsolute);
        }
        Self::from_parts(scheme, authority.host(), authority.port_u16())
    }

    pub(crate) fn from_parts(
        scheme: &str,
        host: &str,
        port: Option<u16>,
    ) -> Result<Self, OriginError> {
        let is_https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(OriginError::Scheme),
        };
        if host.is_empty() {
            return Err(OriginError::NotAbsolute);
        }
        let port = port.unwrap_or(if is_https { 443 } else { 80 });
        Ok(Self { is_https, host: host.to_ascii_lowercase().into(), port })
    }

    /// Whether a token may go there without being told so: over TLS, or on this very machine
    /// (RFC 6750 §5.3).
    pub(crate) fn is_safe(&self) -> bool {
        self.is_https || self.is_loopback()
    }

    fn is_loopback(&self) -> bool {
        let v6 = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        &*self.host == "localhost"
            || self.host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
            || v6.is_some_and(|v6| v6.parse().is_ok_and(|v6: Ipv6Addr| v6.is_loopback()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        let default = if self.is_https { 443 } else { 80 };
        if self.port == default { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let uri: Uri = text.parse().map_err(|_| OriginError::NotAbsolute)?;
        if uri.query().is_some() || !matches!(uri.path(), "" | "/") || text.contains('#') {
            return Err(OriginError::MoreThanAnOrigin);
        }
        Self::of(&uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc6454_4_a_row_for_each_way_to_write_an_origin() {
        for (text, expected) in [
            ("https://api.example", Ok("https://api.example")),
            ("https://API.example:443/", Ok("https://api.example")),
            ("https://api.example:8443", Ok("https://api.example:8443")),
            ("http://api.example", Ok("http://api.example")),
            ("http://api.example:443", Ok("http://api.example:443")),
            ("http://[::1]:80", Ok("http://[::1]")),
            ("https://api.example/v1", Err(OriginError::MoreThanAnOrigin)),
            ("https://api.example?a", Err(OriginError::MoreThanAnOrigin)),
            ("https://api.example#a", Err(OriginError::MoreThanAnOrigin)),
            ("https://u:p@api.example", Err(OriginError::UserInfo)),
            ("https://api.example@evil.example", Err(OriginError::UserInfo)),
            ("ftp://api.example", Err(OriginError::Scheme)),
            ("https://api.example:port", Err(OriginError::NotAbsolute)),
            ("https://api.example:99999", Err(OriginError::NotAbsolute)),
            ("https://", Err(OriginError::NotAbsolute)),
            ("api.example", Err(OriginError::NotAbsolute)),
            ("/", Err(OriginError::NotAbsolute)),
            ("", Err(OriginError::NotAbsolute)),
        ] {
            let found = text.parse::<Origin>().map(|origin| origin.to_string());
            assert_eq!(found.as_deref().map_err(|error| *error), expected, "{text}");
        }
    }

    #[test]
    fn rfc6454_5_origins_differ_in_scheme_host_and_port() {
        let api: Origin = "https://api.example".parse().expect("an origin");
        for other in ["http://api.example", "https://api.example.", "https://api.example:444"] {
            assert_ne!(api, other.parse().expect("an origin"), "{other}");
        }
    }

    #[test]
    fn rfc6750_5_3_only_tls_and_this_machine_are_safe() {
        for (text, is_safe) in [
            ("https://api.example", true),
            ("http://localhost:8080", true),
            ("http://127.1.2.3", true),
            ("http://[::1]", true),
            ("http://api.example", false),
            ("http://localhost.evil.example", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://[::2]", false),
        ] {
            let origin: Origin = text.parse().expect("an origin");
            assert_eq!(origin.is_safe(), is_safe, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_an_origin_shows_is_that_origin(
            text in "https?://[a-zA-Z0-9.:@/?#\\[\\]-]{0,20}|\\PC*"
        ) {
            if let Ok(origin) = text.parse::<Origin>() {
                prop_assert_eq!(origin.to_string().parse::<Origin>(), Ok(origin));
            }
        }
    }
}
