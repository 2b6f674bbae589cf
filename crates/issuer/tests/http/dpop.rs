//! Proofs of possession where tokens are given out (RFC 9449 §4, §5, §8).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use unlapse_core::{Secret, UnixTime};
use unlapse_issuer::{
    Client, Code, DpopRules, GrantType, Issuer, IssuerBuilder, MemoryClients, MemoryStore, Scopes,
    Store,
};

use super::prover::{Prover, START, proves, with};
use super::server::{FORM, JSON, Reply, Server, ask, peppers, refresh_form, refusal, scopes};

impl Server {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn post(server: &Server, path: &str, header: (&str, &str), proof: &str, body: &str) -> Reply {
    ask(server.address, "POST", path, &[header, ("dpop", proof)], body.as_bytes()).await
}

const PASSWORD: &str =
    "grant_type=password&client_id=app&username=ada&password=correct+horse&scope=read";

/// The key that the access token of a reply is bound to.
fn cnf(reply: &Reply) -> Option<String> {
    let token = reply.text("access_token");
    let claims =
        URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("a JWT")).expect("base64url");
    let claims: Value = serde_json::from_slice(&claims).expect("JSON");
    claims.get("cnf").map(|cnf| cnf["jkt"].to_string())
}

fn jkt(prover: &Prover) -> String {
    json!(prover.jkt()).to_string()
}

#[tokio::test]
async fn rfc9449_5_a_public_client_is_bound_for_good_and_another_key_ends_nothing() {
    let server = Server::start().await;
    for prover in [Prover::ed25519(), Prover::p256()] {
        let proof = || prover.proof(&proves(&server.url("/token")));
        let login = post(&server, "/token", FORM, &proof(), PASSWORD).await;
        assert_eq!(login.text("token_type"), "DPoP");
        assert_eq!(cnf(&login), Some(jkt(&prover)));
        let first = login.refresh_token();
        let refresh = refresh_form(&first);
        // Without a proof, and with another key's: refused, and nothing has changed.
        let mismatch = refusal(400, "dpop_mismatch");
        assert_eq!(server.refresh(&first).await.refusal(), mismatch);
        let stranger = Prover::ed25519().proof(&proves(&server.url("/token")));
        assert_eq!(post(&server, "/token", FORM, &stranger, &refresh).await.refusal(), mismatch);
        let second = post(&server, "/token", FORM, &proof(), &refresh).await;
        assert_eq!(
            (second.text("token_type").as_str(), cnf(&second)),
            ("DPoP", Some(jkt(&prover)))
        );
        // A reply that was lost: the same key gets the same successor, and no other does.
        let again = post(&server, "/token", FORM, &proof(), &refresh).await;
        assert_eq!(again.refresh_token(), second.refresh_token());
        assert_eq!(server.refresh(&first).await.refusal(), mismatch);
    }
    assert_eq!(server.issuer.counts().families_revoked, 0);
}

#[tokio::test]
async fn rfc9449_5_a_client_with_a_secret_binds_access_tokens_alone() {
    let server = Server::start().await;
    let prover = Prover::p256();
    let proof = || prover.proof(&proves(&server.url("/token")));
    let form = "grant_type=password&client_id=job&client_secret=s3cret&username=ada\
                &password=correct+horse";
    let login = post(&server, "/token", FORM, &proof(), form).await;
    assert_eq!((login.text("token_type").as_str(), cnf(&login)), ("DPoP", Some(jkt(&prover))));
    let refresh = |token: &str| {
        refresh_form(token).replace("client_id=app", "client_id=job&client_secret=s3cret")
    };
    let bearer = server.post("/token", FORM, &refresh(&login.refresh_token())).await;
    assert_eq!((bearer.text("token_type").as_str(), cnf(&bearer)), ("Bearer", None));
    let grant = "grant_type=client_credentials&client_id=job&client_secret=s3cret";
    let granted = post(&server, "/token", FORM, &proof(), grant).await;
    assert_eq!(cnf(&granted), Some(jkt(&prover)));
}

