//! Whoever registers an app has the broker ask nothing that only the broker can reach (OWASP: server-side
//! request forgery).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::net::TcpListener;
use unlapse::unlapse_core::Secret;
use unlapse::unlapse_oauth::provider::Catalogue;
use unlapse_broker::{
    Actor, App, Callback, Code, ConnectionId, PrivateHosts, Settings, State, Wanted,
};
use url::Url;

use crate::rig::{Rig, name};

/// A provider that every app has at a place of its own: nothing of it is rehearsed.
const CATALOGUE: &str = r#"
[own]
name = "A server of one's own"
sources = ["https://acme.example/docs"]
date = "2026-11-21"
reuse = "strict"
variables = { host = { about = "Where it is" } }
authorization = { url = "https://acme.example/authorize" }
token = { url = "https://{host}/node/token" }
revocation = { url = "https://{host}/node/revoke" }
"#;

fn own(settings: &mut Settings) {
    settings.catalogue = Catalogue::parse(CATALOGUE).expect("a catalogue");
}

/// Something inside that counts who comes.
async fn inside() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            drop(connection);
        }
    });
    (port, connections)
}

fn id(app: &str) -> ConnectionId {
    ConnectionId::new(name("shop"), "ada", name(app), "main").expect("an id")
}

/// The app as it is registered without anybody's asking, as it may have been before there was a rule.
async fn registered(rig: &Rig, app: &str, host: &str) {
    let app = App {
        tenant: name("shop"),
        name: name(app),
        provider: name("own"),
        client_id: "shop".to_owned(),
        client_secret: Some(Secret::new("canary-app-secret")),
        scopes: Vec::new(),
        params: BTreeMap::from([("host".to_owned(), host.to_owned())]),
        return_to: Vec::new(),
        changed_at: rig.broker.clock(),
    };
    rig.broker.tables().put_app(&app).await.expect("an app");
}

#[tokio::test]
async fn owasp_ssrf_an_app_at_a_host_inside_is_refused() {
    let rig = Rig::over(own).await;
    let put = async |host: &str| {
        let app = json!({"provider": "own", "client_id": "cid", "params": {"host": host}});
        rig.ask("PUT", "/v1/apps/own", Some(app)).await
    };
    for host in [
        "127.0.0.1",
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "localhost",
        "169.254.169.254",
        "10.0.0.1:8443",
        "2130706433",
        "0x7f.1",
        "postgres",
    ] {
        let refused = put(host).await;
        refused.is_problem(400, "BAD_REQUEST");
        assert!(refused.text().contains("`params`"), "{host}: {}", refused.text());
    }
    for host in ["id.acme.example", "https://id.acme.example:8443", "1.1.1.1"] {
        assert_eq!(put(host).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn owasp_ssrf_nothing_is_sent_inside_and_nothing_is_lost_by_it() {
    let rig = Rig::over(own).await;
    let (port, connections) = inside().await;
    let by = Actor { tenant: Some(name("shop")), name: "tests".to_owned() };
    for (app, host) in [
        ("literal", format!("http://127.0.0.1:{port}")),
        ("secure", format!("127.0.0.1:{port}")),
        ("named", format!("http://localhost:{port}")),
        ("metadata", "169.254.169.254".to_owned()),
    ] {
        registered(&rig, app, &host).await;
        let place = format!("/v1/connections/ada/{app}/main");
        let tokens =
            json!({"access_token": "at", "refresh_token": "canary-rt", "expires_in": 3600});
        assert_eq!(rig.ask("PUT", &place, Some(tokens)).await.status, 200, "{app}");
        // More often than opens a circuit (R16).
        for _ in 0..7 {
            let once = json!({"max_retries": 0});
            let refused = rig.ask("POST", &format!("{place}/refresh"), Some(once)).await;
            refused.is_problem(502, "HOST_REFUSED");
            assert!(!refused.text().contains("canary"), "{}", refused.text());
        }
        let in_trouble = rig.broker.circuits().in_trouble();
        assert!(in_trouble.is_empty(), "{app}: nobody was asked: {in_trouble:?}");
        let connection = rig.broker.connection(&id(app)).await.expect("it is there");
        assert_eq!(connection.state, State::Active, "{app}");
        assert_eq!(connection.failing.map(|failing| failing.code), Some(Code::HostRefused));
        let token = rig.ask("POST", &format!("{place}/token"), Some(json!({}))).await;
        assert_eq!(
            token.json()["access_token"],
            "at",
            "{app}: a valid one is never withheld (R10)"
        );

        // A code is worth as much as a token.
        let public_url: Url = "https://broker.example".parse().expect("a URL");
        let wanted =
            Wanted { id: id(app), scopes: Vec::new(), return_to: None, params: BTreeMap::new() };
        let sent_to = rig.broker.connect(wanted, &public_url, &by).await.expect("a URL");
        let state = sent_to.query_pairs().find(|(name, _)| name == "state").expect("a state").1;
        let back = [("state", &*state), ("code", "canary-code")];
        let params = back.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let callback = Callback { tenant: "shop".to_owned(), app: app.to_owned(), params };
        let refused = rig.broker.connected(callback).await;
        assert_eq!(refused.expect_err("it is inside").code, Code::HostRefused, "{app}");

        // The end of it is not told there, either.
        assert_eq!(rig.ask("DELETE", &place, None).await.status, 204, "{app}");
    }
    assert_eq!(connections.load(Ordering::Relaxed), 0, "not even a connection was made");
}

#[tokio::test]
async fn what_the_operator_allows_inside_is_asked() {
    let allow = |settings: &mut Settings| {
        own(settings);
        settings.private_hosts = PrivateHosts::parse(["127.0.0.0/8"]).expect("hosts");
    };
    let rig = Rig::over(allow).await;
    let host = rig.provider.url();
    let app = json!({"provider": "own", "client_id": "shop", "client_secret": "s",
        "params": {"host": host}});
    assert_eq!(rig.ask("PUT", "/v1/apps/acme", Some(app)).await.status, 200);
    let login = rig.bring("ada").await;
    let place = "/v1/connections/ada/acme/main";
    let renewed = rig.ask("POST", &format!("{place}/token"), Some(json!({"force": true}))).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text());
    assert_ne!(renewed.json()["access_token"], login.access_token.as_str());
    // Webhooks go there as well, and nowhere else inside.
    let put = async |url: &str| {
        rig.ask("PUT", "/v1/webhooks/ops", Some(json!({"url": url}))).await.status.as_u16()
    };
    assert_eq!(put("https://127.0.0.1:8443/").await, 200);
    assert_eq!(put("https://10.0.0.1/").await, 400);
    assert_eq!(put("http://127.0.0.1:8080/").await, 400, "in clear it is read on the way");
}
