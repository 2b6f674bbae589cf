//! `GET /v1/events` over real sockets.

use std::time::Duration;

use serde_json::Value;
use unlapse_broker::{EventKind, NewEvent};

use crate::rig::{Rig, id, name, serve};

/// A client of server-sent events.
struct Listener {
    response: reqwest::Response,
    buffer: String,
}

impl Listener {
    async fn open(url: &str, key: &str, after: Option<u64>) -> Self {
        let mut request = reqwest::Client::new().get(format!("{url}/v1/events")).bearer_auth(key);
        if let Some(after) = after {
            request = request.header("last-event-id", after);
        }
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, buffer: String::new() }
    }

    /// The next event: its number, and what it says. Comments and the like are passed over.
    async fn next(&mut self) -> Option<(u64, Value)> {
        loop {
            while let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                let event = field("id: ").map(|number| {
                    let data = serde_json::from_str(field("data: ").expect("data")).expect("JSON");
                    (number.parse().expect("a number"), data)
                });
                self.buffer = String::from(rest);
                if event.is_some() {
                    return event;
                }
            }
            let piece = tokio::time::timeout(Duration::from_secs(10), self.response.chunk()).await;
            let piece = piece.expect("in time").ok()??;
            self.buffer.push_str(core::str::from_utf8(&piece).expect("text"));
        }
    }
}

async fn tell(rig: &Rig, user: &str) {
    let event = NewEvent { kind: EventKind::Recovered, id: id(user), code: None };
    rig.broker.tables().tell(vec![event]).await.expect("told");
}

#[tokio::test]
async fn a_client_goes_on_at_another_node_and_misses_nothing() {
    let rig = Rig::new().await;
    let (first, second) = (serve(rig.router.clone()).await, serve(rig.another().await).await);
    tell(&rig, "before").await;
    let mut listener = Listener::open(&first, &rig.key, None).await;
    tell(&rig, "ada").await;
    let (number, event) = listener.next().await.expect("an event");
    assert_eq!(
        (&event["type"], &event["data"]["user"]),
        (&"connection.recovered".into(), &"ada".into())
    );
    drop(listener);
    for user in ["bob", "eve"] {
        tell(&rig, user).await;
    }
    let mut listener = Listener::open(&second, &rig.key, Some(number)).await;
    for (offset, user) in [(1, "bob"), (2, "eve")] {
        let (next, event) = listener.next().await.expect("an event");
        assert_eq!((next, &event["data"]["user"]), (number + offset, &user.into()));
    }
    // From the beginning of what is kept.
    let mut listener = Listener::open(&second, &rig.key, Some(0)).await;
    assert_eq!(listener.next().await.expect("an event").1["data"]["user"], "before");
}

#[tokio::test]
async fn listeners_are_bounded_and_end_when_the_node_does() {
    let rig = Rig::with(|options| options.listeners = 1).await;
    let url = serve(rig.router.clone()).await;
    let mut listener = Listener::open(&url, &rig.key, None).await;
    rig.ask("GET", "/v1/events", None).await.is_problem(503, "OVERLOADED");
    rig.options.draining.begin();
    assert!(listener.next().await.is_none(), "the stream ends");
    rig.ask("GET", "/v1/events", None).await.is_problem(503, "OVERLOADED");
}

#[tokio::test]
async fn a_client_that_is_gone_makes_room() {
    let rig = Rig::with(|options| options.listeners = 1).await;
    let url = serve(rig.router.clone()).await;
    drop(Listener::open(&url, &rig.key, None).await);
    crate::rig::until("there is room again", async || {
        let request = reqwest::Client::new().get(format!("{url}/v1/events")).bearer_auth(&rig.key);
        request.send().await.is_ok_and(|response| response.status() == 200)
    })
    .await;
}

#[tokio::test]
async fn nobody_hears_of_another_tenant() {
    let rig = Rig::new().await;
    let url = serve(rig.router.clone()).await;
    let tables = rig.broker.tables();
    let other = tables.make_api_key(Some(name("other")), "x", crate::rig::verbs("read"), None);
    let other = other.await.expect("a key").1.expose().to_owned();
    let mut listener = Listener::open(&url, &other, Some(0)).await;
    tell(&rig, "ada").await;
    let mut own = id("eve");
    own.tenant = name("other");
    let event = NewEvent { kind: EventKind::Removed, id: own, code: None };
    tables.tell(vec![event]).await.expect("told");
    assert_eq!(listener.next().await.expect("an event").1["data"]["user"], "eve");
    let mut operator = Listener::open(&url, &rig.operator, Some(0)).await;
    assert_eq!(operator.next().await.expect("an event").1["data"]["user"], "ada");
}

#[tokio::test]
async fn a_key_that_was_revoked_hears_no_more() {
    let rig = Rig::new().await;
    let url = serve(rig.router.clone()).await;
    let wanted = serde_json::json!({"label": "ci", "verbs": ["read"]});
    let made = rig.ask("POST", "/v1/api-keys", Some(wanted)).await.json();
    let mut listener = Listener::open(&url, made["key"].as_str().expect("a key"), None).await;
    tell(&rig, "ada").await;
    assert_eq!(listener.next().await.expect("an event").1["data"]["user"], "ada");
    let path = format!("/v1/api-keys/{}", made["id"].as_str().expect("an id"));
    assert_eq!(rig.ask("DELETE", &path, None).await.status, 204);
    assert!(listener.next().await.is_none(), "the stream ends");
}
