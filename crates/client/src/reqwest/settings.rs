//! The settings of an HTTP client (C12).

use std::time::Duration;

use http::Uri;
use http::uri::Scheme;

/// The settings of an HTTP client (C12). TLS is always verified; a private CA can be added.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// For name lookup, connection and TLS together.
    pub connect_timeout: Duration,
    /// Between two pieces of a reply.
    pub read_timeout: Duration,
    /// Requests to one server at once: at least one, whatever it says; `usize::MAX` is no limit.
    pub at_once: usize,
    /// CA certificates in PEM, beside the system's.
    pub extra_ca: Option<Vec<u8>>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            at_once: 10,
            extra_ca: None,
        }
    }
}

/// The settings do not make a client.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct HttpSetupError(#[from] reqwest::Error);

impl HttpSettings {
    /// The client that these settings make. https goes through the proxy that the environment names
    /// (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`); plain http, which is for this machine, through none: a
    /// proxy would read the token.
    pub fn build(&self) -> Result<reqwest::Client, HttpSetupError> {
        Ok(self.proxied()?.build()?)
    }

    /// The host of the proxy that the environment names for https: what looks names up there in the
    /// place of this machine. `None`: there is none.
    pub fn proxy_host() -> Option<String> {
        host_of(&https_proxy(|name| std::env::var(name).ok())?)
    }

    /// The client that these settings make for requests to `uri`. Plain http is for this machine: it
    /// takes no proxy, and none of the system's certificates are read.
    pub fn build_for(&self, uri: &Uri) -> Result<reqwest::Client, HttpSetupError> {
        Ok(self.builder_for(uri)?.build()?)
    }

    pub(super) fn builder_for(&self, uri: &Uri) -> Result<reqwest::ClientBuilder, HttpSetupError> {
        if uri.scheme() == Some(&Scheme::HTTP) {
            Ok(self.builder()?.tls_certs_only([]))
        } else {
            self.proxied()
        }
    }

    fn proxied(&self) -> Result<reqwest::ClientBuilder, HttpSetupError> {
        let builder = self.builder()?;
        let proxy = https_proxy(|name| std::env::var(name).ok());
        // One that is no URL is none, as reqwest has it.
        let proxy = proxy.and_then(|proxy| reqwest::Proxy::https(proxy).ok());
        Ok(match proxy {
            Some(proxy) => builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_env())),
            None => builder,
        })
    }

    /// Connections to one server that are kept for the next request: of a busy client as many as
    /// answer at a time, so that a request does not begin with a handshake.
    fn kept_open(&self) -> usize {
        self.at_once.div_ceil(2).clamp(1, 64)
    }

    fn builder(&self) -> Result<reqwest::ClientBuilder, HttpSetupError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.read_timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(self.kept_open())
            .redirect(reqwest::redirect::Policy::none())
            // What may have been seen is sent again by the renewal alone, which knows when (R7).
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .user_agent(concat!("unlapse/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &self.extra_ca {
            for certificate in reqwest::Certificate::from_pem_bundle(pem)? {
                builder = builder.tls_certs_merge([certificate]);
            }
        }
        Ok(builder)
    }
}

/// The proxy for https, of those that environments name.
fn https_proxy(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    names.into_iter().filter_map(variable).find(|value| !value.is_empty())
}

/// The host of a proxy, which may be written without a scheme.
fn host_of(proxy: &str) -> Option<String> {
    let has_scheme = proxy.contains("://");
    let url = if has_scheme { proxy.to_owned() } else { format!("http://{proxy}") };
    reqwest::Url::parse(&url).ok()?.host_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c12_a_row_for_each_way_to_write_a_proxy() {
        for (proxy, expected) in [
            ("http://proxy.example:3128", Some("proxy.example")),
            ("https://user:pass@Proxy.example/", Some("proxy.example")),
            ("proxy.example:3128", Some("proxy.example")),
            ("10.0.0.1:3128", Some("10.0.0.1")),
            ("http://[::1]:1", Some("[::1]")),
            ("http://", None),
        ] {
            assert_eq!(host_of(proxy).as_deref(), expected, "{proxy}");
        }
    }

    #[test]
    fn c12_a_client_keeps_connections_open_for_as_many_as_it_has_at_once() {
        for (at_once, kept) in [(0, 1), (1, 1), (10, 5), (100, 50), (256, 64), (usize::MAX, 64)] {
            let settings = HttpSettings { at_once, ..HttpSettings::default() };
            assert_eq!(settings.kept_open(), kept, "{at_once}");
        }
    }

    #[test]
    fn c12_a_row_for_each_variable_of_a_proxy() {
        type Row = (&'static [(&'static str, &'static str)], Option<&'static str>);
        let rows: [Row; 5] = [
            (&[], None),
            (&[("http_proxy", "http://a")], None),
            (&[("HTTPS_PROXY", "http://a"), ("ALL_PROXY", "http://b")], Some("http://a")),
            (&[("HTTPS_PROXY", ""), ("all_proxy", "http://b")], Some("http://b")),
            (&[("https_proxy", "http://a"), ("HTTPS_PROXY", "http://b")], Some("http://a")),
        ];
        for (set, expected) in rows {
            let read = |name: &str| {
                set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(https_proxy(read).as_deref(), expected, "{set:?}");
        }
    }
}
