//! OpenID Connect: the ID token and `/userinfo`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use unlapse_core::{BoxFuture, Secret};
use unlapse_issuer::{Algorithm, Claims, Client, MemoryClients, Place, Unavailable, Wanted};

use crate::browser::{Browser, Page};
use crate::world::{CALLBACK, World, authorize, scopes};

/// Says an address to who may know it, and more than it should.
struct Host;

impl Claims for Host {
    fn of<'a>(
        &'a self,
        wanted: Wanted<'a>,
    ) -> BoxFuture<'a, Result<Map<String, Value>, Unavailable>> {
        Box::pin(async move {
            let mut claims = Map::new();
            if wanted.scopes.contains("email") {
                claims.insert("email".to_owned(), format!("{}@b.example", wanted.subject).into());
            }
            claims.insert("place".to_owned(), (wanted.place == Place::IdToken).into());
            for name in ["sub", "iss", "aud", "exp", "nonce", "sid", "at_hash"] {
                claims.insert(name.to_owned(), "somebody else".into());
            }
            Ok(claims)
        })
    }
}

/// A host that is away.
struct Away;

impl Claims for Away {
    fn of<'a>(&'a self, _: Wanted<'a>) -> BoxFuture<'a, Result<Map<String, Value>, Unavailable>> {
        Box::pin(async { Err(Unavailable { retry_after: Duration::from_secs(7) }) })
    }
}

async fn log_in(world: &World, changed: &[(&str, &str)]) -> Page {
    let mut browser = Browser::logged_in(world).await;
    world.redeem(&browser.get(&authorize(changed)).await.code()).await
}

/// Header and claims of a token whose signature the published key confirms.
fn opened(world: &World, token: &str) -> (Value, Value) {
    let (message, signature) = token.rsplit_once('.').expect("a JWT");
    let (header, claims) = message.split_once('.').expect("a JWT");
    let part = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("base64url");
    let json = |text: &str| -> Value { serde_json::from_slice(&part(text)).expect("JSON") };
    let (header, claims) = (json(header), json(claims));
    let jwks = world.issuer.jwks();
    let algorithm = Algorithm::parse(header["alg"].as_str().expect("text")).expect("known");
    let key = jwks.find(header["kid"].as_str().expect("text"), algorithm).expect("published");
    assert!(key.key().verifies(message.as_bytes(), &part(signature)));
    (header, claims)
}

#[tokio::test]
async fn oidc_2_an_id_token_says_who_logged_in_and_when() {
    for algorithm in Algorithm::ALL {
        let world = World::with(|builder| builder.algorithm(algorithm));
        let mut browser = Browser::logged_in(&world).await;
        world.pass(Duration::from_secs(100));
        let asked = authorize(&[("scope", "openid read"), ("nonce", "n-\"1")]);
        let granted = world.redeem(&browser.get(&asked).await.code()).await;
        let (header, claims) = opened(&world, &granted.text("id_token"));
        assert_eq!((&header["typ"], &header["alg"]), (&json!("JWT"), &json!(algorithm.as_str())));
        let access = world.issuer.verify(&granted.text("access_token")).expect("good");
        let at_hash = claims["at_hash"].as_str().expect("text").to_owned();
        assert_eq!(at_hash.len(), if algorithm == Algorithm::EdDsa { 43 } else { 22 });
        let expected = json!({
            "iss": "https://id.example", "sub": "user-1", "aud": "app", "nonce": "n-\"1",
            "iat": 1_700_000_100, "exp": 1_700_001_001, "auth_time": 1_700_000_000,
            "at_hash": at_hash, "sid": access.sid,
        });
        assert_eq!(claims, expected);
    }
}

/// OpenID Connect Registration §2, `id_token_signed_response_alg`.
#[tokio::test]
async fn oidc_registration_2_a_client_has_id_tokens_signed_as_it_wants() {
    let clients = || {
        let app = Client::public("app")
            .with_scopes(scopes("openid read"))
            .with_redirect_uris([CALLBACK])
            .with_first_party()
            .with_id_token_alg(Algorithm::Rs256);
        Arc::new(MemoryClients::new([app]))
    };
    let world =
        World::opened(|builder| builder.clients(clients()).other_algorithms([Algorithm::Rs256]))
            .await;
    let granted = log_in(&world, &[("scope", "openid")]).await;
    let (header, claims) = opened(&world, &granted.text("id_token"));
    assert_eq!(header["alg"], "RS256");
    assert_eq!(claims["at_hash"].as_str().map(str::len), Some(22), "by the ID token's hash");
    let (header, _) = opened(&world, &granted.text("access_token"));
    assert_eq!(header["alg"], "EdDSA");
    // Without such a key there is no verdict, and the code is not spent.
    let world = World::opened(|builder| builder.clients(clients())).await;
    let refused = log_in(&world, &[("scope", "openid")]).await;
    assert_eq!((refused.status, refused.text("code")), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(log_in(&world, &[("scope", "read")]).await.status, 200, "nothing to sign with it");
}

#[tokio::test]
async fn oidc_3_1_2_1_without_openid_there_is_no_id_token() {
    let world = World::new();
    let granted = log_in(&world, &[("nonce", "n")]).await;
    assert_eq!(granted.status, 200);
    assert_eq!(granted.json().get("id_token"), None);
}

#[tokio::test]
async fn oidc_2_an_id_token_is_no_access_token_and_the_other_way_round() {
    let world = World::new();
    let granted = log_in(&world, &[("scope", "openid")]).await;
    assert!(world.issuer.verify(&granted.text("id_token")).is_err());
    let (header, _) = opened(&world, &granted.text("access_token"));
    assert_eq!(header["typ"], "at+jwt");
}

async fn user_info(world: &World, authorization: &str) -> Page {
    let request = Request::get("/userinfo").header("authorization", authorization);
    world.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn oidc_5_3_userinfo_says_what_the_client_may_know() {
    let world = World::with(|builder| builder.claims(Arc::new(Host)));
    let granted = log_in(&world, &[("scope", "openid email")]).await;
    let (_, claims) = opened(&world, &granted.text("id_token"));
    assert_eq!((&claims["email"], &claims["place"]), (&json!("user-1@b.example"), &json!(true)));
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("user-1"), &json!("app")));
    assert_eq!(claims["iss"], "https://id.example");
    assert_eq!(claims.get("nonce"), None);
    let access_token = granted.text("access_token");
    let bearer = format!("Bearer {access_token}");
    let info = user_info(&world, &bearer).await;
    assert_eq!((info.status, info.header("cache-control")), (200, "no-store"));
    let expected = json!({"sub": "user-1", "email": "user-1@b.example", "place": false});
    assert_eq!(info.json(), expected);
    let request = Request::post("/userinfo").header("authorization", &bearer);
    let posted = world.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(posted.json(), expected);
    let without = log_in(&world, &[("scope", "openid")]).await;
    let bearer = format!("bearer {}", without.text("access_token"));
    assert_eq!(user_info(&world, &bearer).await.json(), json!({"sub": "user-1", "place": false}));
}