#[tokio::test]
async fn rfc9449_5_the_json_pair_speaks_it_too() {
    let server = Server::start().await;
    let prover = Prover::ed25519();
    let login = json!({"username": "ada", "password": "correct horse"}).to_string();
    let proof = prover.proof(&proves(&server.url("/api/auth/login")));
    let reply = post(&server, "/api/auth/login", JSON, &proof, &login).await;
    assert_eq!((reply.text("token_type").as_str(), cnf(&reply)), ("DPoP", Some(jkt(&prover))));
    let refresh = json!({"refresh_token": reply.refresh_token()}).to_string();
    let bare = server.post("/api/auth/refresh", JSON, &refresh).await;
    assert_eq!(bare.refusal(), refusal(401, "dpop_mismatch"));
    // A proof for another endpoint is none for this one.
    let other = prover.proof(&proves(&server.url("/token")));
    let reply = post(&server, "/api/auth/refresh", JSON, &other, &refresh).await;
    assert_eq!(reply.refusal(), refusal(400, "dpop_proof_invalid"));
    let proof = prover.proof(&proves(&server.url("/api/auth/refresh")));
    post(&server, "/api/auth/refresh", JSON, &proof, &refresh).await.refresh_token();
}

#[tokio::test]
async fn rfc9449_4_3_a_row_for_each_proof_that_is_none() {
    let server = Server::start().await;
    let prover = Prover::ed25519();
    let url = server.url("/token");
    let good = proves(&url);
    let changed = |name: &str, value: Value| prover.proof(&with(proves(&url), name, Some(value)));
    let without = |name: &str| prover.proof(&with(proves(&url), name, None));
    let jwk = serde_json::to_value(prover.jwk()).expect("JSON");
    let headed = |alg: &str, typ: &str, jwk: &Value| {
        prover.sign(&json!({"alg": alg, "typ": typ, "jwk": jwk}), &proves(&url))
    };
    let stranger = serde_json::to_value(Prover::ed25519().jwk()).expect("JSON");
    let private = with(jwk.clone(), "d", Some(json!("AAAA")));
    let bad = [
        "x".to_owned(),
        "a.b.c".to_owned(),
        format!("{}x", prover.proof(&good)),
        changed("htm", json!("GET")),
        changed("htu", json!(server.url("/api/auth/login"))),
        changed("htu", json!("https://other.example/token")),
        changed("iat", json!(START - 61)),
        changed("iat", json!(START + 62)),
        changed("iat", json!("now")),
        changed("jti", json!("")),
        changed("jti", json!("x".repeat(257))),
        without("jti"),
        without("iat"),
        without("htm"),
        without("htu"),
        headed("EdDSA", "JWT", &jwk),
        headed("none", "dpop+jwt", &jwk),
        headed("HS256", "dpop+jwt", &jwk),
        headed("ES256", "dpop+jwt", &jwk),
        headed("EdDSA", "dpop+jwt", &stranger),
        headed("EdDSA", "dpop+jwt", &private),
        headed("EdDSA", "dpop+jwt", &json!(null)),
        "x".repeat(9000),
        "\u{e4}".to_owned(),
    ];
    for proof in &bad {
        let reply = post(&server, "/token", FORM, proof, PASSWORD).await;
        assert_eq!(reply.refusal(), refusal(400, "dpop_proof_invalid"), "{proof}");
        assert_eq!(reply.text("error"), "invalid_dpop_proof");
    }
    let proof = prover.proof(&good);
    let twice = [FORM, ("dpop", proof.as_str()), ("dpop", proof.as_str())];
    let reply = ask(server.address, "POST", "/token", &twice, PASSWORD.as_bytes()).await;
    assert_eq!(reply.refusal(), refusal(400, "dpop_proof_invalid"));
    assert_eq!(server.issuer.counts().sessions_opened, 0);
    assert_eq!(reply.header("dpop-nonce"), None, "none is needed");
    // None of them has used up the good one, which query and fragment do not spoil.
    let spelled = with(good, "htu", Some(json!(format!("{url}?x=1#y"))));
    assert_eq!(post(&server, "/token", FORM, &prover.proof(&spelled), PASSWORD).await.status, 200);
}

