//! Proofs of possession: a row for each rule of RFC 9449 §4.3, and what a thief may try.

mod support;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};
use support::{HandClock, NOW, Signer, builder, changed, proof_claims};
use unlapse_core::Secret;
use unlapse_verify::{
    Algorithm, BadJws, BadProof, DpopPolicy, Htu, Nonces, Proof, ProofOf, Refusal, Refused,
    Replays, Verified, Verifier, judge_proof, sha256,
};

const ORIGIN: &str = "https://api.example";

struct Rig {
    issuer: Signer,
    client: Signer,
    clock: HandClock,
    verifier: Verifier,
}

fn rig(policy: impl FnOnce(DpopPolicy) -> DpopPolicy) -> Rig {
    let (issuer, client) = (Signer::new(Algorithm::EdDsa), Signer::new(Algorithm::Es256));
    let clock = HandClock::new();
    let policy = policy(DpopPolicy::new(ORIGIN).expect("an origin"));
    let verifier = builder(&[&issuer], &clock).dpop(policy).build().expect("a verifier");
    Rig { issuer, client, clock, verifier }
}

impl Rig {
    /// A token that is bound to the client's key.
    fn token(&self) -> String {
        self.issuer.token(&json!({ "cnf": { "jkt": self.client.jwk().thumbprint() } }))
    }

    fn proof(&self, token: &str, change: &Value) -> String {
        let mut change = change.clone();
        if change.get("ath").is_none() {
            change["ath"] = ath(token).into();
        }
        self.client.proof(&change)
    }

