//! Apps that prove themselves with a key.

use std::sync::Arc;

use unlapse::dpop::SystemRandom;
use unlapse::tokio::TokioClock;
use unlapse::{Exchange as _, KeySigner, ProviderClient, Secret};
use unlapse_core::Verdict;

use super::server::Server;
use super::stage::{client, exchange, line, metadata, refresh, rehearsed};

/// A key of P-256 that everybody knows: the example of many a document.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2
OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r
1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G
-----END PRIVATE KEY-----";

#[tokio::test]
async fn rfc7523_2_2_revolut_is_shown_a_jwt_of_the_apps_key() {
    let server =
        Server::answering(200, "application/json", r#"{"access_token":"at-2","expires_in":2399}"#)
            .await;
    let clock = Arc::new(TokioClock::new());
    let key = KeySigner::parse(&Secret::new(KEY), None, clock, Arc::new(SystemRandom)).unwrap();
    let signing = ProviderClient {
        key: Some(Arc::new(key)),
        secret: None,
        ..client(&[("issuer", "app.example")], None)
    };
    let with_key = exchange(rehearsed("revolut", &server), signing, metadata(&[]));
    assert!(with_key.rungs(None).refresh);
    let Verdict::Granted(grant) = refresh(&with_key).await else { panic!("not granted") };
    assert_eq!(line(&grant), "at-2 - 2399 -");

    let bodies = server.bodies();
    let form = unlapse::Endpoint::parse(&format!("https://h/?{}", bodies[0])).unwrap();
    let field = |name: &str| {
        let mut pairs = form.url().query_pairs();
        pairs.find(|(known, _)| known == name).map(|(_, value)| value.into_owned()).unwrap()
    };
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(field("client_assertion_type"), kind);
    assert_eq!(field("refresh_token"), "rt-1");
    let assertion = field("client_assertion");
    let payload = assertion.split('.').nth(1).unwrap();
    let payload = {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()
    };
    let payload: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(payload["iss"], "app.example");
    assert_eq!(payload["sub"], "cid");
    assert_eq!(payload["aud"], "https://revolut.com");
    let number = |name: &str| payload[name].as_u64().unwrap();
    assert_eq!(number("exp") - number("iat"), 600);

    // Without its key the app cannot prove itself: no request is made of it.
    let keyless = exchange(rehearsed("revolut", &server), client(&[], None), metadata(&[]));
    assert!(!keyless.rungs(None).refresh);
    assert_eq!(refresh(&keyless).await, Verdict::Unsent(unlapse_core::Cause::Request));
    assert_eq!(server.bodies().len(), 1);
}
