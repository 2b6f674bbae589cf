//! What an issuer is for: an application that its users are sent back to, and a resource that its
//! tokens open.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use unlapse_verify::{
    DpopPolicy, JwksCache, Nonces, ReqwestFetch, TokioRuntime, Verified, Verifier, VerifyLayer,
};

/// Stops listening when dropped.
pub(crate) struct Application {
    origin: String,
    serving: JoinHandle<()>,
}

impl Drop for Application {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Application {
    /// With a resource, where the tokens of that issuer are accepted.
    pub(crate) async fn start(issuer: Option<&str>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        let origin = format!("http://{}", listener.local_addr().expect("bound"));
        let page = || async { Html("<!doctype html><title>App</title><p>Welcome back.</p>") };
        // What is posted to it is shown, and nothing else (OAuth 2.0 Form Post Response Mode).
        let mut router =
            Router::new().route("/callback", get(page).post(|form: String| async { form }));
        if let Some(issuer) = issuer {
            router = router.merge(resource(issuer, &origin));
        }
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves until it is aborted");
        });
        Self { origin, serving }
    }

    pub(crate) fn redirect_uri(&self) -> String {
        format!("{}/callback", self.origin)
    }

    pub(crate) fn resource(&self) -> String {
        format!("{}/resource", self.origin)
    }
}

/// Knows the issuer by its URL alone, and wants a nonce of its own in each proof.
fn resource(issuer: &str, origin: &str) -> Router {
    let keys = JwksCache::of_issuer(issuer, Arc::new(ReqwestFetch::new()), Arc::new(TokioRuntime));
    let dpop = DpopPolicy::new(origin).expect("an origin");
    let verifier = Verifier::builder(issuer, issuer, keys.expect("an issuer"))
        .dpop(dpop.nonces(Nonces::random().expect("randomness")))
        .build()
        .expect("a valid configuration");
    let who = |verified: Verified| async move { verified.client_id.clone() };
    Router::new().route("/resource", get(who)).layer(VerifyLayer::new(verifier))
}
