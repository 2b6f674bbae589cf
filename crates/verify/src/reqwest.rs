//! Asking over HTTP by reqwest.

use std::sync::OnceLock;
use std::time::Duration;

use unlapse_core::BoxFuture;

use crate::fetch::{Fetch, FetchError, Fetched, address};

/// An HTTP client for what issuers publish: verified TLS, no redirects, five seconds for all.
#[derive(Default)]
pub struct ReqwestFetch {
    /// For this machine: plain http is allowed there, and must not leave it through a proxy.
    direct: OnceLock<Option<reqwest::Client>>,
    /// For others: through the proxy that the environment names, if any.
    client: OnceLock<Option<reqwest::Client>>,
}

impl ReqwestFetch {
    /// A client that is built when it is first used: building reads the system's certificates.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a client that was set up elsewhere, for a private CA. It should follow no redirects.
    pub fn with_client(client: reqwest::Client) -> Self {
        Self { direct: Some(client.clone()).into(), client: Some(client).into() }
    }

    fn client(&self, scheme: &str) -> Option<&reqwest::Client> {
        let build = |builder: reqwest::ClientBuilder| {
            builder
                .timeout(Duration::from_secs(5))
                .redirect(reqwest::redirect::Policy::none())
                .referer(false)
                .user_agent(concat!("unlapse-verify/", env!("CARGO_PKG_VERSION")))
                .build()
                .ok()
        };
        let builder = reqwest::Client::builder();
        if scheme == "http" {
            self.direct.get_or_init(|| build(builder.no_proxy().tls_certs_only([]))).as_ref()
        } else {
            self.client.get_or_init(|| build(builder)).as_ref()
        }
    }
}

impl Fetch for ReqwestFetch {
    fn fetch<'a>(
        &'a self,
        uri: &'a str,
        limit: usize,
    ) -> BoxFuture<'a, Result<Fetched, FetchError>> {
        Box::pin(async move {
            let url = address(uri)?;
            let client = self.client(url.scheme()).ok_or(FetchError::Unreachable)?;
            let request = client.get(url).header(http::header::ACCEPT, "application/json");
            let mut reply = request.send().await.map_err(|error| failed(&error))?;
            let (status, headers) = (reply.status(), reply.headers().clone());
            let mut body = Vec::new();
            while let Some(piece) = reply.chunk().await.map_err(|error| failed(&error))? {
                if body.len() + piece.len() > limit {
                    return Err(FetchError::TooLarge);
                }
                body.extend_from_slice(&piece);
            }
            Ok(Fetched { status, headers, body })
        })
    }
}

fn failed(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() { FetchError::Timeout } else { FetchError::Unreachable }
}
