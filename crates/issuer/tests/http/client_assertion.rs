//! Clients that prove themselves with a key (RFC 7523 §2.2).

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use serde_json::{Value, json};
use unlapse_issuer::{Client, JwkSet, MemoryClients};

use super::prover::{Prover, START, with};
use super::server::{FORM, Reply, Server, refusal, scopes};

async fn start(key: &Prover) -> Server {
    let keys = JwkSet::new([key.jwk()]);
    let client = Client::with_keys("signer", keys).with_scopes(scopes("jobs"));
    let app = Client::public("app").with_scopes(scopes("read"));
    let clients = Arc::new(MemoryClients::new([client, app]));
    Server::start_with(|builder| builder.clients(clients)).await
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address)
}

fn claims(server: &Server, jti: &str) -> Value {
    let aud = format!("{}/token", url(server));
    json!({"iss": "signer", "sub": "signer", "aud": aud, "jti": jti, "exp": START + 60})
}

fn form(assertion: &str) -> String {
    format!(
        "grant_type=client_credentials\
         &client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer\
         &client_assertion={assertion}"
    )
}

async fn grant(server: &Server, assertion: &str) -> Reply {
    server.post("/token", FORM, &form(assertion)).await
}

#[tokio::test]
async fn rfc7523_2_2_a_client_is_who_has_signed_and_each_assertion_is_good_once() {
    for key in [Prover::ed25519(), Prover::p256()] {
        let server = start(&key).await;
        let to_the_endpoint = key.jwt("JWT", &claims(&server, "1"));
        let issuer = with(claims(&server, "2"), "aud", Some(json!([url(&server)])));
        let to_the_issuer = key.jwt("client-authentication+jwt", &issuer);
        for assertion in [&to_the_endpoint, &to_the_issuer] {
            let reply = grant(&server, assertion).await;
            let claims = server.issuer.verify(&reply.text("access_token")).expect("good");
            assert_eq!((claims.sub.as_str(), claims.scope.as_deref()), ("signer", Some("jobs")));
        }
        let failed = refusal(401, "client_authentication_failed");
        assert_eq!(grant(&server, &to_the_endpoint).await.refusal(), failed);
        // Until it has expired, and the clocks' difference.
        server.pass(Duration::from_secs(89));
        assert_eq!(grant(&server, &to_the_endpoint).await.refusal(), failed);
        let named = format!("{}&client_id=signer", form(&key.jwt("JWT", &fresh(&server, "3"))));
        assert_eq!(server.post("/token", FORM, &named).await.status, 200);
    }
}

/// Claims that are good 89 s after the start.
fn fresh(server: &Server, jti: &str) -> Value {
    with(claims(server, jti), "exp", Some(json!(START + 120)))
}

#[tokio::test]
async fn rfc7523_3_whoever_has_not_signed_is_refused() {
    let key = Prover::ed25519();
    let server = start(&key).await;
    let changed =
        |name: &str, value: Value| key.jwt("JWT", &with(claims(&server, name), name, Some(value)));
    let good = claims(&server, "good");
    let failed = refusal(401, "client_authentication_failed");
    for assertion in [
        "x".to_owned(),
        "a.b.c".to_owned(),
        Prover::ed25519().jwt("JWT", &good),
        key.jwt("at+jwt", &good),
        key.jwt("dpop+jwt", &good),
        changed("iss", json!("app")),
        changed("sub", json!("app")),
        changed("aud", json!("https://other.example/token")),
        changed("exp", json!(START - 31)),
        changed("exp", json!(START + 3600)),
        changed("iat", json!(START + 60)),
        changed("jti", json!("")),
        key.jwt("JWT", &with(good.clone(), "jti", None)),
        "x".repeat(9000),
    ] {
        let reply = grant(&server, &assertion).await;
        assert_eq!(reply.refusal(), failed, "{assertion}");
        assert!(reply.header("www-authenticate").is_some());
    }
    // Neither its name alone, nor a secret, nor the name of somebody else.
    for form in [
        "grant_type=client_credentials&client_id=signer".to_owned(),
        "grant_type=client_credentials&client_id=signer&client_secret=s".to_owned(),
        format!("{}&client_id=app", form(&key.jwt("JWT", &good))),
    ] {
        assert_eq!(server.post("/token", FORM, &form).await.refusal(), failed, "{form}");
    }
    let twice = format!("{}&client_secret=s", form(&key.jwt("JWT", &good)));
    assert_eq!(
        server.post("/token", FORM, &twice).await.refusal(),
        refusal(400, "request_malformed")
    );
    // A public client cannot be made one that signs.
    let app =
        json!({"iss": "app", "sub": "app", "aud": url(&server), "jti": "a", "exp": START + 60});
    assert_eq!(grant(&server, &key.jwt("JWT", &app)).await.refusal(), failed);
    assert_eq!(server.issuer.counts().client_grants, 0);
    assert_eq!(grant(&server, &key.jwt("JWT", &good)).await.status, 200, "and none was used up");
}

#[tokio::test]
async fn rfc7523_3_a_store_that_is_away_is_no_verdict() {
    let key = Prover::ed25519();
    let server = start(&key).await;
    let assertion = key.jwt("JWT", &claims(&server, "1"));
    server.store.shut.store(true, SeqCst);
    assert_eq!(grant(&server, &assertion).await.refusal(), refusal(503, "temporarily_unavailable"));
    server.store.shut.store(false, SeqCst);
    assert_eq!(grant(&server, &assertion).await.status, 200);
}
