//! A URL that secrets may be sent to.

use core::fmt;
use core::str::FromStr;

use http::Uri;
use serde::Deserialize;
use url::{Host, Url};

/// An endpoint (RFC 6749 §3): `https`, or `http` to this very machine; no user information, no
/// fragment. A query is kept (RFC 6749 §3.2), but not shown: providers put keys there.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Endpoint {
    url: Url,
    uri: Uri,
}

/// Why a text is no endpoint. Holds no part of the text, which may have a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// It does not parse.
    #[error("it is not an absolute URL: {0}")]
    NotAUrl(url::ParseError),
    /// It has spaces, line breaks or control characters, which parsers differ about.
    #[error("it has a space or a control character in it")]
    Blank,
    /// Neither `https` nor `http`.
    #[error("its scheme is not https")]
    Scheme,
    /// `http` to another machine (RFC 6749 §3.2 demands TLS).
    #[error("http is allowed to localhost, 127.0.0.0/8 and ::1 only; use https")]
    PlainHttp,
    /// A user name or password before the host.
    #[error("it has a user name or password in it; configure them apart from the URL")]
    UserInfo,
    /// A fragment (RFC 6749 §3.2).
    #[error("it has a fragment (#…), which an endpoint must not have")]
    Fragment,
    /// A query, where none is allowed (RFC 8414 §2).
    #[error("it has a query (?…), which an issuer must not have")]
    Query,
    /// HTTP cannot carry it: longer than 64 KiB.
    #[error("it is longer than HTTP allows")]
    TooLong,
}

impl Endpoint {
    /// Reads an endpoint.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        // The URL standard drops these silently: what was checked would not be what was written.
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(EndpointError::Blank);
        }
        Self::try_from(Url::parse(text).map_err(EndpointError::NotAUrl)?)
    }

    /// The same server, at `path` below this endpoint's own path, without its query:
    /// `https://host/base` and `/api/auth/login` make `https://host/base/api/auth/login`.
    pub fn join_path(&self, path: &str) -> Result<Self, EndpointError> {
        let mut url = self.url.clone();
        url.set_query(None);
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{}", path.trim_start_matches('/')));
        Self::try_from(url)
    }

    /// As a request's URI, query included.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// As a URL, query included.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it lies on this machine (A3).
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }
}

impl TryFrom<Url> for Endpoint {
    type Error = EndpointError;

    fn try_from(url: Url) -> Result<Self, EndpointError> {
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            "http" => return Err(EndpointError::PlainHttp),
            _ => return Err(EndpointError::Scheme),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(EndpointError::Fragment);
        }
        // A serialized URL is ASCII without blanks, so that only its length can be in the way.
        let uri = url.as_str().parse().map_err(|_| EndpointError::TooLong)?;
        Ok(Self { url, uri })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, EndpointError> {
        Self::parse(&text)
    }
}

impl fmt::Display for Endpoint {
    /// Without its query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url[..url::Position::AfterPath])
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn c12_https_or_this_machine() {
        use EndpointError::{Blank, Fragment, NotAUrl, PlainHttp, Scheme, TooLong, UserInfo};
        for good in [
            "https://as.example/token",
            "https://as.example:8443/t?tenant=a",
            "HTTPS://AS.EXAMPLE",
            "http://localhost:8080/token",
            "http://127.0.0.1/",
            "http://127.255.3.4:1/",
            "http://[::1]:9/",
        ] {
            assert!(Endpoint::parse(good).is_ok(), "{good}");
        }
        let long = format!("https://as.example/{}", "a".repeat(70_000));
        for (bad, why) in [
            ("http://as.example/token", PlainHttp),
            ("http://127.0.0.1.example/", PlainHttp),
            ("http://localhost.example/", PlainHttp),
            ("http://[::ffff:127.0.0.1]/", PlainHttp),
            ("http://0.0.0.0/", PlainHttp),
            ("ftp://as.example/", Scheme),
            ("file:///etc/passwd", Scheme),
            ("https://user@as.example/", UserInfo),
            ("https://:canary@as.example/", UserInfo),
            ("https://as.example/#", Fragment),
            ("https://as.example/t#x", Fragment),
            ("https://as.exa\nmple/", Blank),
            (" https://as.example/", Blank),
            ("", NotAUrl(url::ParseError::RelativeUrlWithoutBase)),
            ("/token", NotAUrl(url::ParseError::RelativeUrlWithoutBase)),
            ("https://", NotAUrl(url::ParseError::EmptyHost)),
            (&long, TooLong),
        ] {
            assert_eq!(Endpoint::parse(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn r18_neither_display_nor_debug_shows_the_query() {
        let endpoint = Endpoint::parse("https://as.example/t?key=canary-4711").expect("good");
        assert_eq!(endpoint.to_string(), "https://as.example/t");
        assert_eq!(format!("{endpoint:?}"), "Endpoint(https://as.example/t)");
        assert_eq!(endpoint.uri().query(), Some("key=canary-4711"));
    }

    #[test]
    fn r18_configuration_errors_repeat_nothing() {
        let read = |text: &str| serde_json::from_str::<Endpoint>(&format!("{text:?}"));
        assert_eq!(read("https://as.example/t").expect("good").to_string(), "https://as.example/t");
        let error = read("https://user:canary-4711@as.example/").expect_err("user information");
        assert!(error.to_string().starts_with(&EndpointError::UserInfo.to_string()), "{error}");
        assert!(!error.to_string().contains("canary"));
    }

    #[test]
    fn c9_paths_go_below_the_servers_own() {
        for (base, joined) in [
            ("https://h", "https://h/api/auth/login"),
            ("https://h/", "https://h/api/auth/login"),
            ("https://h/base?x=1", "https://h/base/api/auth/login"),
            ("https://h/base/", "https://h/base/api/auth/login"),
        ] {
            let endpoint = Endpoint::parse(base).expect("good");
            assert_eq!(endpoint.join_path("/api/auth/login").expect("good").url().as_str(), joined);
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "(https?://)?\\PC{0,60}") {
            if let Ok(endpoint) = Endpoint::parse(&text) {
                prop_assert!(endpoint.uri().host().is_some_and(|host| !host.is_empty()));
            }
        }
    }
}
