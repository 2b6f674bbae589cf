//! Two nodes over one PostgreSQL, which are one broker.

use std::time::Duration;

use serde_json::json;
use unlapse_parts::{Fault, Postgres, Provider, Rotation, Terms};

use crate::client::ask;
use crate::harness::{Project, eventually};
use crate::server::{APP, CLIENT_SECRET, Server, providers};

#[test]
fn i1_two_nodes_over_one_database_are_one_broker() {
    let Some(postgres) = Postgres::shared() else { return };
    let mut project = Project::empty();
    project.configure("", "");
    let url = format!("{}?sslmode=disable", postgres.fresh_database());
    project.env.push(("UNLAPSE_BROKER_DATABASE".to_owned(), url));
    let provider = Provider::start(Terms { rotation: Rotation::Strict, ..Terms::default() });
    let file = providers(&project, &provider, APP);
    // As docs/broker/fleet.md has it: the key is drawn once, and copied.
    let one = ["serve", "--json", "--listen", "127.0.0.1:0", "--providers", &file, "--data", "one"];
    project.run(&["serve", "--data", "one"]).failed(13, "broker_master_key_missing");
    project.run(&[&one[..], &["--new-master-key", "--check"]].concat()).ok();
    let key = project.root().join("work/one/master.key");
    let key = key.to_str().expect("text");
    let two = [&one[..6], &["--data", "two", "--master-key", key]].concat();
    // At the same moment, over a database that is new: they agree on who makes the tables and the key.
    let nodes = [project.spawn(&one), project.spawn(&two)].map(Server::started);
    let made: Vec<_> = nodes.iter().filter_map(|node| node.first_key.clone()).collect();
    let [first] = &made[..] else { panic!("one of them makes it: {} did", made.len()) };
    let files = ["one", "two"].map(|data| project.root().join("work").join(data).join("first-key"));
    assert_eq!(files.iter().filter(|file| file.exists()).count(), 1, "none without a key is left");
    let app = json!({ "provider": APP, "client_id": "cid", "client_secret": CLIENT_SECRET });
    let path = format!("/v1/apps/{APP}");
    assert_eq!(nodes[0].ask(first, "PUT", &path, &app.to_string()).status, 200);

    let login = provider.log_in();
    let ada = format!("/v1/connections/ada/{APP}/main");
    let brought = json!({ "refresh_token": login.refresh_token }).to_string();
    assert_eq!(nodes[0].ask(first, "PUT", &ada, &brought).status, 200);
    let token = |node: usize| {
        let reply = nodes[node].ask(first, "POST", &format!("{ada}/token"), "");
        assert_eq!(reply.status, 200, "{reply:?}");
        let token = reply.json()["access_token"].as_str().expect("a token").to_owned();
        assert!(provider.is_valid(&token), "{token}");
        token
    };
    let granted = token(1);
    assert_eq!(token(0), granted, "one connection, whichever node is asked");
    let renewed = nodes[0].ask(first, "POST", &format!("{ada}/refresh"), "");
    assert_eq!(renewed.status, 200, "{renewed:?}");
    eventually("the other node hears of it", || token(1) != granted);
    assert_eq!(token(0), token(1));
    for node in &nodes {
        assert_eq!(node.ask(first, "GET", "/readyz", "").status, 200);
    }

    let [one, two] = nodes;
    let run = one.end().ok();
    assert!(run.stderr.contains("the broker has ended"), "{run}");
    let left = two.ask(first, "POST", &format!("{ada}/token"), "{\"force\":true}");
    assert_eq!(left.status, 200, "the other goes on alone: {left:?}");
    let run = two.end().ok();
    assert!(run.took < Duration::from_secs(60), "{run}");
    let tally = provider.tally();
    assert_eq!((tally.doubles, tally.families_revoked), (0, 0), "{tally:?}");
    // Whatever was on its way is in the database: nothing waits on a node's disk.
    for data in ["one", "two"] {
        let spool = project.root().join("work").join(data).join("spool");
        let files = std::fs::read_dir(spool).expect("a spool").flatten();
        let sizes: u64 = files.map(|file| file.metadata().expect("there").len()).sum();
        assert_eq!(sizes, 0, "{data}");
    }
}

/// The database goes away between the provider's answer and its place: the answer waits, and is seen to.
#[test]
fn r5_what_could_not_be_saved_is_counted_until_it_is() {
    let Some(postgres) = Postgres::own() else { return };
    let mut project = Project::empty();
    let url = format!("{}?sslmode=disable", postgres.fresh_database());
    project.env.push(("UNLAPSE_BROKER_DATABASE".to_owned(), url));
    let provider = Provider::start(Terms { rotation: Rotation::Strict, ..Terms::default() });
    let file = providers(&project, &provider, APP);
    let more = ["--new-master-key", "--metrics-listen", "127.0.0.1:0", "--providers", &file];
    let node = Server::start(&project, &more);
    let first = node.first_key.clone().expect("a first key");
    let app = json!({ "provider": APP, "client_id": "cid", "client_secret": CLIENT_SECRET });
    assert_eq!(node.ask(&first, "PUT", &format!("/v1/apps/{APP}"), &app.to_string()).status, 200);
    let login = provider.log_in();
    let ada = format!("/v1/connections/ada/{APP}/main");
    let brought = json!({
        "refresh_token": login.refresh_token,
        "access_token": login.access_token,
        "expires_in": 3600,
    });
    assert_eq!(node.ask(&first, "PUT", &ada, &brought.to_string()).status, 200);
    let beside = node.said["metrics_listening"].as_str().expect("an address");
    let unsaved = |count: u32| {
        let line = format!("unlapse_unsaved_tokens{{server=\"default/{APP}\"}} {count}");
        ask(beside, "GET", "/metrics", &[], "").body.contains(&line)
    };
    provider.fail_next([Fault::Slow(Duration::from_secs(2))]);
    std::thread::scope(|scope| {
        let (host, key) = (node.host(), format!("Bearer {first}"));
        let path = format!("{ada}/refresh");
        let asked = scope.spawn(move || ask(host, "POST", &path, &[("authorization", &key)], ""));
        eventually("the provider is asked", || provider.tally().requests == 1);
        postgres.kill();
        eventually("what it has answered is counted", || unsaved(1));
        assert_eq!(ask(beside, "GET", "/readyz", &[], "").status, 503);
        postgres.restart();
        eventually("it is saved", || unsaved(0));
        let answer = asked.join().expect("an answer");
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
    });
    node.kill();
    // Nothing but what is in the database is known to the next.
    let node = Server::start(&project, &more[3..]);
    // The lease may not have been given back before its holder was killed: then it has to run out.
    eventually("it is renewed", || {
        let renewed = node.ask(&first, "POST", &format!("{ada}/refresh"), "");
        let is_leased = renewed.body.contains("\"REFRESH_IN_PROGRESS\"");
        assert!(renewed.status == 200 || is_leased, "{renewed:?}");
        renewed.status == 200
    });
    let tally = provider.tally();
    assert_eq!((tally.grants, tally.doubles, tally.families_revoked), (2, 0, 0), "{tally:?}");
    node.end().ok();
}
