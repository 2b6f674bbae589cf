//! What opens the circuit of an app, and what says nothing of it (R16).

use std::collections::BTreeMap;
use std::time::Duration;

use unlapse::unlapse_core::Secret;
use unlapse::unlapse_oauth::provider::Catalogue;
use unlapse_broker::{
    Actor, App, Brought, Code, ConnectionId, PrivateHosts, Retries, Settings, State,
};

use crate::rig::{Rig, name};

/// Nothing speaks TLS at the port that this is.
const CATALOGUE: &str = r#"
[each-its-own]
name = "A host for each account"
sources = ["https://acme.example/docs"]
date = "2026-11-21"
variables = { host = { about = "Where the account is", hosts = ["127.0.0.1"] } }
token = { url = "https://{host}/token" }
"#;

const ONCE: Retries = Retries {
    max_retries: 0,
    initial_delay: Duration::from_millis(1),
    max_delay: Duration::from_millis(1),
};

#[tokio::test]
async fn r16_dead_hosts_of_single_accounts_open_no_circuit_for_all() {
    let rig = Rig::over(|settings: &mut Settings| {
        settings.catalogue = Catalogue::parse(CATALOGUE).expect("a catalogue");
        settings.private_hosts = PrivateHosts::parse(["127.0.0.1"]).expect("hosts");
    });
    let rig = rig.await;
    let by = Actor { tenant: Some(name("shop")), name: "tests".to_owned() };
    let host = BTreeMap::from([("host".to_owned(), "127.0.0.1".to_owned())]);
    for (app, params, metadata, opens) in [
        ("each", BTreeMap::new(), host.clone(), false),
        // One host for all of them is the app's.
        ("all", host, BTreeMap::new(), true),
    ] {
        let app = App {
            tenant: name("shop"),
            name: name(app),
            provider: name("each-its-own"),
            client_id: "shop".to_owned(),
            client_secret: None,
            scopes: Vec::new(),
            params,
            return_to: Vec::new(),
            changed_at: rig.broker.clock(),
        };
        rig.broker.tables().put_app(&app).await.expect("an app");
        for user in 0..7 {
            let id = ConnectionId::new(name("shop"), user.to_string(), app.name.clone(), "main");
            let id = id.expect("an id");
            let brought = Brought {
                access_token: Some(Secret::new("at")),
                refresh_token: Some(Secret::new("rt")),
                expires_in: Some(Duration::from_secs(3600)),
                metadata: metadata.clone(),
                ..Brought::default()
            };
            rig.broker.put(&id, brought, &by).await.expect("put");
            let problem = rig.broker.refresh(&id, ONCE, &by).await.expect_err("nobody is there");
            assert_eq!(problem.code, Code::ProviderDown, "{} {user}: {problem}", app.name);
            let connection = rig.broker.connection(&id).await.expect("it is there");
            assert_eq!(connection.state, State::Active);
        }
        let server = format!("shop/{}", app.name);
        let open = rig.broker.circuits().open_until(&server, rig.broker.clock());
        assert_eq!(open.is_some(), opens, "{}", app.name);
    }
}