#[tokio::test]
async fn oidc_5_3_a_client_reads_nobodys_claims_with_a_token_of_its_own() {
    // Even when somebody is called as the client is.
    let world = World::with(|builder| {
        let client = Client::confidential("user-1", &Secret::new("s3cret"));
        let client = client.with_scopes(scopes("openid email"));
        builder.claims(Arc::new(Host)).clients(Arc::new(MemoryClients::new([client])))
    });
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "user-1"),
        ("client_secret", "s3cret"),
        ("scope", "openid email"),
    ];
    let token = world.token(&form).await.text("access_token");
    let page = user_info(&world, &format!("Bearer {token}")).await;
    assert_eq!(page.refusal(), (401, "token_invalid".to_owned()));
}

#[tokio::test]
async fn rfc6750_3_1_userinfo_refuses_in_the_words_of_the_rfc() {
    let world = World::new();
    let granted = log_in(&world, &[("scope", "openid")]).await;
    let access_token = granted.text("access_token");
    let long = format!("Bearer {}", "x".repeat(20_000));
    let basic = format!("Basic {access_token}");
    let id_token = format!("Bearer {}", granted.text("id_token"));
    // §3.1: a request without any token is told no error.
    let none = "Bearer";
    let invalid = "Bearer error=\"invalid_token\"";
    let malformed = "Bearer error=\"invalid_request\"";
    let rows = [
        ("", none),
        (basic.as_str(), none),
        ("Bearer", malformed),
        ("Bearer ", malformed),
        ("Bearer a b", malformed),
        ("Bearer x", invalid),
        ("Bearer a.b.c", invalid),
        (long.as_str(), invalid),
        (id_token.as_str(), invalid),
    ];
    for (bad, challenge) in rows {
        let page = user_info(&world, bad).await;
        assert_eq!(page.refusal(), (401, "token_invalid".to_owned()), "{bad}");
        let told = page.header("www-authenticate");
        assert!(told == challenge || told.starts_with(&format!("{challenge},")), "{bad}: {told}");
    }
    let request = Request::get(format!("/userinfo?access_token={access_token}"));
    let page = world.send(request.body(Body::empty()).expect("a request")).await;
    assert_eq!(page.status, 401, "never in an address");
    let without = log_in(&world, &[("scope", "read")]).await;
    let page = user_info(&world, &format!("Bearer {}", without.text("access_token"))).await;
    assert_eq!(page.refusal(), (403, "scope_insufficient".to_owned()));
    let challenge = page.header("www-authenticate");
    assert_eq!(challenge, "Bearer error=\"insufficient_scope\", scope=\"openid\"");
    // A session that was ended says no more.
    let form = [("client_id", "app"), ("token", access_token.as_str())];
    assert_eq!(world.post("/revoke", &form).await.status, 200);
    assert_eq!(user_info(&world, &format!("Bearer {access_token}")).await.status, 401);
}

#[tokio::test]
async fn a_host_that_is_away_costs_no_login() {
    let world = World::with(|builder| builder.claims(Arc::new(Away)));
    let mut browser = Browser::logged_in(&world).await;
    let code = browser.get(&authorize(&[("scope", "openid")])).await.code();
    let page = world.redeem(&code).await;
    assert_eq!(
        (page.refusal(), page.header("retry-after")),
        ((503, "temporarily_unavailable".to_owned()), "7")
    );
    assert_eq!(world.issuer.counts().sessions_opened, 0);
    // The code is not spent: asking again is the same answer, and no reuse.
    assert_eq!(world.redeem(&code).await.status, 503);
}

#[tokio::test]
async fn a_device_has_an_id_token_too() {
    let world = World::new();
    let form = [("client_id", "cli"), ("scope", "openid")];
    let begun = world.post("/device_authorization", &form).await;
    let mut browser = Browser::logged_in(&world).await;
    let page = browser.get("/device").await;
    let page = browser.submit(&page, &[("user_code", &begun.text("user_code"))]).await;
    browser.submit(&page, &[("decision", "allow")]).await;
    let device_code = begun.text("device_code");
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "cli"),
        ("device_code", &device_code),
    ];
    let (_, claims) = opened(&world, &world.token(&form).await.text("id_token"));
    assert_eq!((&claims["sub"], &claims["aud"]), (&json!("user-1"), &json!("cli")));
    assert_eq!(claims["auth_time"], 1_700_000_000);
}
