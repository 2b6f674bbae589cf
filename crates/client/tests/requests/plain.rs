//! A token on one request, by hand.

use http::Request;
use unlapse_core::{Error, SenderKeyProblem};

use crate::login::CANARY;
use crate::world::World;

#[tokio::test]
async fn k7_authorize_puts_the_token_on_a_request_and_names_its_generation() {
    let world = World::expired().await;
    let mut request =
        Request::get("/orders").header("authorization", "Basic dTpw").body(()).unwrap();
    let authorized = world.source.authorize(&mut request).await.unwrap();
    assert_eq!(authorized.generation, 2, "it was renewed first");
    let header = &request.headers()["authorization"];
    assert!(header.is_sensitive());
    assert_eq!(header, &format!("Bearer {CANARY}-at-2"));
    assert!(!request.headers().contains_key("dpop"));
    assert!(!format!("{request:?} {authorized:?}").contains(CANARY));

    world.source.reject(authorized.generation).await.unwrap();
    let authorized = world.source.authorize(&mut request).await.unwrap();
    assert_eq!((authorized.generation, world.login.renewals()), (3, 2));
    assert_eq!(request.headers().get_all("authorization").iter().count(), 1);
}

#[tokio::test]
async fn rfc9449_7_1_authorize_proves_each_request_anew() {
    let world = World::bound().await;
    let mut request = Request::get("https://api.example/orders?page=1").body(()).unwrap();
    let mut proofs = Vec::new();
    for nonce in [None, None, Some("n-1")] {
        world.source.authorize_with(&mut request, nonce).await.unwrap();
        assert_eq!(request.headers()["authorization"], format!("DPoP {CANARY}-at-1"));
        let proof = request.headers()["dpop"].to_str().unwrap().to_owned();
        let parsed = unlapse_verify::Proof::parse(&proof, &unlapse_verify::Algorithm::ALL).unwrap();
        assert_eq!(parsed.nonce.as_deref(), nonce);
        assert_eq!(parsed.htm, "GET");
        proofs.push(proof);
    }
    proofs.dedup();
    assert_eq!(proofs.len(), 3);

    let mut relative = Request::get("/orders").body(()).unwrap();
    let refused = world.source.authorize(&mut relative).await.unwrap_err();
    assert!(matches!(refused, Error::SenderKey { problem: SenderKeyProblem::Target, .. }));
    assert!(relative.headers().is_empty());
}
