//! `/v1/connections`: brought, seen, listed, renewed, handed out and removed.

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};
use unlapse_parts::Fault;

use crate::rig::Rig;
use crate::watched::watched;

const ADA: &str = "/v1/connections/ada/acme/main";

#[tokio::test]
async fn i1_a_connection_is_brought_seen_and_removed_and_never_shows_a_secret() {
    let rig = Rig::new().await;
    let login = rig.bring("ada").await;
    let seen = rig.ask("GET", ADA, None).await;
    assert_eq!(seen.status, 200);
    let json = seen.json();
    assert_eq!((&json["state"], &json["generation"]), (&json!("active"), &json!(1)));
    assert_eq!(json["tenant"], "shop");
    assert!(json["access_expires_at"].is_string() && json["due_at"].is_string());
    for secret in [&*login.access_token, &*login.refresh_token] {
        assert!(!seen.text().contains(secret));
    }
    assert_eq!(rig.ask("DELETE", ADA, None).await.status, 204);
    rig.ask("GET", ADA, None).await.is_problem(404, "ACCOUNT_NOT_FOUND");
    rig.ask("DELETE", ADA, None).await.is_problem(404, "ACCOUNT_NOT_FOUND");
    assert_eq!(rig.provider.tally().revocations, 1, "it was revoked at the provider");
}

#[tokio::test]
async fn i3_a_token_leaves_in_a_post_reply_that_nobody_keeps() {
    let rig = Rig::new().await;
    let login = rig.bring("ada").await;
    let token = rig.ask("POST", &format!("{ADA}/token"), None).await;
    assert_eq!(token.status, 200, "{}", token.text());
    assert_eq!(token.json()["access_token"], *login.access_token);
    assert_eq!(token.json()["token_type"], "Bearer");
    assert_eq!((token.header("cache-control"), token.header("pragma")), ("no-store", "no-cache"));
    let forced = rig.ask("POST", &format!("{ADA}/token"), Some(json!({"force": true}))).await;
    assert_eq!(forced.json()["generation"], 2, "{}", forced.text());
    assert!(rig.provider.is_valid(forced.json()["access_token"].as_str().expect("a token")));
    rig.ask("GET", &format!("{ADA}/token"), None).await.is_problem(405, "BAD_REQUEST");
}

#[tokio::test]
async fn i2_a_renewal_that_fails_says_how_often_it_was_tried() {
    let rig = Rig::new().await;
    rig.bring("ada").await;
    rig.provider.fail_next([Fault::Unavailable, Fault::Unavailable]);
    let tries = json!({"max_retries": 1, "initial_delay_ms": 10, "max_delay_ms": 10});
    let failed = rig.ask("POST", &format!("{ADA}/refresh"), Some(tries)).await;
    failed.is_problem(503, "PROVIDER_DOWN");
    let problem = failed.json();
    assert_eq!(problem["attempts"], 2);
    assert_eq!(problem["account"], json!({"user": "ada", "provider": "acme", "account": "main"}));
    let renewed = rig.ask("POST", &format!("{ADA}/refresh"), None).await;
    assert_eq!(renewed.json()["generation"], 2, "{}", renewed.text());
}

#[tokio::test]
async fn rfc8288_lists_go_on_where_the_part_before_has_ended() {
    let rig = Rig::new().await;
    for user in ["a", "b", "c", "d%2Fe", "%C3%A4"] {
        rig.bring(user).await;
    }
    let mut users: Vec<Value> = Vec::new();
    let mut path = "/v1/connections?limit=2".to_owned();
    for _ in 0..5 {
        let part = rig.ask("GET", &path, None).await;
        assert_eq!(part.status, 200, "{}", part.text());
        let json = part.json();
        let connections = json["connections"].as_array().expect("a list");
        assert!(connections.len() <= 2);
        users.extend(connections.iter().map(|connection| connection["user"].clone()));
        let Some(cursor) = json["next"].as_str() else { break };
        let link = part.header("link");
        let next = link.strip_prefix('<').and_then(|link| link.split_once('>')).expect("a link");
        assert_eq!(next.1, "; rel=\"next\"");
        assert!(next.0.contains(cursor) && next.0.contains("limit=2"));
        path = next.0.to_owned();
    }
    assert_eq!(users, ["a", "b", "c", "d/e", "ä"]);
    let one = rig.ask("GET", "/v1/connections?user=b&state=active&provider=acme", None).await;
    assert_eq!(one.json()["connections"].as_array().map(Vec::len), Some(1));
    let none = rig.ask("GET", "/v1/connections?state=needs_user", None).await;
    assert_eq!(none.json()["connections"], json!([]));
}

