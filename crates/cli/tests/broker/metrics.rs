//! What Prometheus reads of a broker, where it reads it, and what docs/grafana shows of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use unlapse_parts::Fault;

use crate::client::ask;
use crate::harness::{Project, eventually};
use crate::server::{APP, House, Server};

const DASHBOARD: &str = include_str!("../../../../docs/grafana/unlapse-broker.json");

/// The names of metrics in a text, without what a histogram adds to its own.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let words = text.split(|c: char| !is_name(c)).filter(|word| word.starts_with("unlapse_"));
    let endings = ["_bucket", "_sum", "_count"];
    let whole =
        words.map(|word| endings.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word));
    whole.map(str::to_owned).collect()
}

/// What the dashboard asks Prometheus.
fn asked() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().expect("targets"));
    targets.map(|target| target["expr"].as_str().expect("text").to_owned()).collect()
}

fn scraped(host: &str) -> String {
    let reply = ask(host, "GET", "/metrics", &[], "");
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.headers("content-type")[0].starts_with("text/plain"), "{reply:?}");
    reply.body
}

#[test]
fn i7_what_a_broker_exports_is_on_its_dashboard_and_nothing_else_is() {
    let more = ["--metrics-listen", "127.0.0.1:0"];
    let house = House::with(Duration::from_secs(5), &more);
    let host = house.server.said["metrics_listening"].as_str().expect("an address").to_owned();
    // Ahead of time, asked for, refused, and with a reply that is lost.
    house.connect("zebedee");
    house.broker(&["connections", "refresh", &format!("zebedee/{APP}/main")]).ok();
    eventually("one is renewed ahead of time", || scraped(&host).contains("_automatic_"));
    let lost = house.connect("quentin");
    house.provider.fail_next([Fault::LostReply]);
    house.broker(&["connections", "refresh", &format!("quentin/{APP}/main")]);
    house.provider.end(lost.family);
    let text = || scraped(&host);
    eventually("a login has ended", || text().contains("unlapse_logins_ended_total"));
    eventually("a reply was lost", || text().contains("unlapse_doubts_total"));
    let text = text();
    let mut exported = names(&text);
    // There once a token could not be saved.
    exported.insert("unlapse_unsaved_tokens".to_owned());
    assert_eq!(names(&asked().join("\n")), exported);
    // Each app is a line of its own, and no user is one.
    assert!(text.contains(&format!("server=\"default/{APP}\"")), "{text}");
    assert!(!text.contains("zebedee") && !text.contains("quentin"), "{text}");
    // Every label that is asked for is there.
    for label in ["server", "outcome", "code", "le"] {
        assert!(text.contains(&format!("{label}=\"")), "{label}: {text}");
    }
    house.server.end().ok();
}

#[test]
fn i5_metrics_and_health_have_an_address_of_their_own_and_need_no_key_there() {
    let project = Project::empty();
    let more = ["--data", "data", "--metrics-listen", "127.0.0.1:0"];
    let server = Server::start(&project, &more);
    let beside = server.said["metrics_listening"].as_str().expect("an address").to_owned();
    assert_ne!(beside, server.host());
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(ask(&beside, "GET", path, &[], "").status, 200, "{path}");
    }
    // Nothing else is there, and at the other address they are not.
    for path in ["/", "/v1/connections", "/openapi.json"] {
        assert_eq!(ask(&beside, "GET", path, &[], "").status, 404, "{path}");
    }
    let first = server.first_key.clone().expect("a first key");
    server.ask(&first, "GET", "/metrics", "").is_problem(404, "NOT_FOUND");
    let run = server.end().ok();
    assert!(std::net::TcpStream::connect(&beside).is_err(), "it listens on: {run}");
}

#[test]
fn r18_metrics_at_the_public_address_are_an_operators() {
    let project = Project::empty();
    let server = Server::start(&project, &["--data", "data"]);
    assert_eq!(server.said["metrics_listening"], Value::Null);
    ask(server.host(), "GET", "/metrics", &[], "").is_problem(401, "UNAUTHORIZED");
    let tenants = server.first_key.clone().expect("a first key");
    server.ask(&tenants, "GET", "/metrics", "").is_problem(403, "FORBIDDEN");
    let add = ["broker", "keys", "add", "ops", "--verbs", "read", "--operator", "--offline"];
    let operator = project.run(&[&add[..], &["--data", "data", "--quiet"]].concat()).ok();
    assert_eq!(server.ask(operator.line(), "GET", "/metrics", "").status, 200);
    server.end().ok();
}
