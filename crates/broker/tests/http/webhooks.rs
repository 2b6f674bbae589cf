//! Webhooks, from the event to the receiver.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use unlapse::tokio::TokioClock;
use unlapse::unlapse_core::{Secret, UnixTime};
use unlapse_broker::webhooks::{Post, SigningSecret, run};
use unlapse_broker::{EventKind, NewEvent, PrivateHosts};

use crate::rig::{Rig, id, serve, until};

type Seen = mpsc::UnboundedReceiver<(HeaderMap, String)>;

async fn receiver() -> (String, Seen) {
    let (seen, told) = mpsc::unbounded_channel();
    let take =
        async |State(seen): State<mpsc::UnboundedSender<_>>, headers: HeaderMap, body: String| {
            seen.send((headers, body)).expect("somebody listens");
        };
    (serve(Router::new().route("/hook", post(take)).with_state(seen)).await, told)
}

fn is_signed(headers: &HeaderMap, body: &str, secret: &str) {
    let text = |name: &str| headers[name].to_str().expect("text").to_owned();
    let at = UnixTime::from_secs(text("webhook-timestamp").parse().expect("seconds"));
    let secret = SigningSecret::parse(&Secret::new(secret)).expect("a secret");
    assert_eq!(text("webhook-signature"), secret.sign(&text("webhook-id"), at, body.as_bytes()));
}

#[tokio::test]
async fn standard_webhooks_what_happens_is_told_to_the_receiver() {
    // Of the node as well as of the API: the node sends.
    let rig = Rig::made(
        |settings| settings.private_webhooks = true,
        |options| options.private_webhooks = true,
    );
    let rig = rig.await;
    let (url, mut told) = receiver().await;
    let hook = json!({"url": format!("{url}/hook"), "kinds": ["connection.connected"]});
    let put = rig.ask("PUT", "/v1/webhooks/ops", Some(hook)).await;
    assert_eq!(put.status, 200, "{}", put.text());
    assert!(!put.text().contains("whsec_"));
    let drawn = rig.ask("POST", "/v1/webhooks/ops/secret", None).await;
    let secret = drawn.json()["secret"].as_str().expect("a secret").to_owned();
    assert_eq!(drawn.header("cache-control"), "no-store");

    let tested = rig.ask("POST", "/v1/webhooks/ops/test", None).await;
    assert_eq!(tested.json(), json!({"delivered": true}), "{}", tested.text());
    let (headers, body) = told.recv().await.expect("it arrived");
    is_signed(&headers, &body, &secret);

    let (stop, stopped) = oneshot::channel::<()>();
    let node = rig.broker.clone();
    let sending = tokio::spawn(async move {
        let until_told = async {
            let _ = stopped.await;
        };
        node.run(until_told).await;
    });
    let login = rig.bring("ada").await;
    let arrived = tokio::time::timeout(Duration::from_secs(15), told.recv()).await;
    let (headers, body) = arrived.expect("in time").expect("it arrived");
    is_signed(&headers, &body, &secret);
    let event: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(event["type"], "connection.connected");
    assert_eq!((&event["data"]["tenant"], &event["data"]["user"]), (&json!("shop"), &json!("ada")));
    for hidden in [&*login.access_token, &*login.refresh_token, &secret] {
        assert!(!body.contains(hidden));
    }
    let shown = rig.ask("GET", "/v1/webhooks/ops", None).await;
    assert!(shown.json()["deliveries"].is_array() && !shown.text().contains("whsec_"));
    stop.send(()).expect("it listens");
    sending.await.expect("it ends");
    assert_eq!(rig.ask("DELETE", "/v1/webhooks/ops", None).await.status, 204);
    rig.ask("GET", "/v1/webhooks/ops", None).await.is_problem(404, "NOT_FOUND");
}

#[tokio::test]
async fn whoever_names_a_receiver_reaches_nothing_inside() {
    let rig = Rig::new().await;
    let (url, mut told) = receiver().await;
    for bad in [
        format!("{url}/hook"),
        "https://localhost/".to_owned(),
        "https://169.254.169.254/".to_owned(),
    ] {
        let put = rig.ask("PUT", "/v1/webhooks/x", Some(json!({"url": bad}))).await;
        put.is_problem(400, "BAD_REQUEST");
    }
    assert!(told.try_recv().is_err());
}

#[tokio::test]
async fn a_receiver_that_hangs_takes_no_room_of_anothers() {
    const EVENTS: usize = 80;
    let rig = Rig::with(|options| options.private_webhooks = true).await;
    let (url, mut told) = receiver().await;
    let (release, held) = watch::channel(false);
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let hang = {
        let (now, most) = (Arc::clone(&now), Arc::clone(&most));
        async move || {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let _ = held.clone().wait_for(|released| *released).await;
            now.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let slow = serve(Router::new().route("/hook", post(hang))).await;
    for (name, url) in [("a-slow", slow), ("quick", url)] {
        let hook = json!({"url": format!("{url}/hook")});
        let put = rig.ask("PUT", &format!("/v1/webhooks/{name}"), Some(hook)).await;
        assert_eq!(put.status, 200, "{}", put.text());
    }
    let connected = |user: usize| NewEvent {
        kind: EventKind::Connected,
        id: id(&user.to_string()),
        code: None,
    };
    let tables = rig.broker.tables().clone();
    tables.tell((0..EVENTS).map(connected).collect()).await.expect("told");
    let (stop, stopped) = oneshot::channel::<()>();
    let sending = tokio::spawn(async move {
        let post = Post::new(PrivateHosts::every());
        let stop = async {
            let _ = stopped.await;
        };
        run(&tables, Arc::new(TokioClock::new()), post, stop).await;
    });
    let mut arrived = 0;
    until("the other one has its first", async || {
        while told.try_recv().is_ok() {
            arrived += 1;
        }
        arrived >= 8
    })
    .await;
    until("it has all the room that it may have", async || most.load(Ordering::SeqCst) == 8).await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(most.load(Ordering::SeqCst), 8, "and no more");
    assert_eq!(now.load(Ordering::SeqCst), 8);
    release.send_replace(true);
    stop.send(()).expect("it listens");
    sending.await.expect("it ends");
}