#[tokio::test]
async fn i6_what_was_tried_is_told_the_newest_first() {
    let rig = Rig::new().await;
    rig.bring("ada").await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let node = rig.broker.clone();
    let working = tokio::spawn(async move {
        node.run(async {
            let _ = stopped.await;
        })
        .await;
    });
    rig.provider.fail_next([Fault::Unavailable]);
    let tries = json!({"max_retries": 1, "initial_delay_ms": 10});
    assert_eq!(rig.ask("POST", &format!("{ADA}/refresh"), Some(tries)).await.status, 200);
    crate::rig::until("both are told", async || {
        let told = rig.ask("GET", &format!("{ADA}/attempts"), None).await;
        told.json()["attempts"].as_array().is_some_and(|attempts| attempts.len() == 2)
    })
    .await;
    let told = rig.ask("GET", &format!("{ADA}/attempts?limit=1"), None).await.json();
    assert_eq!(told["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!(told["attempts"][0]["code"], Value::Null, "{told}");
    rig.ask("GET", "/v1/connections/eve/acme/main/attempts", None)
        .await
        .is_problem(404, "ACCOUNT_NOT_FOUND");
    stop.send(()).expect("it listens");
    working.await.expect("it ends");
}

#[tokio::test]
async fn a_connection_never_says_where_the_apps_secret_goes() {
    let rig = Rig::new().await;
    let app = json!({"provider": "own-host", "client_id": "cid", "client_secret": "canary"});
    assert_eq!(rig.ask("PUT", "/v1/apps/own", Some(app)).await.status, 200);
    let own = "/v1/connections/ada/own/main";
    let host = json!({"refresh_token": "rt", "metadata": {"host": "evil.example"}});
    rig.ask("PUT", own, Some(host)).await.is_problem(400, "BAD_REQUEST");
    rig.ask("GET", own, None).await.is_problem(404, "ACCOUNT_NOT_FOUND");
    let shop = json!({"refresh_token": "rt", "metadata": {"shop": "1"}});
    assert_eq!(rig.ask("PUT", own, Some(shop)).await.status, 200, "a part of the path may differ");
    let line = |user: &str, name: &str| {
        let metadata = json!({name: "evil.example"});
        json!({"user": user, "provider": "own", "account": "main", "refresh_token": "rt",
            "metadata": metadata})
    };
    let request = Request::post("/v1/imports?id=first")
        .header(header::AUTHORIZATION, format!("Bearer {}", rig.key))
        .header(header::CONTENT_TYPE, "application/x-ndjson")
        .body(Body::from(format!("{}\n{}\n", line("eve", "host"), line("bob", "shop"))));
    let brought = rig.send(request.expect("a request")).await.json();
    assert_eq!((&brought["brought"], &brought["refused"]), (&1.into(), &1.into()), "{brought}");
}

#[tokio::test]
async fn a_login_that_is_brought_anew_is_renewed_where_it_says() {
    let (stand_in, asked) = watched().await;
    let mut rig = Rig::new().await;
    // Two nodes: each has had the connection in memory.
    rig.router = rig.another_at(&stand_in).await;
    let mut other = rig.another_at(&stand_in).await;
    let app = json!({"provider": "own-host", "client_id": "cid"});
    assert_eq!(rig.ask("PUT", "/v1/apps/shops", Some(app)).await.status, 200);
    let ada = "/v1/connections/ada/shops/main";
    for shop in ["first", "second"] {
        let brought = json!({"refresh_token": "rt", "metadata": {"shop": shop}});
        assert_eq!(rig.ask("PUT", ada, Some(brought)).await.status, 200);
        for _ in 0..2 {
            let refreshed = rig.ask("POST", &format!("{ada}/refresh"), None).await;
            assert_eq!(refreshed.status, 200, "{}", refreshed.text());
            std::mem::swap(&mut rig.router, &mut other);
        }
        let asked = std::mem::take(&mut *asked.lock().expect("not poisoned"));
        let expected = format!("/acme.example/{shop}/token");
        assert!(!asked.is_empty() && asked.iter().all(|(path, _)| *path == expected), "{asked:?}");
    }
}
