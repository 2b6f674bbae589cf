//! What a token says, as an argument of a handler.
#![cfg(feature = "axum")]

mod support;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};
use support::{HandClock, Signer, builder};
use tower::ServiceExt as _;
use unlapse_verify::{Algorithm, DpopPolicy, Refused, Verified, VerifyLayer, sha256};

async fn whoami(verified: Verified) -> String {
    format!("{} by {}", verified.sub, verified.client_id)
}

async fn delete_all(verified: Verified) -> Result<&'static str, Refused> {
    verified.require("admin")?;
    Ok("deleted")
}

fn rig() -> (Signer, Router) {
    let (signer, clock) = (Signer::new(Algorithm::EdDsa), HandClock::new());
    let dpop = DpopPolicy::new("https://api.example").expect("an origin");
    let verifier = builder(&[&signer], &clock).dpop(dpop).build().expect("a verifier");
    let api = Router::new()
        .route("/whoami", get(whoami))
        .route("/all", post(delete_all))
        .layer(VerifyLayer::new(verifier));
    (signer, Router::new().nest("/v1", api).route("/open", get(whoami)))
}

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, String, String) {
    let response = router.clone().oneshot(request).await.expect("a response");
    let status = response.status();
    let challenge = response.headers().get("www-authenticate");
    let challenge = challenge.map_or("", |value| value.to_str().expect("ASCII")).to_owned();
    let body = to_bytes(response.into_body(), 64 * 1024).await.expect("a body");
    (status, challenge, String::from_utf8(body.to_vec()).expect("text"))
}

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn j3_a_handler_is_told_who_it_is() {
    let (signer, router) = rig();
    let bearer = format!("Bearer {}", signer.token(&json!({})));
    let headers = [("authorization", bearer.as_str())];
    let (status, _, body) = send(&router, request("GET", "/v1/whoami", &headers)).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "ada by app"));
    let (status, challenge, body) = send(&router, request("GET", "/v1/whoami", &[])).await;
    assert_eq!((status, challenge.as_str()), (StatusCode::UNAUTHORIZED, "Bearer"));
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(body["code"], "token_missing");
}

#[tokio::test]
async fn rfc6750_3_1_a_handler_may_ask_for_a_scope() {
    let (signer, router) = rig();
    let bearer = format!("Bearer {}", signer.token(&json!({})));
    let headers = [("authorization", bearer.as_str())];
    let (status, challenge, _) = send(&router, request("POST", "/v1/all", &headers)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(challenge.contains(r#"scope="admin""#), "{challenge}");
    let bearer = format!("Bearer {}", signer.token(&json!({ "scope": "admin" })));
    let headers = [("authorization", bearer.as_str())];
    let (status, _, body) = send(&router, request("POST", "/v1/all", &headers)).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "deleted"));
}

#[tokio::test]
async fn j3_a_handler_without_the_layer_lets_nobody_in() {
    let (signer, router) = rig();
    let bearer = format!("Bearer {}", signer.token(&json!({})));
    let headers = [("authorization", bearer.as_str())];
    let (status, _, body) = send(&router, request("GET", "/open", &headers)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(body.contains("verify_layer_missing"), "{body}");
}

#[tokio::test]
async fn rfc9449_4_3_a_proof_is_for_the_path_that_the_client_asked_for() {
    use base64::Engine as _;
    let (signer, router) = rig();
    let client = Signer::new(Algorithm::Es256);
    let token = signer.token(&json!({ "cnf": { "jkt": client.jwk().thumbprint() } }));
    let ath = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha256(token.as_bytes()));
    let authorization = format!("DPoP {token}");
    for (jti, htu, expected) in [
        ("1", "https://api.example/v1/whoami", 200),
        // What is left of it below the router's prefix.
        ("2", "https://api.example/whoami", 401),
    ] {
        let proof = client.proof(&json!({ "ath": ath, "jti": jti, "htu": htu, "htm": "GET" }));
        let headers = [("authorization", authorization.as_str()), ("dpop", proof.as_str())];
        let (status, _, body) = send(&router, request("GET", "/v1/whoami", &headers)).await;
        assert_eq!(status.as_u16(), expected, "{body}");
    }
}
