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
    /// Requests to one server at once.
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
    /// The client that these settings make.
    pub fn build(&self) -> Result<reqwest::Client, HttpSetupError> {
        Ok(self.builder()?.build()?)
    }

    /// The client that these settings make for requests to `uri`. Plain http is for this machine: it
    /// takes no proxy, and none of the system's certificates are read.
    pub fn build_for(&self, uri: &Uri) -> Result<reqwest::Client, HttpSetupError> {
        if uri.scheme() == Some(&Scheme::HTTP) {
            Ok(self.builder()?.no_proxy().tls_certs_only([]).build()?)
        } else {
            self.build()
        }
    }

    fn builder(&self) -> Result<reqwest::ClientBuilder, HttpSetupError> {
        let mut builder = reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.read_timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(5)
            .redirect(reqwest::redirect::Policy::none())
            // What may have been seen is sent again by the renewal alone, which knows when (R7).
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("unlapse/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &self.extra_ca {
            for certificate in reqwest::Certificate::from_pem_bundle(pem)? {
                builder = builder.tls_certs_merge([certificate]);
            }
        }
        Ok(builder)
    }
}
