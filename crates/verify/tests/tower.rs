//! One line before any `http` service.
#![cfg(feature = "tower")]

mod support;

use core::convert::Infallible;
use core::future::{Ready, ready};
use core::task::{Context, Poll};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use support::{HandClock, Signer, builder};
use tower::{Layer as _, Service, ServiceExt as _};
use unlapse_verify::{Algorithm, Verified, VerifyLayer};

/// Says who it was called by. Only an instance that was polled ready may be called, as tower has it.
struct Greeter {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Greeter {
    fn clone(&self) -> Self {
        Self { ready: false, calls: Arc::clone(&self.calls) }
    }
}

impl Service<Request<()>> for Greeter {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        assert!(self.ready, "a clone that nobody polled was called");
        self.ready = false;
        self.calls.fetch_add(1, Ordering::SeqCst);
        let verified = request.extensions().get::<Verified>().expect("the layer put it there");
        ready(Ok(Response::new(format!("hello {}", verified.sub))))
    }
}

struct Rig {
    signer: Signer,
    calls: Arc<AtomicUsize>,
    service: unlapse_verify::Verify<Greeter>,
}

fn rig(layer: impl FnOnce(VerifyLayer) -> VerifyLayer) -> Rig {
    let (signer, clock) = (Signer::new(Algorithm::EdDsa), HandClock::new());
    let verifier = builder(&[&signer], &clock).realm("api").build().expect("a verifier");
    let calls = Arc::<AtomicUsize>::default();
    let greeter = Greeter { ready: false, calls: Arc::clone(&calls) };
    Rig { signer, calls, service: layer(VerifyLayer::new(verifier)).layer(greeter) }
}

async fn send(rig: &mut Rig, authorization: Option<&str>) -> Response<String> {
    let mut request = Request::get("/things");
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let request = request.body(()).expect("a request");
    rig.service.ready().await.expect("ready").call(request).await.expect("a response")
}

#[tokio::test]
async fn j3_only_genuine_tokens_reach_the_service() {
    let mut rig = rig(|layer| layer);
    let good = format!("Bearer {}", rig.signer.token(&json!({})));
    for _ in 0..3 {
        let response = send(&mut rig, Some(&good)).await;
        assert_eq!((response.status(), response.body().as_str()), (StatusCode::OK, "hello ada"));
    }
    let expired = format!("Bearer {}", rig.signer.token(&json!({ "exp": 1 })));
    for (value, status, code) in [
        (None, 401, "token_missing"),
        (Some("Basic YTpi"), 401, "token_missing"),
        (Some("Bearer"), 400, "authorization_malformed"),
        (Some("Bearer garbage"), 401, "token_malformed"),
        (Some(expired.as_str()), 401, "token_expired"),
    ] {
        let response = send(&mut rig, value).await;
        assert_eq!(response.status().as_u16(), status, "{value:?}");
        assert_eq!(response.headers()["content-type"], "application/json");
        let challenge = response.headers()["www-authenticate"].to_str().expect("ASCII");
        assert!(challenge.starts_with(r#"Bearer realm="api""#), "{challenge}");
        // RFC 6750 §3: no error where there was no token.
        assert_eq!(challenge.contains("error="), code != "token_missing", "{challenge}");
        let body: Value = serde_json::from_str(response.body()).expect("JSON");
        assert_eq!(body["code"], code);
    }
    assert_eq!(rig.calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn rfc6750_3_1_a_scope_for_all() {
    let mut rig = rig(|layer| layer.scope("read").scope("admin"));
    let reader = format!("Bearer {}", rig.signer.token(&json!({})));
    let response = send(&mut rig, Some(&reader)).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let challenge = response.headers()["www-authenticate"].to_str().expect("ASCII");
    assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
    assert!(challenge.contains(r#"scope="admin""#), "{challenge}");
    let admin = format!("Bearer {}", rig.signer.token(&json!({ "scope": "read admin" })));
    assert_eq!(send(&mut rig, Some(&admin)).await.status(), StatusCode::OK);
    assert_eq!(rig.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn j3_a_verified_that_the_client_did_not_earn_cannot_be_brought() {
    // What stands in the extensions comes from the layer alone, and is replaced by it.
    let mut rig = rig(|layer| layer);
    let clock = HandClock::new();
    let other = builder(&[&rig.signer], &clock).build().expect("a verifier");
    let root = rig.signer.token(&json!({ "sub": "root" }));
    let root = other.verify_at_once(&root).expect("genuine");
    let value = format!("Bearer {}", rig.signer.token(&json!({})));
    let mut request = Request::get("/").header("authorization", value).body(()).expect("a request");
    request.extensions_mut().insert(root);
    let response = rig.service.ready().await.expect("ready").call(request).await;
    assert_eq!(response.expect("a response").body(), "hello ada");
}
