//! Callers with access tokens of an issuer of one's own (RFC 9068), as `[jwt]` allows them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, SigningKey as _};
use serde_json::{Value, json};
use unlapse_verify::{Jwk, JwkSet};

use crate::harness::Project;
use crate::server::Server;

const AUDIENCE: &str = "https://broker.example";

/// An issuer that publishes its key, and signs whatever it is told to.
struct Authority {
    url: String,
    key: KeyPair,
}

impl Authority {
    fn start() -> Self {
        let key = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let keys = JwkSet::new([jwk(&key)]);
        let keys = serde_json::to_string(&keys).expect("JSON");
        let metadata = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") }).to_string();
        // It ends with the process: nobody asks it any more.
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.expect("a client");
                let mut lines = BufReader::new(stream.try_clone().expect("a copy")).lines();
                let asked = lines.next().expect("a request").expect("text");
                for line in lines {
                    if line.expect("text").is_empty() {
                        break;
                    }
                }
                let body = if asked.starts_with("GET /jwks ") { &keys } else { &metadata };
                let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close";
                let reply = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(reply.as_bytes()).expect("sent");
            }
        });
        Self { url, key }
    }

    /// A good access token of the tenant `default`, but for what `change` has.
    fn token(&self, change: &Value) -> String {
        self.signed_by(&self.key, change)
    }

    fn signed_by(&self, key: &KeyPair, change: &Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let mut claims = json!({
            "iss": self.url, "aud": AUDIENCE, "sub": "backend", "client_id": "backend", "jti": "j",
            "iat": now, "exp": now + 300, "scope": "read openid", "tenant": "default",
        });
        for (name, value) in change.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        let jwk = jwk(&self.key);
        let alg = jwk.algorithm().as_str();
        let header = json!({ "alg": alg, "typ": "at+jwt", "kid": jwk.kid() });
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let message = format!("{header}.{claims}");
        let signature = key.sign(message.as_bytes()).expect("signed");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn jwk(key: &KeyPair) -> Jwk {
    Jwk::ed25519(key.public_key_raw().try_into().expect("32 bytes")).expect("a good key")
}

#[test]
fn rfc9068_4_a_token_of_ones_own_issuer_is_good_for_its_tenant_and_audience_alone() {
    let project = Project::empty();
    let authority = Authority::start();
    let path = project.root().join("broker.toml");
    let text = format!("[jwt]\nissuer = \"{}\"\naudience = \"{AUDIENCE}\"\n", authority.url);
    std::fs::write(&path, text).expect("written");
    let config = path.to_str().expect("text");
    let server = Server::start(&project, &["--config", config, "--data", "data"]);
    let get = |token: &str, path: &str| server.ask(token, "GET", path, "");
    let good = authority.token(&json!({}));
    let listed = get(&good, "/v1/connections");
    assert_eq!((listed.status, &listed.json()["connections"]), (200, &json!([])), "{listed:?}");
    // Its scope holds the verbs, and words for others.
    let wants_more = server.ask(&good, "POST", "/v1/connections/ada/x/main/token", "");
    wants_more.is_problem(403, "FORBIDDEN");
    let challenge = wants_more.headers("www-authenticate")[0];
    assert!(challenge.contains("scope=\"token\""), "{wants_more:?}");
    // Another tenant sees what is its own, and may name no other.
    let other = authority.token(&json!({ "tenant": "other" }));
    get(&other, "/v1/connections?tenant=default").is_problem(403, "FORBIDDEN");
    get(&good, "/v1/connections?tenant=other").is_problem(403, "FORBIDDEN");
    let stranger = KeyPair::generate_for(&PKCS_ED25519).expect("a key");
    for (name, token) in [
        ("audience", authority.token(&json!({ "aud": "https://other.example" }))),
        ("issuer", authority.token(&json!({ "iss": "https://id.example" }))),
        ("end", authority.token(&json!({ "exp": 1, "iat": 0 }))),
        ("no tenant", authority.token(&json!({ "tenant": null }))),
        ("tenant", authority.token(&json!({ "tenant": ["default"] }))),
        ("no name", authority.token(&json!({ "tenant": "../default" }))),
        // RFC 9449 §7.1: one that is bound to a key is no bearer token.
        (
            "bound",
            authority
                .token(&json!({ "cnf": { "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" } })),
        ),
        ("key", authority.signed_by(&stranger, &json!({}))),
        ("changed", good.replacen('.', ".x", 1)),
    ] {
        let refused = get(&token, "/v1/connections");
        assert_eq!(refused.status, 401, "{name}: {refused:?}");
        refused.is_problem(401, "UNAUTHORIZED");
        assert!(!refused.body.contains(&token), "{name}");
    }
    // An API key is as good beside it.
    let first = server.first_key.clone().expect("a first key");
    assert_eq!(get(&first, "/v1/connections").status, 200);
    let run = server.end().ok();
    assert!(!run.stderr.contains(&good), "R18: {run}");
}
