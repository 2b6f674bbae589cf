//! What operators type.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::harness::Project;
use crate::server::{APP, House, Server};

#[test]
fn i1_apps_and_connections_from_beginning_to_end() {
    let house = House::new(Duration::from_secs(3600));
    let apps = house.broker(&["apps", "list", "--json"]).ok().json();
    assert_eq!(apps["apps"][0]["name"], APP);
    assert_eq!(apps["apps"][0]["has_client_secret"], true);
    let connection = format!("ada/{APP}/main");
    let connect = house.broker(&["connections", "connect", &connection]).ok();
    assert!(connect.line().starts_with(&format!("{}/connect", house.server.url)), "{connect}");
    house.connect("ada");
    house.connect("bo/b");
    let listed = house.broker(&["connections", "list"]).ok();
    assert!(listed.stdout.contains(&connection), "{listed}");
    assert!(listed.stdout.contains(&format!("bo%2Fb/{APP}/main")), "{listed}");
    house.broker(&["connections", "refresh", &connection]).ok();
    let shown = house.broker(&["connections", "show", &connection, "--json"]).ok().json();
    assert_eq!(shown["connection"]["state"], "active", "{shown}");
    assert!(shown["connection"]["generation"].as_u64() >= Some(1), "{shown}");
    let some = house.broker(&["connections", "list", "--limit", "1", "--json"]).ok().json();
    assert_eq!(some["connections"].as_array().map(Vec::len), Some(1));
    assert_eq!(some["complete"], false);
    let remove = ["connections", "remove", &connection];
    house.broker(&remove).failed(2, "input_needed");
    house.broker(&[&remove[..], &["--yes"]].concat()).ok();
    let run = house.broker(&["connections", "show", &connection]);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.lines().any(|line| line == "ACCOUNT_NOT_FOUND"), "{run}");
    let run = house.broker(&["connections", "connect", "ada/nobody/main"]);
    assert_eq!(run.code, Some(2), "{run}");
}

/// RFC 9700 §4.4: each app is registered with a redirect URI of its own, and is told which.
#[test]
fn rfc9700_4_4_apps_are_told_with_the_redirect_uri_to_register() {
    let house = House::new(Duration::from_secs(3600));
    let uri = |app: &str| format!("{}/callback/default/{app}", house.server.url);
    let second = ["apps", "add", "second", "--provider", APP, "--client-id", "two", "--public"];
    let added = house.broker(&second).ok();
    assert!(added.stderr.contains(&uri("second")), "{added}");
    let listed = house.broker(&["apps", "list"]).ok();
    for app in [APP, "second"] {
        let line = listed.stdout.lines().find(|line| line.starts_with(&format!("{app} ")));
        let words: Vec<_> = line.unwrap_or_default().split_whitespace().collect();
        assert!(words.contains(&uri(app).as_str()), "{listed}");
    }
    let apps = house.broker(&["apps", "list", "--json"]).ok().json();
    assert_eq!(apps["apps"][0]["redirect_uri"], uri(APP), "{apps}");
}

#[test]
fn keys_have_the_rights_that_they_were_made_with() {
    let house = House::new(Duration::from_secs(3600));
    let made = house.broker(&["keys", "add", "reader", "--verbs", "read", "--json"]).ok().json();
    let key = made["key"].as_str().expect("a key");
    let path = house.project.root().join("work/reader");
    std::fs::write(&path, key).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("set");
    let reader = ["--key-file", "reader"];
    house.broker(&[&reader[..], &["connections", "list"]].concat()).ok();
    let run = house.broker(&[&reader[..], &["keys", "list"]].concat());
    assert_eq!(run.code, Some(13), "{run}");
    assert!(run.stderr.lines().any(|line| line == "FORBIDDEN"), "{run}");
    // A tenant's key makes no tenants.
    let run = house.broker(&["tenants", "add", "other"]);
    assert!(run.stderr.lines().any(|line| line == "FORBIDDEN"), "{run}");
    house.broker(&["keys", "revoke", made["id"].as_str().expect("an id")]).ok();
    let run = house.broker(&[&reader[..], &["connections", "list"]].concat());
    assert!(run.stderr.lines().any(|line| line == "UNAUTHORIZED"), "{run}");
    assert_eq!(run.code, Some(13), "{run}");
}

