//! What is published: metadata and keys, and that the keys alone are enough to verify a token.

use aws_lc_rs::signature::{
    ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use unlapse_issuer::{Algorithm, Issuer};

use super::server::Server;

fn bytes(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("text")).expect("base64url")
}

/// Whether the published key, and nothing else, says that `token` is genuine.
fn verifies(jwk: &Value, token: &str) -> bool {
    let (message, signature) = token.rsplit_once('.').expect("a JWT");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let message = message.as_bytes();
    match jwk["kty"].as_str().expect("text") {
        "OKP" => UnparsedPublicKey::new(&ED25519, bytes(&jwk["x"])).verify(message, &signature),
        "RSA" => RsaPublicKeyComponents { n: bytes(&jwk["n"]), e: bytes(&jwk["e"]) }.verify(
            &RSA_PKCS1_2048_8192_SHA256,
            message,
            &signature,
        ),
        kind => panic!("{kind}"),
    }
    .is_ok()
}

#[tokio::test]
async fn j3_the_published_key_alone_verifies_a_token() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Rs256] {
        let server = Server::start_with(|builder| {
            builder.algorithm(algorithm).audience("https://api.example")
        })
        .await;
        let reply = server.get("/jwks").await;
        assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
        let jwks = reply.json();
        let jwk = &jwks["keys"][0];
        assert_eq!((&jwk["use"], &jwk["alg"]), (&json!("sig"), &json!(algorithm.as_str())));
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert_eq!(jwk.get(private), None);
        }
        let token = server.refresh(&server.login().await).await.text("access_token");
        assert!(verifies(jwk, &token));
        let header: Value = {
            let header = token.split('.').next().expect("a part");
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).expect("base64url"))
                .expect("JSON")
        };
        let expected = json!({"alg": algorithm.as_str(), "typ": "at+jwt", "kid": jwk["kid"]});
        assert_eq!(header, expected);
        let claims = server.issuer.verify(&token).expect("good");
        assert_eq!(claims.aud, "https://api.example".into());
        assert_eq!(claims.iss, format!("http://{}", server.address));
        let stranger = Server::start_with(|builder| builder.algorithm(algorithm)).await;
        let stranger = stranger.get("/jwks").await.json();
        assert!(!verifies(&stranger["keys"][0], &token));
    }
}

#[tokio::test]
async fn rfc8414_the_metadata_names_what_is_there() {
    let server = Server::start().await;
    let oauth = server.get("/.well-known/oauth-authorization-server").await.json();
    let openid = server.get("/.well-known/openid-configuration").await.json();
    let url = format!("http://{}", server.address);
    assert_eq!(oauth["issuer"], url);
    for (member, path) in [
        ("token_endpoint", "/token"),
        ("revocation_endpoint", "/revoke"),
        ("introspection_endpoint", "/introspect"),
        ("jwks_uri", "/jwks"),
    ] {
        assert_eq!(oauth[member], format!("{url}{path}"));
        assert_eq!(oauth[member], openid[member]);
        assert_ne!(server.get(path).await.status, 404);
    }
    let grants = json!([
        "refresh_token",
        "client_credentials",
        "password",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "authorization_code",
        "urn:ietf:params:oauth:grant-type:device_code",
    ]);
    let begins = format!("{url}/device_authorization");
    assert_eq!(oauth["device_authorization_endpoint"], begins);
    assert_eq!(oauth["grant_types_supported"], grants);
    assert_eq!(oauth["authorization_endpoint"], format!("{url}/authorize"));
    assert_eq!(oauth["response_types_supported"], json!(["code"]));
    assert_eq!(oauth["response_modes_supported"], json!(["query", "form_post"]));
    assert_eq!(oauth["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(oauth["authorization_response_iss_parameter_supported"], true, "RFC 9207");
    let proofs = json!(["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]);
    assert_eq!(oauth["token_endpoint_auth_methods_supported"], proofs);
    let proofs = json!(["client_secret_basic", "client_secret_post", "private_key_jwt"]);
    assert_eq!(oauth["introspection_endpoint_auth_methods_supported"], proofs);
    assert_eq!(openid["subject_types_supported"], json!(["public"]));
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["EdDSA"]));
    assert_eq!(openid["userinfo_endpoint"], format!("{url}/userinfo"));
    let scopes = json!(["openid", "profile", "email", "offline_access"]);
    assert_eq!(openid["scopes_supported"], scopes);
    assert_eq!(openid["request_uri_parameter_supported"], false);
    assert_eq!(oauth.get("subject_types_supported"), None);
}

#[tokio::test]
async fn rfc8414_3_1_an_issuer_with_a_path_is_found_where_it_should_be() {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;
    let issuer = Issuer::builder("https://id.example/tenant/").build().expect("valid");
    let status = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        issuer.router().oneshot(request).await.expect("infallible").status().as_u16()
    };
    for path in [
        "/.well-known/oauth-authorization-server/tenant",
        "/tenant/.well-known/oauth-authorization-server",
        "/tenant/.well-known/openid-configuration",
        "/tenant/jwks",
        "/tenant/healthz",
    ] {
        assert_eq!(status(path).await, 200, "{path}");
    }
    assert_eq!(status("/jwks").await, 404);
    assert_eq!(status("/tenant/token").await, 405);
}
