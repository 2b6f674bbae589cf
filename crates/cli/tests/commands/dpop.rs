//! `dpop = true`, and proofs for requests (RFC 9449). That the keys are real is proved at a certified
//! server: `tests/peer/bound.rs`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::harness::{AuthServer, Class, Project, config};

const URL: &str = "https://api.example/orders?page=2";

/// A server that calls its tokens bound, and a login there.
fn bound() -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Strict);
    server.set_extra(json!({ "token_type": "dpop" }));
    let project = Project::new(&server, "dpop = true", "");
    project.log_in(&server);
    (server, project)
}

fn claims(proof: &str) -> Value {
    part(proof, 1)
}

fn part(proof: &str, part: usize) -> Value {
    let part = proof.split('.').nth(part).expect("a JWT");
    let part = URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&part).expect("JSON")
}

/// How the key of the login signs.
fn alg(project: &Project) -> Value {
    let run = project.run(&["token", "acme", "--dpop-proof", "GET", URL, "--json"]).ok();
    part(run.json()["dpop_proof"].as_str().expect("a proof"), 0)["alg"].clone()
}

#[test]
fn rfc9449_7_1_the_headers_of_one_request() {
    let (_server, project) = bound();
    let token = project.run(&["token"]).ok();
    let run = project.run(&["token", "acme", "--dpop-proof", "GET", URL]).ok();
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{run}");
    assert_eq!(lines[0], format!("Authorization: DPoP {}", token.line()));
    let claims_of = claims(lines[1].strip_prefix("DPoP: ").expect("a proof"));
    assert_eq!(
        (&claims_of["htm"], &claims_of["htu"]),
        (&json!("GET"), &json!("https://api.example/orders"))
    );
    assert!(claims_of["ath"].is_string() && claims_of["nonce"].is_null(), "{claims_of}");

    let arguments = ["token", "--dpop-proof", "POST", URL, "--dpop-nonce", "n-1", "--json"];
    let json = project.run(&[&arguments[..1], &["acme"], &arguments[1..]].concat()).ok().json();
    let claims = claims(json["dpop_proof"].as_str().expect("a proof"));
    assert_eq!((&claims["htm"], &claims["nonce"]), (&json!("POST"), &json!("n-1")));
    assert_eq!(json["access_token"], token.line());
    assert_eq!(project.run(&["token", "--json"]).ok().json()["dpop_proof"], Value::Null);
}

#[test]
fn rfc9449_7_1_what_is_no_request_has_no_proof() {
    let (_server, project) = bound();
    let proof =
        |more: &[&str]| project.run(&[&["token", "acme", "--dpop-proof"][..], more].concat());
    proof(&["GET", "/orders"]).failed(13, "sender_key");
    proof(&["GET", URL, "--dpop-nonce", "a b"]).failed(13, "sender_key");
    proof(&["GE T", URL]).failed(2, "usage");
    proof(&["GET"]).failed(2, "usage");
    proof(&["GET", URL, "--format", "raw"]).failed(2, "usage");
    project.run(&["token", "acme", "--dpop-nonce", "n-1"]).failed(2, "usage");
    let without_key = |record: unlapse_core::Record| {
        record.next(|record| record.token.as_mut().expect("a token").sender_key = None)
    };
    project.edit(without_key);
    let run = proof(&["GET", URL]).failed(13, "sender_key");
    assert!(run.stderr.contains("a key that is not kept here"), "{run}");
}

#[test]
fn rfc9449_5_what_is_no_key_is_not_kept() {
    let (server, project) = bound();
    let before = project.status();
    for more in [&[][..], &["--no-verify"]] {
        let login = ["login", "acme", "--refresh-token-stdin", "--sender-key-stdin"];
        let stdin = format!("{}\nAAAA", server.issue());
        project.run_with(&[&login[..], more].concat(), &stdin).failed(13, "sender_key");
    }
    let login = ["login", "acme", "--refresh-token-stdin", "--sender-key-stdin"];
    project.run_with(&login, &server.issue()).failed(2, "input_unreadable");
    project.run(&["login", "acme", "--sender-key-stdin"]).failed(2, "usage");
    let after = project.status();
    assert_eq!((&after["jkt"], &after["generation"]), (&before["jkt"], &before["generation"]));
}

#[test]
fn a_bearer_token_has_no_proof_and_no_key() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let token = project.run(&["token"]).ok();
    let run = project.run(&["token", "acme", "--dpop-proof", "GET", URL]).ok();
    assert_eq!(run.stdout, format!("Authorization: Bearer {}\n", token.line()));
    assert_eq!(project.status()["jkt"], Value::Null);
}

#[test]
fn rfc9449_5_a_server_that_knows_no_dpop_is_told_of_and_costs_no_login() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "dpop = true", "");
    let login = ["login", "acme", "--refresh-token-stdin"];
    let run = project.run_with(&login, &server.issue()).failed(13, "token_rule_broken");
    assert!(run.stderr.contains("`dpop = false` in `[profile.acme]`"), "{run}");
    // C8: the refresh token that came with it is kept, and what is bound is still proven.
    project.configure(&config(&server, "", ""), "");
    let token = project.run(&["token"]).ok();
    assert!(server.accepts(token.line()));
    assert_eq!(server.counts().reuses, 0);
}

#[test]
fn rfc9449_5_a_login_without_dpop_is_bound_by_its_next_renewal() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let before = project.run(&["token"]).ok();
    project.configure(&config(&server, "dpop = true", ""), "");
    // R10: what is valid is served until then.
    assert_eq!(project.run(&["token"]).ok().stdout, before.stdout);
    server.set_extra(json!({ "token_type": "DPoP" }));
    project.run(&["refresh"]).ok();
    let jkt = project.status()["jkt"].clone();
    assert!(jkt.is_string());
    // What is kept stays what it is; a new login is of the algorithm that was chosen.
    project.configure(&config(&server, "dpop = true\ndpop_alg = \"EdDSA\"", ""), "");
    assert_eq!((alg(&project), &project.status()["jkt"]), ("ES256".into(), &jkt));
    project.log_in(&server);
    assert_eq!(alg(&project), "EdDSA");
    assert_eq!(project.run(&["token", "--json"]).ok().json()["token_type"], "DPoP");
}
