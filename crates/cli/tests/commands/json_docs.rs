//! `docs/json.md` names every member that is printed, and none that is not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::Value;

use crate::harness::{AuthServer, Class, Fault, Project, Run, config};

const PAGE: &str = include_str!("../../../../docs/json.md");

type Members = BTreeMap<String, BTreeSet<String>>;

/// The first column of each table, below its heading.
fn documented() -> Members {
    let mut members = Members::new();
    let mut heading = "";
    for line in PAGE.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            heading = name;
        }
        let first = line.strip_prefix("| `").and_then(|rest| rest.split_once("` |"));
        if let Some((member, _)) = first {
            let is_new = members.entry(heading.to_owned()).or_default().insert(member.to_owned());
            assert!(is_new, "{heading}: {member} stands there twice");
        }
    }
    members
}

/// The path of every leaf; what is `null` or empty here may be an object or a list elsewhere.
fn leaves(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(member, &format!("{path}{dot}{name}"), into);
            }
        }
        Value::Array(items) => {
            for item in items {
                leaves(item, &format!("{path}[]"), into);
            }
        }
        _ => {
            into.insert(path.to_owned());
        }
    }
}

/// Everything that a busy day prints, by command.
fn printed() -> Members {
    let mut members = Members::new();
    let mut add = |heading: &str, text: &str| {
        let value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        leaves(&value, "", members.entry(heading.to_owned()).or_default());
    };
    let server = AuthServer::start(Class::Strict);
    let mut project = Project::empty();
    let profile = "account = \"ann\"\nscopes = [\"api\"]\nclient_secret_env = \"SECRET\"";
    project.configure(&config(&server, profile, "attempts = 1\nlease_wait = \"100ms\""), "");
    project.env.push(("SECRET".to_owned(), "s".to_owned()));

    let login = ["login", "acme", "--refresh-token-stdin", "--json"];
    add("login", &project.run_with(&login, &server.issue()).ok().stdout);
    add("token", &project.run(&["token", "--json"]).ok().stdout);
    add("status", &project.run(&["status", "--json"]).ok().stdout);
    server.fault(Fault::too_many("1"));
    add("Errors", &project.run(&["refresh", "--json"]).stderr);
    add("status", &project.run(&["status", "--json"]).ok().stdout);
    std::thread::sleep(Duration::from_millis(1100));
    server.fault(Fault::Slow(Duration::from_millis(800)));
    let refreshing = project.spawn(&["refresh", "--json"]);
    server.until_requests(3);
    add("status", &project.run(&["status", "--json"]).ok().stdout);
    add("refresh", &refreshing.wait().ok().stdout);
    add("list", &project.run(&["list", "--json"]).ok().stdout);
    add("doctor", &project.run(&["doctor", "--json"]).ok().stdout);
    add("config show", &project.run(&["config", "show", "--attempts", "2", "--json"]).ok().stdout);
    add_every_line(&project);
    add("log", &project.run(&["log", "--json"]).ok().stdout);
    add("stats", &project.run(&["stats", "--json"]).ok().stdout);
    add("logout", &project.run(&["logout", "--json"]).ok().stdout);
    add("logout", &project.run(&["logout", "--all", "--json"]).ok().stdout);
    queue(&project, &server, &mut add);
    let demo = project.run(&["demo", "--seconds", "3", "--workers", "1", "--json"]).ok();
    add("demo", demo.stdout.lines().last().expect("a line"));
    add("drill", &failing_drill(&project).stdout);
    members
}

/// Requests that are answered, wait, and are dropped; and a file that is of no use.
fn queue(project: &Project, server: &AuthServer, add: &mut impl FnMut(&str, &str)) {
    project.run_with(&["login", "acme", "--refresh-token-stdin"], &server.issue()).ok();
    let url = format!("{}/api", server.origin());
    add("curl", &project.run(&["curl", "acme", &url, "--json"]).ok().stdout);
    // A port where nobody listens, and nobody else can.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("bound");
    let away = format!("http://{}/", socket.local_addr().expect("an address"));
    let queued = project.run(&["curl", "acme", &away, "--queue", "--json"]).ok();
    add("curl", &queued.stdout);
    add("queue flush", &project.run(&["queue", "flush", "--json"]).stdout);
    let stray = project.store_dir().join("outbox/00000000000000000009-00000000.request");
    std::fs::write(stray, "").expect("written");
    add("queue list", &project.run(&["queue", "list", "--json"]).ok().stdout);
    let id = queued.json()["id"].as_str().expect("a name").to_owned();
    add("queue drop", &project.run(&["queue", "drop", &id, "--json"]).ok().stdout);
}

/// What no busy day of a test has: a login that ended after rotation, a late 401.
fn add_every_line(project: &Project) {
    let path = project.store_dir().join("usage.log");
    let mut text = std::fs::read_to_string(&path).expect("a journal");
    let last = text.lines().last().expect("a line").to_owned();
    let (start, _) = last.split_once("\"did\"").expect("what was done");
    for did in [
        r#""did":"renewed","outcome":"renewed","attempts":1,"duration_ms":9,"automatic":false,"generation":2}"#,
        r#""did":"refused","generation":1,"is_late":true}"#,
        r#""did":"ended","reason":"refresh_rejected"}"#,
    ] {
        text.extend([start, did, "\n"]);
    }
    std::fs::write(&path, text).expect("written");
}

/// The drill of a tool that ends with 0 whatever happens: a row that fails says most.
fn failing_drill(project: &Project) -> Run {
    let tool = project.root().join("unlapse");
    let real = env!("CARGO_BIN_EXE_unlapse");
    let script =
        format!("#!/bin/sh\n[ $1 = login ] && exec {real} \"$@\"\n{real} \"$@\" || true\n");
    std::fs::write(&tool, script).expect("written");
    std::fs::set_permissions(&tool, Permissions::from_mode(0o700)).expect("changed");
    let tool = tool.to_str().expect("text");
    let run = project.run(&[
        "drill",
        "--json",
        "--workers",
        "1",
        "--rows",
        "strict",
        "--",
        tool,
        "token",
        "acme",
    ]);
    assert_eq!(run.code, Some(13), "{run}");
    run
}

#[test]
fn every_member_is_documented_and_none_that_does_not_exist() {
    let (documented, printed) = (documented(), printed());
    let headings: Vec<_> = documented.keys().collect();
    assert_eq!(headings, printed.keys().collect::<Vec<_>>());
    for (heading, members) in &documented {
        // The whole of an object that may be `null` is told by its members.
        let nullable = ["profiles[].last_failure", "profiles[].lease_holder"];
        let found = printed[heading].iter().filter(|path| !nullable.contains(&path.as_str()));
        let found: BTreeSet<_> = found.cloned().collect();
        assert_eq!(found, *members, "{heading}");
    }
}

#[test]
fn every_word_that_standings_use_is_documented() {
    for source in [
        include_str!("../../src/commands/status/view.rs"),
        include_str!("../../src/commands/list.rs"),
    ] {
        // `=> "word",`: what a state is called.
        let words = source.lines().filter_map(|line| {
            line.trim().split_once("=> \"")?.1.strip_suffix("\",").filter(|word| !word.is_empty())
        });
        let words: Vec<_> = words.collect();
        assert!(words.len() > 6, "the sources read otherwise now");
        for word in words {
            assert!(PAGE.contains(&format!("`{word}`")), "{word}");
        }
    }
}
