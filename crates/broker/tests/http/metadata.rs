//! What a provider says of a connection beside its tokens.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse as _;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use unlapse_broker::Broker;
use url::form_urlencoded;

use crate::rig::{Rig, send_as, serve, until};

const ADA: &str = "/v1/connections/ada/talks/main";

/// A provider that says of each login which team it is of, when it is let.
struct Talking {
    url: String,
    asked: Arc<AtomicUsize>,
    let_go: Arc<Semaphore>,
}

impl Talking {
    /// So many of its first replies are that it is away.
    async fn new(away: usize) -> Self {
        let (asked, let_go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (seen, gate) = (Arc::clone(&asked), Arc::clone(&let_go));
        let answer = move |body: String| async move {
            let nth = seen.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.expect("open").forget();
            if nth < away {
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
            let mut form = form_urlencoded::parse(body.as_bytes());
            let (_, login) = form.find(|(name, _)| name == "refresh_token").expect("a login");
            let token = json!({
                "access_token": "at", "refresh_token": login, "expires_in": 3600,
                "team": format!("team of {login}"),
            });
            ([(header::CONTENT_TYPE, "application/json")], token.to_string()).into_response()
        };
        Self { url: serve(Router::new().fallback(answer)).await, asked, let_go }
    }
}

fn login(name: &str, metadata: &Value) -> Value {
    json!({"access_token": "at", "expires_in": 3600, "refresh_token": name, "metadata": metadata})
}

async fn node(rig: &mut Rig, talking: &Talking) -> Broker {
    let node = rig.another_node_at(&talking.url).await;
    rig.router = unlapse_broker::http::router(node.clone(), rig.options.clone());
    let app = json!({"provider": "talking", "client_id": "cid"});
    assert_eq!(rig.ask("PUT", "/v1/apps/talks", Some(app)).await.status, 200);
    node
}

async fn metadata(rig: &Rig) -> Value {
    rig.ask("GET", ADA, None).await.json()["metadata"].take()
}

#[tokio::test]
async fn i1_what_a_provider_says_is_added_to_what_was_brought() {
    let (mut rig, talking) = (Rig::new().await, Talking::new(0).await);
    let node = node(&mut rig, &talking).await;
    let brought = login("first", &json!({"team": "unknown", "note": "ours"}));
    assert_eq!(rig.ask("PUT", ADA, Some(brought)).await.status, 200);
    talking.let_go.add_permits(1);
    assert_eq!(rig.ask("POST", &format!("{ADA}/refresh"), None).await.status, 200);
    // What is noted is written at the latest when the node ends.
    node.run(async {}).await;
    assert_eq!(metadata(&rig).await, json!({"team": "team of first", "note": "ours"}));
}

/// The newer login is brought while a renewal of the earlier one is under way: before its only request,
/// or between two.
#[tokio::test]
async fn i1_what_is_said_of_an_earlier_login_changes_nothing_that_a_newer_one_has_brought() {
    for away in [0, 1] {
        let (mut rig, talking) = (Rig::new().await, Talking::new(away).await);
        let node = node(&mut rig, &talking).await;
        let first = login("first", &json!({"team": "first"}));
        assert_eq!(rig.ask("PUT", ADA, Some(first)).await.status, 200);
        let (router, key) = (rig.router.clone(), rig.key.clone());
        let tries = json!({"max_retries": 1, "initial_delay_ms": 50, "max_delay_ms": 50});
        let refreshing = tokio::spawn(async move {
            send_as(&router, &key, "POST", &format!("{ADA}/refresh"), Some(tries)).await
        });
        until("it is asked", async || talking.asked.load(Ordering::SeqCst) == 1).await;
        let (router, key) = (rig.router.clone(), rig.key.clone());
        let bringing = tokio::spawn(async move {
            let second = login("second", &json!({"team": "second"}));
            send_as(&router, &key, "PUT", ADA, Some(second)).await
        });
        until("it is brought", async || metadata(&rig).await["team"] == "second").await;
        talking.let_go.add_permits(2);
        let refreshed = refreshing.await.expect("an answer");
        assert_eq!(refreshed.status, 200, "{}", refreshed.text());
        let brought = bringing.await.expect("an answer");
        assert_eq!(brought.status, 200, "{}", brought.text());
        node.run(async {}).await;
        assert_eq!(talking.asked.load(Ordering::SeqCst), away + 1);
        assert_eq!(metadata(&rig).await, json!({"team": "second"}), "{away}");
    }
}
