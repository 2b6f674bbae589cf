//! R18: no secret in arguments, logs, output or the environment of anybody who did not ask.

use std::time::Duration;

use crate::server::{APP, CLIENT_SECRET, House};

#[test]
fn r18_a_broker_tells_no_secret() {
    let house = House::new(Duration::from_secs(3600));
    let login = house.connect("ada");
    let connection = format!("ada/{APP}/main");
    let mut said = Vec::new();
    for arguments in [
        &["connections", "refresh", connection.as_str()][..],
        &["connections", "show", &connection],
        &["connections", "list", "--json"],
        &["apps", "list", "--json"],
        &["keys", "list", "--json"],
    ] {
        said.push(house.broker(arguments).ok().to_string());
    }
    let key = house.server.first_key.clone().expect("a key");
    let House { project, server, .. } = house;
    let run = server.end().ok();
    said.push(run.to_string());
    let master = std::fs::read_to_string(project.root().join("work/data/master.key"));
    let master = master.expect("a key");
    let master = master.trim().rsplit(' ').next().expect("a secret").to_owned();
    let access = &login.access_token;
    for secret in [CLIENT_SECRET, &login.refresh_token, access, &key, &master] {
        for text in &said {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
    // Nor does it lie in clear where it is kept.
    for file in ["broker.db", "broker.db-wal"] {
        let Ok(kept) = std::fs::read(project.root().join("work/data").join(file)) else { continue };
        for secret in [CLIENT_SECRET, &login.refresh_token, access, &key] {
            let holds = kept.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!holds, "{secret} is in {file}");
        }
    }
}

#[test]
fn r18_nothing_that_starts_a_broker_or_asks_it_takes_a_secret_as_an_argument() {
    let house = House::new(Duration::from_secs(3600));
    let pid = house.server.running.pid();
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).expect("it runs");
    let key = house.server.first_key.clone().expect("a key");
    assert!(!line.windows(key.len()).any(|part| part == key.as_bytes()));
    // A secret that is typed as an argument is refused, and not repeated.
    let add = ["apps", "add", "x", "--client-id", "c", "--client-secret", "canary-typed"];
    let run = house.broker(&add);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(!run.stderr.contains("canary-typed"), "{run}");
}
