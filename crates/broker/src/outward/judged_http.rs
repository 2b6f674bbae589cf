//! The HTTP client for providers.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Uri};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::unlapse_core::{BoxFuture, Cause};
use unlapse::unlapse_oauth::provider::HostFrom;
use unlapse::{Http, HttpHead, HttpReply, NoReply};
use url::Host;

use super::lookup::Lookup;
use super::private_hosts::{NotPublic, PrivateHosts, plain};

/// Speaks to providers: to whatever host the catalogue names, which is the operator's word; and to those
/// that an app or a connection names where they are public, or allowed.
///
/// Each kind has connections of its own, so that one that was made for the operator's word serves
/// nobody else's. Neither follows redirects.
pub(crate) struct JudgedHttp {
    named: ReqwestHttp,
    judged: ReqwestHttp,
    private: PrivateHosts,
    proxy: Option<String>,
}

impl JudgedHttp {
    pub(crate) fn new(settings: HttpSettings, private: PrivateHosts) -> Self {
        let proxy = HttpSettings::proxy_host();
        let lookup = Lookup::new(private.clone(), proxy.clone());
        Self::over(lookup, settings, private, proxy)
    }

    fn over(
        lookup: Lookup,
        settings: HttpSettings,
        private: PrivateHosts,
        proxy: Option<String>,
    ) -> Self {
        let judged = ReqwestHttp::new(settings.clone()).resolver(Arc::new(lookup));
        let proxy = proxy.map(|proxy| plain(&proxy));
        Self { named: ReqwestHttp::new(settings), judged, private, proxy }
    }

    /// What `request` goes by.
    fn http(&self, request: &Request<Bytes>) -> Result<&ReqwestHttp, NoReply> {
        // Without a word on it, a host is anybody's.
        if request.extensions().get() == Some(&HostFrom::Descriptor) {
            return Ok(&self.named);
        }
        self.judge(request.uri()).map_err(|NotPublic| {
            // The host may be a secret of its tenant: it stays out of the log.
            tracing::warn!("an app or a connection names a host that is not public");
            NoReply::Unsent(Cause::Host)
        })?;
        Ok(&self.judged)
    }

    fn judge(&self, uri: &Uri) -> Result<(), NotPublic> {
        let host = Host::parse(uri.host().unwrap_or_default()).map_err(|_| NotPublic)?;
        let Host::Domain(name) = &host else { return self.private.judge(&host) };
        // The lookup lets the proxy through, wherever it is: as a proxy.
        let is_proxy = self.proxy.as_ref().is_some_and(|proxy| *proxy == plain(name));
        if is_proxy && !self.private.names(name) {
            return Err(NotPublic);
        }
        self.private.judge(&host)
    }
}

impl Http for JudgedHttp {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<HttpReply, NoReply>> {
        Box::pin(async move { self.http(&request)?.call(request).await })
    }

    fn begin(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<HttpHead<'_>, NoReply>> {
        Box::pin(async move { self.http(&request)?.begin(request).await })
    }
}

#[cfg(test)]
mod tests {
    use super::super::lookup::tests::{Told, ip};
    use super::*;
    use core::sync::atomic::{AtomicUsize, Ordering};
    use std::collections::HashMap;

    use axum::Router;
    use tokio::net::TcpListener;

    /// A server inside, with its port and how often a connection was made to it.
    async fn inside() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let listener = axum::serve::ListenerExt::tap_io(listener, move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let routes = Router::new().fallback(async || "inside");
        #[expect(clippy::disallowed_methods, reason = "the test's own server")]
        tokio::spawn(async { axum::serve(listener, routes).await });
        (port, connections)
    }

    fn http(private: &PrivateHosts, proxy: Option<&str>) -> JudgedHttp {
        let told = Told(HashMap::from([
            ("localhost", vec![ip("127.0.0.1")]),
            ("rebound.example", vec![ip("127.0.0.1")]),
            ("proxy.internal", vec![ip("127.0.0.1")]),
        ]));
        let proxy = proxy.map(str::to_owned);
        let lookup = Lookup::over(Arc::new(told), private.clone(), proxy.clone());
        JudgedHttp::over(lookup, HttpSettings::default(), private.clone(), proxy)
    }

    fn request(url: &str, from: Option<HostFrom>) -> Request<Bytes> {
        let mut request =
            Request::post(url).body(Bytes::from_static(b"secret")).expect("a request");
        if let Some(from) = from {
            request.extensions_mut().insert(from);
        }
        request
    }

    #[tokio::test]
    async fn owasp_ssrf_nothing_is_sent_inside_for_whoever_is_not_the_operator() {
        let (port, connections) = inside().await;
        let http = http(&PrivateHosts::default(), Some("proxy.internal"));
        for url in [
            format!("http://127.0.0.1:{port}/token"),
            format!("https://127.0.0.1:{port}/token"),
            format!("https://[::ffff:127.0.0.1]:{port}/token"),
            format!("http://localhost:{port}/token"),
            format!("http://rebound.example:{port}/token"),
            format!("http://proxy.internal:{port}/token"),
            "https://169.254.169.254/latest/meta-data".to_owned(),
        ] {
            for from in [None, Some(HostFrom::Params), Some(HostFrom::Metadata)] {
                let refused = http.call(request(&url, from)).await.map(|reply| reply.status);
                assert_eq!(refused, Err(NoReply::Unsent(Cause::Host)), "{url} {from:?}");
                let refused = http.begin(request(&url, from)).await.map(|reply| reply.status);
                assert_eq!(refused, Err(NoReply::Unsent(Cause::Host)), "{url} {from:?}");
            }
        }
        assert_eq!(connections.load(Ordering::Relaxed), 0, "not even a connection was made");
    }

    #[tokio::test]
    async fn what_the_operator_names_and_allows_is_reached() {
        let (port, connections) = inside().await;
        let call = async |private: &PrivateHosts, url: &str, from| {
            let reply = http(private, None).call(request(url, Some(from))).await;
            reply.map(|reply| reply.status.as_u16())
        };
        let (none, here) = (PrivateHosts::default(), format!("http://127.0.0.1:{port}/token"));
        assert_eq!(call(&none, &here, HostFrom::Descriptor).await, Ok(200));
        let network = PrivateHosts::parse(["127.0.0.0/8"]).expect("hosts");
        assert_eq!(call(&network, &here, HostFrom::Params).await, Ok(200));
        let (name, named) = (PrivateHosts::parse(["localhost"]).expect("hosts"), "localhost");
        let there = format!("http://{named}:{port}/token");
        assert_eq!(call(&name, &there, HostFrom::Metadata).await, Ok(200));
        assert_eq!(call(&name, &here, HostFrom::Params).await, Err(NoReply::Unsent(Cause::Host)));
        assert_eq!(connections.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_connection_for_the_operators_word_serves_nobody_elses() {
        let (port, connections) = inside().await;
        let http = http(&PrivateHosts::default(), None);
        let url = format!("http://localhost:{port}/token");
        let named = http.call(request(&url, Some(HostFrom::Descriptor))).await;
        assert_eq!(named.map(|reply| reply.status.as_u16()), Ok(200));
        let refused = http.call(request(&url, Some(HostFrom::Params))).await;
        assert_eq!(refused.map(|reply| reply.status), Err(NoReply::Unsent(Cause::Host)));
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    }
}
