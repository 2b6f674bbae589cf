//! Proofs on the wire, and nonces: asked for once more inside the same attempt, never twice (RFC 9449
//! §8).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use unlapse::dpop::{Algorithm, Dpop, SystemRandom};
use unlapse::tokio::TokioClock;
use unlapse::{Exchange as _, LoginRung, Request, Secret, Server, ServerExchange};
use unlapse_core::{Answer, Body, Cause, Door, ErrorCode, Rejection, SenderKeyProblem, classify};

use super::{exchange, reply, serve, server};

fn bound(origin: &str) -> ServerExchange {
    let clock = Arc::new(TokioClock::new());
    let prover = Dpop::new(Algorithm::default(), clock, Arc::new(SystemRandom));
    let server = Server { dpop: true, login: LoginRung::ClientCredentials, ..server(origin) };
    exchange(server).prover(Arc::new(prover))
}

async fn refresh(exchange: &ServerExchange, key: &Secret) -> Answer {
    let refresh_token = Secret::new("rt-1");
    let request = Request::Refresh {
        refresh_token: &refresh_token,
        credentials: None,
        sender_key: Some(key),
    };
    exchange.send(request).await
}

/// The claims of the proof on a request, and the key that it is of.
fn claims(request: &str) -> (Value, Value) {
    let proof = request.lines().find_map(|line| line.strip_prefix("dpop: ")).expect("a proof");
    let mut parts = proof.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).expect("base64url");
        serde_json::from_slice::<Value>(&bytes).unwrap_or_default()
    });
    let header = parts.next().expect("a header");
    (parts.next().expect("claims"), header["jwk"].clone())
}

fn granted(nonce: &str) -> Option<String> {
    reply("200 OK", nonce, r#"{"access_token":"at-2","token_type":"DPoP"}"#)
}

fn wants(nonce: &str) -> Option<String> {
    let nonce = format!("dpop-nonce: {nonce}\r\n");
    reply("400 Bad Request", &nonce, r#"{"error":"use_dpop_nonce"}"#)
}

fn is_granted(answer: &Answer) -> bool {
    matches!(answer, Answer::Replied(reply) if matches!(reply.body, Body::Grant(_)))
}

fn is_rejected(answer: &Answer, rejection: Rejection) -> bool {
    let body = Body::Error(ErrorCode::Rejection(rejection));
    matches!(answer, Answer::Replied(reply) if reply.body == body)
}

#[tokio::test]
async fn rfc9449_8_a_proof_that_lacks_a_nonce_is_made_once_more() {
    let scripts =
        vec![wants("n-1"), granted("dpop-nonce: n-2\r\n"), granted(""), wants("n-3"), granted("")];
    let (origin, served) = serve(scripts).await;
    let exchange = bound(&origin);
    let key = exchange.sender_key(None).unwrap().expect("drawn");
    for _ in 0..3 {
        let answer = refresh(&exchange, &key).await;
        assert!(is_granted(&answer), "{answer:?}");
    }
    let requests = served.await.unwrap();
    let (claims, jwks): (Vec<_>, Vec<_>) = requests.iter().map(|request| claims(request)).unzip();
    let nonces: Vec<_> = claims.iter().map(|claims| claims["nonce"].as_str()).collect();
    // RFC 9449 §8.2: what came last is shown next, and what is refused is renewed.
    assert_eq!(nonces, [None, Some("n-1"), Some("n-2"), Some("n-2"), Some("n-3")]);
    assert!(jwks.iter().all(|jwk| jwk == &jwks[0]), "one key");
    let mut jtis: Vec<_> = claims.iter().map(|claims| claims["jti"].to_string()).collect();
    jtis.sort();
    jtis.dedup();
    assert_eq!(jtis.len(), claims.len(), "RFC 9449 §4.2: each proof is another");
    for (claims, request) in claims.iter().zip(&requests) {
        let about = (claims["htm"].as_str(), claims["htu"].as_str());
        assert_eq!(about, (Some("POST"), Some(format!("{origin}/token").as_str())));
        assert!(claims["ath"].is_null() && claims["iat"].is_u64(), "{claims}");
        assert!(request.ends_with("grant_type=refresh_token&refresh_token=rt-1&client_id=cid"));
    }
}

#[tokio::test]
async fn rfc9449_8_a_server_that_is_never_content_is_asked_twice_and_told_of() {
    for scripts in [
        vec![wants("n-1"), wants("n-2")],
        // The same nonce again, or none: nothing would be different.
        vec![wants("n-1"), wants("n-1")],
        vec![reply("400 Bad Request", "", r#"{"error":"use_dpop_nonce"}"#)],
        vec![wants("not a nonce")],
    ] {
        let count = scripts.len();
        let (origin, served) = serve(scripts).await;
        let exchange = bound(&origin);
        let key = exchange.sender_key(None).unwrap().expect("drawn");
        let answer = refresh(&exchange, &key).await;
        assert!(is_rejected(&answer, Rejection::UseDpopNonce), "{answer:?}");
        // R9: of the request, not of the login.
        let verdict = classify(answer, Door::Token);
        assert_eq!(verdict, unlapse_core::Verdict::Rejected(Rejection::UseDpopNonce));
        assert_eq!(served.await.unwrap().len(), count);
    }
}

#[tokio::test]
async fn r7_r8_what_becomes_of_the_second_request_is_what_became_of_both() {
    let (origin, _served) = serve(vec![wants("n-1"), None]).await;
    let exchange = bound(&origin);
    let key = exchange.sender_key(None).unwrap().expect("drawn");
    assert_eq!(refresh(&exchange, &key).await, Answer::Lost(Cause::Broken));

    // R8: an error in a 503 is no verdict of the server's, and nothing is sent again for it.
    let nonce = "dpop-nonce: n-1\r\n";
    let away = reply("503 Away", nonce, r#"{"error":"use_dpop_nonce"}"#);
    let (origin, served) = serve(vec![away]).await;
    let answer = refresh(&bound(&origin), &key).await;
    assert!(matches!(answer, Answer::Replied(reply) if reply.status == 503));
    assert_eq!(served.await.unwrap().len(), 1);
}

#[tokio::test]
async fn rfc9449_5_every_grant_is_proven_and_a_bound_token_never_leaves_without() {
    let (origin, served) = serve(vec![granted("")]).await;
    let exchange_ = bound(&origin);
    let key = exchange_.sender_key(None).unwrap().expect("drawn");
    let request = Request::Login { credentials: None, anew: false, sender_key: Some(&key) };
    assert!(is_granted(&exchange_.send(request).await));
    let requests = served.await.unwrap();
    assert_eq!(claims(&requests[0]).0["htm"], "POST");
    assert!(!requests[0].contains(key.expose()), "R18: the private key stays here");

    // Kept keys are looked at before anything is sent, and proven with by whoever can.
    assert_eq!(exchange_.sender_key(Some(&key)), Ok(Some(key.clone())));
    let garbage = Secret::new("AAAA");
    assert_eq!(exchange_.sender_key(Some(&garbage)), Err(SenderKeyProblem::Unusable));
    let without = exchange(server(&origin));
    assert_eq!(without.sender_key(None), Ok(None));
    assert_eq!(without.sender_key(Some(&key)), Err(SenderKeyProblem::Unsupported));
    assert_eq!(refresh(&without, &key).await, Answer::Unsent(Cause::Request));
}