    async fn send(&self, headers: &[(&'static str, String)]) -> Result<Verified, Refused> {
        self.send_to("POST", "/things?page=2", headers).await
    }

    async fn send_to(
        &self,
        method: &str,
        uri: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Verified, Refused> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a value"));
        }
        let method: Method = method.parse().expect("a method");
        let uri: Uri = uri.parse().expect("a URI");
        self.verifier.verify_request(&method, &uri, &map).await
    }
}

fn ath(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(sha256(token.as_bytes()))
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

fn dpop(token: &str) -> (&'static str, String) {
    ("authorization", format!("DPoP {token}"))
}

#[tokio::test]
async fn rfc9449_7_1_a_bound_token_passes_with_its_proof_alone() {
    let rig = rig(|policy| policy);
    let token = rig.token();
    let passed = rig.send(&[dpop(&token), ("dpop", rig.proof(&token, &json!({})))]).await;
    assert_eq!(passed.expect("genuine").sub, "ada");
    // As a bearer token it is what a thief has.
    for headers in [
        vec![bearer(&token)],
        vec![bearer(&token), ("dpop", rig.proof(&token, &json!({ "jti": "2" })))],
    ] {
        let refused = rig.send(&headers).await.expect_err("refused");
        assert_eq!(refused, Refusal::Bound);
        assert_eq!(refused.challenges().len(), 2, "how to do it is told");
    }
    assert_eq!(rig.verifier.verify_at_once(&token).expect_err("refused"), Refusal::Bound);
    // A token without a key under the scheme of those that have one.
    let plain = rig.issuer.token(&json!({}));
    let proof = rig.proof(&plain, &json!({ "jti": "3" }));
    let refused = rig.send(&[dpop(&plain), ("dpop", proof)]).await.expect_err("refused");
    assert_eq!(refused, Refusal::Unbound);
    assert!(rig.send(&[bearer(&plain)]).await.is_ok());
}

#[tokio::test]
async fn rfc9449_7_2_where_proofs_are_demanded_no_other_token_passes() {
    let rig = rig(DpopPolicy::required);
    let refused = rig.send(&[bearer(&rig.issuer.token(&json!({})))]).await.expect_err("refused");
    assert_eq!(refused, Refusal::Unbound);
    let challenges = refused.challenges();
    assert!(challenges.len() == 1 && challenges[0].starts_with("DPoP "), "{challenges:?}");
    // And where they are not spoken, none that needs one does.
    let plain = builder(&[&rig.issuer], &rig.clock).build().expect("a verifier");
    let rig = Rig { verifier: plain, ..rig };
    let token = rig.token();
    let proof = rig.proof(&token, &json!({}));
    let refused = rig.send(&[dpop(&token), ("dpop", proof)]).await.expect_err("refused");
    assert_eq!(refused, Refusal::BindingUnknown);
}

#[tokio::test]
async fn rfc9449_4_3_a_row_for_each_bad_proof() {
    let rig = rig(|policy| policy);
    let token = rig.token();
    let thief = Signer::new(Algorithm::Es256);
    let stolen = thief.proof(&json!({ "ath": ath(&token) }));
    let other = rig.issuer.token(&json!({ "jti": "other" }));
    let rows = [
        (vec![], BadProof::Missing),
        (vec![rig.proof(&token, &json!({})), rig.proof(&token, &json!({}))], BadProof::Repeated),
        (vec!["garbage".to_owned()], BadProof::Jws(BadJws::Malformed)),
        (vec![token.clone()], BadProof::Type),
        (vec![stolen], BadProof::OtherKey),
        (vec![rig.proof(&token, &json!({ "htm": "GET" }))], BadProof::Method),
        (vec![rig.proof(&token, &json!({ "htm": "post" }))], BadProof::Method),
        (vec![rig.proof(&token, &json!({ "htu": "https://api.example/other" }))], BadProof::Uri),
        (vec![rig.proof(&token, &json!({ "htu": "https://evil.example/things" }))], BadProof::Uri),
        (vec![rig.proof(&token, &json!({ "htu": "http://api.example/things" }))], BadProof::Uri),
        (vec![rig.proof(&token, &json!({ "iat": NOW - 61 }))], BadProof::Time),
        (vec![rig.proof(&token, &json!({ "iat": NOW + 61 }))], BadProof::Time),
        (vec![rig.proof(&token, &json!({ "ath": null }))], BadProof::Token),
        (vec![rig.proof(&token, &json!({ "ath": ath(&other) }))], BadProof::Token),
        (vec![rig.proof(&token, &json!({ "ath": "" }))], BadProof::Token),
        (vec![rig.proof(&token, &json!({ "jti": null }))], BadProof::Claim("jti")),
        (vec![rig.proof(&token, &json!({ "jti": "" }))], BadProof::Claim("jti")),
        (vec![rig.proof(&token, &json!({ "jti": "j".repeat(257) }))], BadProof::Claim("jti")),
        (vec![rig.proof(&token, &json!({ "htm": 7 }))], BadProof::Claim("htm")),
        (vec![rig.proof(&token, &json!({ "htu": "/things" }))], BadProof::Claim("htu")),
        (vec![rig.proof(&token, &json!({ "iat": "now" }))], BadProof::Claim("iat")),
        (vec![rig.proof(&token, &json!({ "iat": null }))], BadProof::Claim("iat")),
    ];
    for (proofs, bad) in rows {
        let mut headers = vec![dpop(&token)];
        headers.extend(proofs.into_iter().map(|proof| ("dpop", proof)));
        let refused = rig.send(&headers).await.expect_err("refused");
        assert_eq!(refused, Refusal::Proof(bad));
        assert_eq!(refused.status().as_u16(), 401);
        let challenge = refused.challenges().remove(0);
        assert!(challenge.starts_with("DPoP ") && challenge.contains("algs="), "{challenge}");
    }
}

#[test]
fn rfc9449_4_3_the_header_of_a_proof() {
    let client = Signer::new(Algorithm::Es256);
    let mut jwk = serde_json::to_value(client.jwk()).expect("JSON");
    let good = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
    let private = changed(jwk.clone(), &json!({ "d": "AQ" }));
    let mut other_curve = jwk.clone();
    other_curve["crv"] = "P-384".into();
    let other = serde_json::to_value(Signer::new(Algorithm::Es256).jwk()).expect("JSON");
    let eddsa = serde_json::to_value(Signer::new(Algorithm::EdDsa).jwk()).expect("JSON");
    let identity = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" });
    jwk["x"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".into();
    for (change, expected) in [
        (json!({}), Ok(())),
        (json!({ "typ": "JWT" }), Err(BadProof::Type)),
        (json!({ "typ": "at+jwt" }), Err(BadProof::Type)),
        (json!({ "typ": null }), Err(BadProof::Type)),
        (json!({ "alg": "none" }), Err(BadProof::Algorithm)),
        (json!({ "alg": "HS256" }), Err(BadProof::Algorithm)),
        (json!({ "alg": "EdDSA" }), Err(BadProof::Algorithm)),
        (json!({ "jwk": eddsa }), Err(BadProof::Algorithm)),
        (json!({ "jwk": null }), Err(BadProof::Key)),
        (json!({ "jwk": "key" }), Err(BadProof::Key)),
        (json!({ "jwk": { "kty": "oct", "k": "AQ" } }), Err(BadProof::Key)),
        (json!({ "jwk": private }), Err(BadProof::Key)),
        (json!({ "jwk": other_curve }), Err(BadProof::Key)),
        (json!({ "jwk": jwk }), Err(BadProof::Key)),
        (json!({ "jwk": identity, "alg": "EdDSA" }), Err(BadProof::Key)),
        (json!({ "jwk": other }), Err(BadProof::Signature)),
        (json!({ "crit": ["b64"] }), Err(BadProof::Header)),
        (json!({ "jku": "https://evil.example" }), Err(BadProof::Header)),
        (json!({ "x5c": [] }), Err(BadProof::Header)),
    ] {
        let header = changed(good.clone(), &change).to_string();
        let proof = client.jwt(&header, &proof_claims().to_string());
        assert_eq!(Proof::parse(&proof, &Algorithm::ALL).map(|_| ()), expected, "{change}");
    }
    let proof = client.proof(&json!({}));
    assert_eq!(Proof::parse(&proof, &[Algorithm::EdDsa]).err(), Some(BadProof::Algorithm));
}

#[test]
fn rfc9449_4_1_the_rfcs_own_proof() {
    // Figure 1: a real proof, made for the token endpoint.
    let proof = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgt\
                 MzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VO\
                 SmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFR\
                 jIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0Ijo\
                 xNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FN\
                 yJK70nfbV37xRZT3Lg";
    let proof = Proof::parse(proof, &Algorithm::ALL).expect("a proof");
    assert_eq!(proof.jkt.to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!((proof.jti.as_str(), proof.iat), ("-BwC3ESc6acc2lTc", 1_562_262_616));
    let uri = Htu::parse("https://server.example.com:443/token?x").expect("a URI");
    let of = ProofOf { method: "POST", uri: &uri, access_token: None, jkt: None };
    let judged = |secs| {
        let now = unlapse_core::UnixTime::from_secs(secs);
        judge_proof(&proof, &of, Duration::from_secs(60), now)
    };
    assert_eq!(judged(1_562_262_676), Ok(()));
    assert_eq!(judged(1_562_262_677), Err(BadProof::Time));
    assert_eq!(judged(1_562_262_555), Err(BadProof::Time));
    assert_eq!(proof.htu, uri);
}

#[tokio::test]
async fn rfc9449_11_1_a_proof_that_was_seen_is_worth_nothing() {
    let rig = rig(|policy| policy.replays(Arc::new(Replays::new(2))));
    let token = rig.token();
    let proof = rig.proof(&token, &json!({}));
    assert!(rig.send(&[dpop(&token), ("dpop", proof.clone())]).await.is_ok());
    for _ in 0..3 {
        let refused = rig.send(&[dpop(&token), ("dpop", proof.clone())]).await;
        assert_eq!(refused.expect_err("refused"), Refusal::Proof(BadProof::Replayed));
        rig.clock.advance(Duration::from_secs(20));
    }
    // At its last moment it is still known; after that, its time refuses it.
    assert_eq!(rig.clock.now().as_secs(), NOW + 60);
    let refused = rig.send(&[dpop(&token), ("dpop", proof.clone())]).await;
    assert_eq!(refused.expect_err("refused"), Refusal::Proof(BadProof::Replayed));
    rig.clock.advance(Duration::from_millis(1));
    let refused = rig.send(&[dpop(&token), ("dpop", proof)]).await;
    assert_eq!(refused.expect_err("refused"), Refusal::Proof(BadProof::Time));
}

#[tokio::test]
async fn rfc9449_11_1_a_flood_makes_requests_fail_and_no_replay_pass() {
    let rig = rig(|policy| policy.replays(Arc::new(Replays::new(2))));
    let token = rig.token();
    let proofs: Vec<_> =
        (0..3).map(|at| rig.proof(&token, &json!({ "jti": at.to_string() }))).collect();
    let send = |at: usize| [dpop(&token), ("dpop", proofs[at].clone())];
    assert!(rig.send(&send(0)).await.is_ok());
    assert!(rig.send(&send(1)).await.is_ok());
    let refused = rig.send(&send(2)).await.expect_err("refused");
    assert_eq!(
        (refused.status().as_u16(), refused.refusal()),
        (503, Refusal::Proof(BadProof::ReplaysFull))
    );
    assert_eq!(refused.headers()["retry-after"], "5");
    let refused = rig.send(&send(0)).await.expect_err("refused");
    assert_eq!(refused, Refusal::Proof(BadProof::Replayed));
}

#[tokio::test]
async fn rfc9449_9_a_nonce_is_demanded_and_told() {
    let nonces = Nonces::new(&Secret::new("shared"), Duration::from_secs(120));
    let rig = rig(|policy| policy.nonces(nonces));
    let token = rig.token();
    let refused = rig.send(&[dpop(&token), ("dpop", rig.proof(&token, &json!({})))]).await;
    let refused = refused.expect_err("refused");
    assert_eq!(refused, Refusal::Proof(BadProof::Nonce));
    let headers = refused.headers();
    let nonce = headers["dpop-nonce"].to_str().expect("ASCII").to_owned();
    let challenge = headers["www-authenticate"].to_str().expect("ASCII");
    assert!(challenge.contains(r#"error="use_dpop_nonce""#), "{challenge}");
    // A proof that was refused for its nonce is not used up.
    let proof = rig.proof(&token, &json!({ "nonce": nonce }));
    assert!(rig.send(&[dpop(&token), ("dpop", proof)]).await.is_ok());
    rig.clock.advance(Duration::from_secs(300));
    let late = json!({ "nonce": nonce, "jti": "2", "iat": NOW + 300 });
    let refused = rig.send(&[dpop(&token), ("dpop", rig.proof(&token, &late))]).await;
    assert_eq!(refused.expect_err("refused"), Refusal::Proof(BadProof::Nonce));
}

#[tokio::test]
async fn rfc9449_4_3_the_uri_is_our_own_whatever_the_request_says() {
    let rig = rig(|policy| policy);
    let token = rig.token();
    let proof = |jti: &str, htu: &str| rig.proof(&token, &json!({ "jti": jti, "htu": htu }));
    let theirs = proof("1", "https://evil.example/things");
    // A proof for another server, with that server's name in the request.
    let headers = [dpop(&token), ("dpop", theirs), ("host", "evil.example".to_owned())];
    for uri in ["/things", "https://evil.example/things"] {
        let refused = rig.send_to("POST", uri, &headers).await.expect_err("refused");
        assert_eq!(refused, Refusal::Proof(BadProof::Uri), "{uri}");
    }
    let ours = [dpop(&token), ("dpop", proof("2", "https://API.example:443/things?x#y"))];
    assert!(rig.send_to("POST", "http://10.0.0.7:8080/things", &ours).await.is_ok());
    let star = [dpop(&token), ("dpop", proof("3", "https://api.example*/"))];
    let refused = rig.send_to("POST", "*", &star).await.expect_err("refused");
    assert!(matches!(refused.refusal(), Refusal::Proof(BadProof::Uri | BadProof::Claim("htu"))));
}
