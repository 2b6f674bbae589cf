//! Commands beside the server that change what it does.

use std::time::Instant;

use crate::harness::Project;
use crate::kept::{configured, log_in, refresh};
use crate::server::{HEARD, Server, kid_of};

/// Waits until `done`, which has to be soon.
fn soon(what: &str, done: impl Fn() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < HEARD, "not heard of: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn beside(project: &Project, words: &[&str]) -> crate::harness::Run {
    project.run(&[&["issuer", "--data", "data"], words].concat())
}

#[test]
fn j1_a_revoked_key_is_gone_at_once_and_the_next_signs() {
    let (project, config) = configured();
    let server = Server::start(&project, &["--config", &config, "--data", "data"]);
    let (access, token) = log_in(&server);
    let [revoked, next] = &server.kids()[..] else { panic!("two keys") };
    assert_eq!(&kid_of(&access), revoked);
    let listed = beside(&project, &["keys", "revoke", revoked, "--json"]).ok().json();
    assert_eq!(listed["keys"][0]["kid"], **next);
    soon("a revoked key", || !server.kids().contains(revoked));
    let (status, granted) = refresh(&server, &token);
    assert_eq!(status, 200, "nobody is logged out: {granted}");
    assert_eq!(&kid_of(granted["access_token"].as_str().expect("text")), next);
    beside(&project, &["keys", "revoke", "nobody"]).failed(2, "signing_key_unknown");
    server.end().ok();
}

#[test]
fn j1_an_imported_key_is_published_at_once_and_rotating_waits_for_it() {
    let (project, config) = configured();
    let server = Server::start(&project, &["--config", &config, "--data", "data"]);
    let before = server.kids();
    let pem = "-----BEGIN PRIVATE KEY-----\n\
               MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
               -----END PRIVATE KEY-----\n";
    let path = project.root().join("key.pem");
    std::fs::write(&path, pem).expect("written");
    let path = path.to_str().expect("text");
    let run = beside(&project, &["keys", "import", path]).ok();
    assert!(run.stderr.contains("is the next to sign"), "{run}");
    soon("an imported key", || server.kids().len() == 3);
    let run = beside(&project, &["keys", "rotate"]).ok();
    assert!(run.stdout.contains("once it has been published for long enough"), "{run}");
    let (access, _) = log_in(&server);
    assert_eq!(kid_of(&access), before[0], "not before everybody knows it");
    beside(&project, &["keys", "import", path]).failed(2, "signing_key_known");
    std::fs::write(path, pem.replace("PRIVATE KEY", "RSA PRIVATE KEY")).expect("written");
    let run = beside(&project, &["keys", "import", path]);
    assert!(run.stderr.contains("openssl pkcs8 -topk8"), "{run}");
    run.failed(2, "signing_key_import");
    beside(&project, &["keys", "rotate", "--algorithm", "HS256"]).failed(2, "config_bad_value");
    server.end().ok();
}

#[test]
fn j2_sessions_are_listed_and_ended() {
    let (project, config) = configured();
    let server = Server::start(&project, &["--config", &config, "--data", "data"]);
    let (_, one) = log_in(&server);
    let (_, other) = log_in(&server);
    let list = || {
        let listed = beside(&project, &["sessions", "list", "user-1", "--json"]).ok().json();
        listed["sessions"].as_array().expect("sessions").clone()
    };
    let sessions = list();
    assert_eq!((sessions.len(), &sessions[0]["client"]), (2, &"app".into()));
    let id = sessions[1]["session"].as_str().expect("text");
    let ended = beside(&project, &["sessions", "end", id, "--json"]).ok().json();
    assert_eq!(ended["ended"][0], id);
    beside(&project, &["sessions", "end", id]).failed(2, "session_unknown");
    beside(&project, &["sessions", "end", "nobody"]).failed(2, "session_unknown");
    let statuses = [refresh(&server, &one).0, refresh(&server, &other).0];
    assert_eq!(statuses, [400, 200]);
    beside(&project, &["sessions", "end", "--subject", "user-1"]).ok();
    assert_eq!(list().len(), 0);
    server.end().ok();
}

#[test]
fn what_is_in_memory_belongs_to_the_server() {
    let project = Project::empty();
    let run = project.run(&["issuer", "--database", "memory", "keys", "list"]);
    run.failed(2, "issuer_in_memory");
    project.run(&["issuer", "keys", "list"]).failed(2, "issuer_no_database");
    beside(&project, &["keys", "list"]).failed(11, "issuer_file");
}