/// A broker whose keys are all lost, and its operator's tenants.
#[test]
fn a_key_can_be_made_in_the_database_itself_while_the_broker_runs() {
    let project = Project::empty();
    project.configure("", "");
    let server = Server::start(&project, &["--data", "data"]);
    let add = ["broker", "keys", "add", "ops", "--verbs", "read,admin", "--operator", "--offline"];
    let key = project.run(&[&add[..], &["--data", "data", "--quiet"]].concat()).ok();
    assert!(key.line().starts_with("ulk_"), "{key}");
    let mut project = project;
    project.env.push(("UNLAPSE_BROKER".to_owned(), server.url.clone()));
    project.env.push(("UNLAPSE_BROKER_KEY".to_owned(), key.line().to_owned()));
    project.run(&["broker", "tenants", "add", "acme", "--speed", "on_demand"]).ok();
    let tenants = project.run(&["broker", "tenants", "list"]).ok();
    assert!(tenants.stdout.contains("acme") && tenants.stdout.contains("on_demand"), "{tenants}");
    // An operator says whose connections are meant.
    let list = ["broker", "connections", "list"];
    assert_eq!(project.run(&list).code, Some(2));
    project.run(&[&list[..], &["--tenant", "acme"]].concat()).ok();
    let elsewhere = [&add[..], &["--data", "nowhere"]].concat();
    project.run(&elsewhere).failed(11, "broker_file");
    server.end().ok();
}

#[test]
fn x4_providers_are_listed_and_a_file_of_ones_own_is_checked() {
    let project = Project::empty();
    let providers = project.run(&["broker", "providers", "--json"]).ok().json();
    let named = |name: &str| {
        let all = providers["providers"].as_array().expect("a list");
        all.iter().any(|provider| provider["provider"] == name)
    };
    assert!(named("google") && named("github"), "{providers}");
    let path = project.root().join("work/own.toml");
    std::fs::write(&path, "[acme]\nname = \"Acme\"\n").expect("written");
    let check = ["broker", "providers", "--check", "own.toml"];
    let run = project.run(&check);
    assert!(run.stderr.contains("acme"), "{run}");
    run.failed(2, "broker_providers");
}

#[test]
fn many_connections_come_in_once_and_go_out_again() {
    let house = House::new(Duration::from_secs(3600));
    let path = house.project.root().join("work/users.ndjson");
    let line = |user: &str, token: &str| {
        format!("{{\"user\":\"{user}\",\"provider\":\"{APP}\",\"account\":\"main\",{token}}}\n")
    };
    let token =
        |login: unlapse_parts::LoggedIn| format!("\"refresh_token\":\"{}\"", login.refresh_token);
    let (ada, bo) = (house.provider.log_in(), house.provider.log_in());
    let text = [line("ada", &token(ada)), line("", "\"a\":1"), line("bo", &token(bo))].concat();
    std::fs::write(&path, text).expect("written");
    let import = ["import", "users.ndjson", "--data", "data", "--json"];
    let run = house.broker(&import);
    assert_eq!(run.code, Some(13), "a line was refused: {run}");
    let said = run.json();
    assert_eq!((&said["brought"], &said["refused"]), (&2.into(), &1.into()), "{said}");
    assert_eq!(said["faults"][0]["line"], 2, "{said}");
    // Sent again, it is done already.
    assert_eq!(house.broker(&import).json()["brought"], 2);
    house.broker(&["connections", "refresh", &format!("ada/{APP}/main")]).ok();
    let export = ["export", "--data", "data"];
    let plain = house.broker(&export).ok();
    assert_eq!(plain.stdout.lines().count(), 2, "{plain}");
    assert!(!plain.stdout.contains("_token\""), "R18: {plain}");
    let whole = house.broker(&[&export[..], &["--with-secrets"]].concat()).ok();
    assert!(whole.stdout.lines().all(|line| line.contains("\"refresh_token\"")), "{whole}");
    assert_eq!(house.provider.tally().families_revoked, 0);
}