#[tokio::test]
async fn rfc9449_11_1_a_proof_is_good_once() {
    let server = Server::start().await;
    let prover = Prover::ed25519();
    let claims = proves(&server.url("/token"));
    let proof = prover.proof(&claims);
    assert_eq!(post(&server, "/token", FORM, &proof, PASSWORD).await.status, 200);
    for proof in [proof, prover.proof(&with(claims, "iat", Some(json!(START + 1))))] {
        let reply = post(&server, "/token", FORM, &proof, PASSWORD).await;
        assert_eq!(reply.refusal(), refusal(400, "dpop_proof_invalid"));
    }
}

#[tokio::test]
async fn rfc9449_11_1_a_refusal_uses_up_no_proof() {
    let server = Server::start().await;
    let prover = Prover::ed25519();
    let proof = prover.proof(&proves(&server.url("/token")));
    for (form, code) in [
        (refresh_form("x"), "refresh_token_malformed"),
        (PASSWORD.replace("correct+horse", "wrong"), "login_failed"),
    ] {
        let reply = post(&server, "/token", FORM, &proof, &form).await;
        assert_eq!(reply.text("code"), code);
    }
    assert_eq!(post(&server, "/token", FORM, &proof, PASSWORD).await.status, 200);
    let again = post(&server, "/token", FORM, &proof, PASSWORD).await;
    assert_eq!(again.refusal(), refusal(400, "dpop_proof_invalid"), "a grant does");
}

#[tokio::test]
async fn rfc9449_11_1_once_on_all_nodes_where_that_is_wanted() {
    for shared_replays in [false, true] {
        // One URL, two nodes.
        let proof = Prover::ed25519().proof(&proves("https://id.example/token"));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let node = || {
            let job = Client::confidential("job", &Secret::new("s3cret"));
            let builder = Issuer::builder("https://id.example")
                .store(Arc::clone(&store))
                .clock(Arc::new(|| UnixTime::from_secs(START)))
                .clients(Arc::new(MemoryClients::new([job])))
                .peppers(peppers())
                .dpop(DpopRules { shared_replays, ..DpopRules::default() });
            builder.build().expect("valid")
        };
        let statuses = [status(&node(), &proof).await, status(&node(), &proof).await];
        assert_eq!(statuses, [200, if shared_replays { 400 } else { 200 }]);
    }
}

/// Asks `issuer` for a token of its client `job` with that proof.
async fn status(issuer: &Issuer, proof: &str) -> u16 {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;
    let form = "grant_type=client_credentials&client_id=job&client_secret=s3cret";
    let request = Request::post("/token").header(FORM.0, FORM.1).header("dpop", proof);
    let request = request.body(Body::from(form)).expect("a request");
    issuer.router().oneshot(request).await.expect("infallible").status().as_u16()
}

#[tokio::test]
async fn rfc9449_8_a_nonce_is_asked_for_told_and_good_for_a_while() {
    let server = Server::start_with(|builder| {
        builder.dpop(DpopRules { nonces: true, ..DpopRules::default() })
    })
    .await;
    let prover = Prover::p256();
    let url = server.url("/token");
    let mut now = START;
    let prove = |nonce: Option<&str>, now: u64| {
        let claims = with(proves(&url), "iat", Some(json!(now)));
        prover.proof(&with(claims, "nonce", nonce.map(|nonce| json!(nonce))))
    };
    let first = post(&server, "/token", FORM, &prove(None, now), PASSWORD).await;
    assert_eq!(first.refusal(), refusal(400, "dpop_nonce_required"));
    assert_eq!(first.text("error"), "use_dpop_nonce");
    let nonce = first.header("dpop-nonce").expect("told").to_owned();
    assert_eq!(
        post(&server, "/token", FORM, &prove(Some("other"), now), PASSWORD).await.status,
        400
    );
    let login = post(&server, "/token", FORM, &prove(Some(&nonce), now), PASSWORD).await;
    assert_eq!(login.status, 200);
    assert_eq!(login.header("dpop-nonce"), Some(nonce.as_str()), "and told again");
    server.pass(Duration::from_secs(300));
    now += 300;
    let refresh = refresh_form(&login.refresh_token());
    let reply = post(&server, "/token", FORM, &prove(Some(&nonce), now), &refresh).await;
    let newer = reply.header("dpop-nonce").expect("told").to_owned();
    assert_ne!(newer, nonce);
    let refresh = refresh_form(&reply.refresh_token());
    server.pass(Duration::from_secs(300));
    now += 300;
    let late = post(&server, "/token", FORM, &prove(Some(&nonce), now), &refresh).await;
    assert_eq!(late.refusal(), refusal(400, "dpop_nonce_required"), "the token is not spent");
    post(&server, "/token", FORM, &prove(Some(&newer), now), &refresh).await.refresh_token();
    // Whoever does not speak DPoP is not told.
    assert_eq!(server.get("/jwks").await.header("dpop-nonce"), None);
}

