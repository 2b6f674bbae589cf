//! Who may do what.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use unlapse::unlapse_core::UnixTime;

use crate::rig::{Rig, name, verbs};

const ADA: &str = "/v1/connections/ada/acme/main";

#[tokio::test]
async fn rfc6750_3_who_has_proven_nothing_is_challenged() {
    let rig = Rig::new().await;
    let bare = Request::builder().uri(ADA).body(Body::empty()).expect("a request");
    let answer = rig.send(bare).await;
    answer.is_problem(401, "UNAUTHORIZED");
    assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"unlapse\"");
    let wrong = rig.ask_as("ulk_wrong", "GET", ADA, None).await;
    wrong.is_problem(401, "UNAUTHORIZED");
    assert!(wrong.header("www-authenticate").contains("invalid_token"));
    assert!(!wrong.text().contains("ulk_wrong"));
    // No JWT is good where no issuer is trusted.
    rig.ask_as("a.b.c", "GET", ADA, None).await.is_problem(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn rfc6750_3_1_each_route_wants_its_verb_and_names_it() {
    let rig = Rig::new().await;
    rig.bring("ada").await;
    let none = rig.key("").await;
    for (method, path, verb) in [
        ("GET", ADA.to_owned(), "read"),
        ("PUT", ADA.to_owned(), "write"),
        ("DELETE", ADA.to_owned(), "write"),
        ("POST", format!("{ADA}/token"), "token"),
        ("POST", format!("{ADA}/refresh"), "write"),
        ("GET", format!("{ADA}/attempts"), "read"),
        ("GET", "/v1/connections".to_owned(), "read"),
        ("POST", "/v1/connect".to_owned(), "write"),
        ("GET", "/v1/events".to_owned(), "read"),
        ("GET", "/v1/webhooks".to_owned(), "admin"),
        ("PUT", "/v1/webhooks/a".to_owned(), "admin"),
        ("GET", "/v1/apps".to_owned(), "admin"),
        ("PUT", "/v1/apps/a".to_owned(), "admin"),
        ("GET", "/v1/api-keys".to_owned(), "admin"),
        ("POST", "/v1/api-keys".to_owned(), "admin"),
        ("GET", "/v1/tenants".to_owned(), "admin"),
    ] {
        let refused = rig.ask_as(&none, method, &path, Some(json!({}))).await;
        refused.is_problem(403, "FORBIDDEN");
        let challenge = refused.header("www-authenticate");
        assert!(challenge.contains(&format!("scope=\"{verb}\"")), "{method} {path}: {challenge}");
        // With it, this one would go on for ever.
        if path == "/v1/events" {
            continue;
        }
        let with = rig.key(verb).await;
        let answer = rig.ask_as(&with, method, &path, None).await;
        assert!(
            !answer.header("www-authenticate").contains("insufficient_scope"),
            "{method} {path}"
        );
        if method == "DELETE" {
            rig.bring("ada").await;
        }
    }
}

#[tokio::test]
async fn a_key_sees_its_tenant_alone() {
    let rig = Rig::new().await;
    rig.bring("ada").await;
    let tables = rig.broker.tables();
    let other = tables.make_api_key(Some(name("other")), "x", verbs("read token write"), None);
    let other = other.await.expect("a key").1.expose().to_owned();
    for (method, path) in [("GET", ADA.to_owned()), ("POST", format!("{ADA}/token"))] {
        rig.ask_as(&other, method, &path, None).await.is_problem(404, "ACCOUNT_NOT_FOUND");
        let named = format!("{path}?tenant=shop");
        rig.ask_as(&other, method, &named, None).await.is_problem(403, "FORBIDDEN");
        rig.ask_as(&rig.operator, method, &path, None).await.is_problem(400, "BAD_REQUEST");
        assert_eq!(rig.ask_as(&rig.operator, method, &named, None).await.status, 200);
    }
    let listed = rig.ask_as(&other, "GET", "/v1/connections", None).await;
    assert_eq!(listed.json()["connections"], json!([]));
}

#[tokio::test]
async fn a_key_is_shown_once_and_is_good_until_it_is_revoked() {
    let rig = Rig::new().await;
    let wanted = json!({"label": "ci", "verbs": ["read"], "expires_in": 60});
    let made = rig.ask("POST", "/v1/api-keys", Some(wanted)).await;
    assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"));
    let key = made.json()["key"].as_str().expect("a key").to_owned();
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(rig.ask_as(&key, "GET", "/v1/connections", None).await.status, 200);
    let listed = rig.ask("GET", "/v1/api-keys", None).await;
    assert!(listed.text().contains(&id) && !listed.text().contains(&key));
    assert_eq!(rig.ask("DELETE", &format!("/v1/api-keys/{id}"), None).await.status, 204);
    rig.ask_as(&key, "GET", "/v1/connections", None).await.is_problem(401, "UNAUTHORIZED");
    rig.ask("DELETE", &format!("/v1/api-keys/{id}"), None).await.is_problem(404, "NOT_FOUND");
    // Nobody makes keys beyond their own tenant, nor sees those of others.
    assert!(!listed.text().contains("operator"));
    let beyond = json!({"label": "x", "verbs": ["admin"]});
    rig.ask("POST", "/v1/api-keys?tenant=other", Some(beyond)).await.is_problem(403, "FORBIDDEN");
    rig.ask("GET", "/v1/tenants", None).await.is_problem(403, "FORBIDDEN");
    let ended = rig.broker.tables().make_api_key(
        Some(name("shop")),
        "ended",
        verbs("read"),
        Some(UnixTime::from_secs(1)),
    );
    let ended = ended.await.expect("a key").1.expose().to_owned();
    rig.ask_as(&ended, "GET", "/v1/connections", None).await.is_problem(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn guessing_keys_is_slowed_down_and_locks_nobody_out() {
    let (rig, elsewhere) = (Rig::new().await, Rig::new().await);
    assert_eq!(rig.ask("GET", "/v1/connections", None).await.status, 200);
    let (one, two, three) = (elsewhere.key("read"), elsewhere.key("read"), elsewhere.key("read"));
    let guesses = [one.await, two.await, three.await, elsewhere.key.clone()];
    for guess in 0..10 {
        let wrong = &guesses[guess % 4];
        rig.ask_as(wrong, "GET", ADA, None).await.is_problem(401, "UNAUTHORIZED");
    }
    let guess = |wrong| rig.ask_as(wrong, "GET", ADA, None);
    let [one, two, three, four] = &guesses;
    let all = tokio::join!(guess(one), guess(two), guess(three), guess(four));
    for slow in [&all.0, &all.1, &all.2] {
        slow.is_problem(401, "UNAUTHORIZED");
    }
    let crowd = &all.3;
    crowd.is_problem(429, "OVERLOADED");
    assert!(crowd.headers.contains_key("retry-after") && crowd.json()["retry_at"].is_string());
    // Who is right gets in: a key that this node knows, one that it does not, and what is no key.
    assert_eq!(rig.ask("GET", "/v1/connections", None).await.status, 200);
    let begun = std::time::Instant::now();
    let new = rig.key("read").await;
    assert_eq!(rig.ask_as(&new, "GET", "/v1/connections", None).await.status, 200);
    assert!(begun.elapsed() >= std::time::Duration::from_millis(500), "in its turn");
    let token = rig.ask_as("eyJ.no.key", "GET", ADA, None).await;
    token.is_problem(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_typing_error_is_no_guess() {
    let rig = Rig::new().await;
    let (key, end) = rig.key.split_at(rig.key.len() - 1);
    let mistyped = format!("{key}{}", if end == "A" { "B" } else { "A" });
    for _ in 0..20 {
        for wrong in [&mistyped, "ulk_", "ulk_x"] {
            rig.ask_as(wrong, "GET", ADA, None).await.is_problem(401, "UNAUTHORIZED");
        }
    }
    let elsewhere = Rig::new().await;
    let guess = || rig.ask_as(&elsewhere.key, "GET", ADA, None);
    let all = tokio::join!(guess(), guess(), guess(), guess());
    for wrong in [&all.0, &all.1, &all.2, &all.3] {
        wrong.is_problem(401, "UNAUTHORIZED");
    }
}
