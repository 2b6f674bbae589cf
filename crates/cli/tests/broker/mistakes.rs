//! Configurations that do not hold, each with its code and place.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::Project;

#[test]
fn a_row_for_each_mistake() {
    let project = Project::empty();
    let path = project.root().join("broker.toml");
    let config = path.to_str().expect("text");
    std::fs::write(project.root().join("work/own.toml"), "[acme]\nname = 1\n").expect("written");
    let rows = [
        ("listen = \"127.0.0.1:0", "config_syntax", ":1"),
        ("port = 1", "config_unknown_key", "broker.toml:1"),
        ("listen = \"all\"", "config_bad_value", "`listen`"),
        ("renewals = 1", "config_bad_value", "from 2 to 10000"),
        ("[proxies]\nnetworks = [\"all\"]", "config_bad_value", "`proxies.networks`"),
        ("private_hosts = [\"*\"]", "config_bad_value", "`private_hosts`"),
        ("[retention]\nattempts = \"1h\"", "config_bad_value", "`retention.attempts`"),
        ("[postgres]\nconnections = 501", "config_bad_value", "`postgres.connections`"),
        ("listen = \"0.0.0.0:0\"", "broker_no_url", "no URL"),
        ("listen = \"0.0.0.0:0\"\ndashboard_open = true", "broker_open_only_local", "everybody"),
        ("database = \"postgres://a:canary@db/x\"", "config_bad_value", "`database`"),
        ("api_key = \"canary\"", "config_secret_in_file", "`api_key`"),
        ("providers = \"no.toml\"", "config_unreadable", "no.toml"),
        ("providers = \"own.toml\"", "broker_providers", "acme"),
        ("[tls]\nkey = \"k\"", "config_bad_value", "`certificate` and `key`"),
        ("[tls]\ncertificate = \"c\"\nkey = \"k\"", "broker_tls", "/c "),
        ("[jwt]\naudience = \"x\"", "config_bad_value", "`issuer`"),
        ("master_key = \"env:NOT_SET\"", "broker_master_key_missing", "env:NOT_SET"),
    ];
    for (text, error, words) in rows {
        std::fs::write(&path, text).expect("written");
        let code = if error == "broker_master_key_missing" { 13 } else { 2 };
        for check in [&["--check"][..], &[]] {
            // At a free port, where the row has none: some mistakes are found only behind it.
            let anywhere: &[&str] =
                if text.contains("listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
            // A key from elsewhere is read only where there is something to open.
            if error == "broker_master_key_missing" && !check.is_empty() {
                continue;
            }
            let serve = ["serve", "--config", config, "--data", "data"];
            let run = project.run(&[&serve, anywhere, check].concat());
            assert!(run.stderr.contains(words), "{text}: {run}");
            assert!(!run.stderr.contains("canary"), "{run}");
            run.failed(code, error);
        }
        assert!(!project.root().join("work/data/broker.db").exists(), "nothing is made: {text}");
    }
    project.run(&["serve", "--config", "/nowhere.toml"]).failed(2, "config_unreadable");
}

#[test]
fn a_database_that_is_none_is_left_as_it_is() {
    let project = Project::empty();
    project.run(&["serve", "--new-master-key", "--check"]).ok();
    let file = project.root().join("work/broker.db");
    std::fs::write(&file, "no database").expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("set");
    let run = project.run(&["serve", "--listen", "127.0.0.1:0"]);
    run.failed(14, "broker_database");
    assert_eq!(std::fs::read_to_string(&file).expect("there"), "no database");
}

#[test]
fn an_address_that_is_taken_is_said() {
    let project = Project::empty();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = taken.local_addr().expect("bound").to_string();
    project.run(&["serve", "--listen", &at]).failed(11, "broker_cannot_listen");
    assert!(!project.root().join("work/broker.db").exists(), "nothing is made");
}

/// Nobody answers at that port: said at once, without the password.
#[test]
fn a_server_that_is_away_is_said_without_its_password() {
    let mut project = Project::empty();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let url = format!("postgres://broker:canary@127.0.0.1:{port}/broker?sslmode=disable");
    project.env.push(("UNLAPSE_BROKER_DATABASE".to_owned(), url));
    let start = ["serve", "--listen", "127.0.0.1:0"];
    // Of a server nobody knows whether it is new.
    project.run(&start).failed(13, "broker_master_key_missing");
    let run = project.run(&[&start[..], &["--new-master-key"]].concat());
    assert!(!run.to_string().contains("canary"), "{run}");
    run.failed(11, "broker_database");
}

#[test]
fn an_operator_without_a_key_or_a_broker_is_told_what_to_do() {
    let mut project = Project::empty();
    project.configure("", "");
    project.run(&["broker", "keys", "list"]).failed(2, "broker_no_key");
    project.env.push(("UNLAPSE_BROKER_KEY".to_owned(), "ulk_canary".to_owned()));
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let at = format!("http://127.0.0.1:{port}");
    let run = project.run(&["broker", "--broker", &at, "keys", "list"]);
    assert!(!run.to_string().contains("canary"), "{run}");
    run.failed(11, "broker_unreachable");
    project
        .run(&["broker", "--broker", "http://b.example", "keys", "list"])
        .failed(2, "broker_address");
    let show = ["broker", "connections", "show"];
    project.run(&[&show[..], &["ada/google"]].concat()).failed(2, "broker_connection");
    let open = project.root().join("work/open");
    std::fs::write(&open, "ulk_x").expect("written");
    for mode in [0o644, 0o640, 0o660, 0o604] {
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(mode)).expect("set");
        let run = project.run(&["broker", "--key-file", "open", "keys", "list"]);
        run.failed(2, "broker_secret_file");
    }
}