#[tokio::test]
async fn rfc9449_8_every_node_with_the_same_pepper_takes_the_same_nonce() {
    let rules = DpopRules { nonces: true, ..DpopRules::default() };
    let a = Server::start_with(|builder| builder.dpop(rules)).await;
    let b = Server::start_with(|builder| builder.dpop(rules)).await;
    let prover = Prover::ed25519();
    let first = post(&a, "/token", FORM, &prover.proof(&proves(&a.url("/token"))), PASSWORD).await;
    let nonce = first.header("dpop-nonce").expect("told");
    let claims = with(proves(&b.url("/token")), "nonce", Some(json!(nonce)));
    assert_eq!(post(&b, "/token", FORM, &prover.proof(&claims), PASSWORD).await.status, 200);
}

#[tokio::test]
async fn rfc9449_5_2_a_client_that_has_to_prove_its_requests_does() {
    let server = Server::start_with(|builder: IssuerBuilder| {
        let client = Client::public("app")
            .with_scopes(scopes("read"))
            .with_grants([GrantType::Password, GrantType::RefreshToken])
            .with_dpop();
        builder
            .login_client(Client::public("api").with_scopes(Scopes::default()).with_dpop())
            .clients(Arc::new(MemoryClients::new([client])))
    })
    .await;
    let required = refusal(400, "dpop_required");
    assert_eq!(server.post("/token", FORM, PASSWORD).await.refusal(), required);
    let login = json!({"username": "ada", "password": "correct horse"}).to_string();
    assert_eq!(server.post("/api/auth/login", JSON, &login).await.refusal(), required);
    let proof = Prover::ed25519().proof(&proves(&server.url("/token")));
    let reply = post(&server, "/token", FORM, &proof, PASSWORD).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    // To end a session needs no proof: whoever holds its token may.
    let revoke = format!("client_id=app&token={}", reply.refresh_token());
    assert_eq!(server.post("/revoke", FORM, &revoke).await.status, 200);
}

/// Does what is answered with `code`.
pub(crate) async fn provoke(code: Code) -> Reply {
    let server = Server::start_with(|builder| {
        let nonces = code == Code::DpopNonceRequired;
        let app = Client::public("app").with_scopes(scopes("read"));
        let app = if code == Code::DpopRequired { app.with_dpop() } else { app };
        builder
            .clients(Arc::new(MemoryClients::new([app])))
            .dpop(DpopRules { nonces, ..DpopRules::default() })
    })
    .await;
    let proof = Prover::ed25519().proof(&proves(&server.url("/token")));
    match code {
        Code::DpopRequired => server.post("/token", FORM, PASSWORD).await,
        Code::DpopProofInvalid => post(&server, "/token", FORM, "x", PASSWORD).await,
        Code::DpopMismatch => {
            let login = post(&server, "/token", FORM, &proof, PASSWORD).await;
            server.refresh(&login.refresh_token()).await
        }
        _ => post(&server, "/token", FORM, &proof, PASSWORD).await,
    }
}
