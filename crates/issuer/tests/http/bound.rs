//! A token that is bound to a key, at the issuer's own endpoints (RFC 9449 §7).

use serde_json::json;
use unlapse_verify::sha256;

use super::prover::{Prover, START, base64url, proves};
use super::server::{FORM, Reply, Server, ask, refusal};

async fn list(server: &Server, headers: &[(&str, &str)]) -> Reply {
    ask(server.address, "GET", "/sessions", headers, b"").await
}

#[tokio::test]
async fn rfc9449_7_a_bound_token_is_good_with_a_proof_of_its_key_alone() {
    let server = Server::start().await;
    let at = |path: &str| format!("http://{}{path}", server.address);
    let prover = Prover::p256();
    let form = "grant_type=password&client_id=app&username=ada&password=correct+horse&scope=read";
    let proof = prover.proof(&proves(&at("/token")));
    let headers = [FORM, ("dpop", proof.as_str())];
    let login = ask(server.address, "POST", "/token", &headers, form.as_bytes()).await;
    let token = login.text("access_token");
    let proof = |prover: &Prover, jti: &str, token: &str| {
        prover.proof(&json!({
            "jti": jti, "htm": "GET", "htu": at("/sessions"), "iat": START,
            "ath": base64url(sha256(token.as_bytes())),
        }))
    };
    let (bearer, bound) = (format!("Bearer {token}"), format!("DPoP {token}"));
    let good = proof(&prover, "1", &token);
    let listed = list(&server, &[("authorization", &bound), ("dpop", &good)]).await;
    assert_eq!(listed.status, 200, "{listed:?}");
    assert_eq!(listed.json()["sessions"][0]["current"], true);
    let stolen = proof(&Prover::p256(), "2", &token);
    let of_another_token = proof(&prover, "3", "x");
    let fresh = proof(&prover, "4", &token);
    for (authorization, proof) in [
        (&bound, &good),
        (&bound, &stolen),
        (&bound, &of_another_token),
        (&bound, &"x".to_owned()),
        (&bearer, &fresh),
    ] {
        let reply = list(&server, &[("authorization", authorization), ("dpop", proof)]).await;
        assert_eq!(reply.refusal(), refusal(401, "token_invalid"), "{authorization}");
        assert!(reply.header("www-authenticate").is_some(), "{reply:?}");
    }
    let reply = list(&server, &[("authorization", &bound)]).await;
    assert_eq!(reply.refusal(), refusal(401, "token_invalid"));
}
