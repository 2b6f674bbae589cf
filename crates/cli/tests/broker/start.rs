//! A broker that begins, and one that goes on.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::harness::{Project, eventually};
use crate::server::{Server, key_in};

fn mode(path: &Path) -> u32 {
    path.metadata().expect("there").permissions().mode() & 0o777
}

#[test]
fn i1_an_empty_directory_is_enough_and_what_is_made_is_for_its_owner_alone() {
    let project = Project::empty();
    let server = Server::start(&project, &[]);
    let key = server.first_key.clone().expect("a first key");
    assert!(key.starts_with("ulk_"), "{key}");
    let work = project.root().join("work");
    assert_eq!(mode(&work.join("broker.db")), 0o600);
    assert_eq!(mode(&work.join("master.key")), 0o600);
    assert_eq!(mode(&work.join("first-key")), 0o600);
    server.end().ok();
}

#[test]
fn r18_the_first_key_goes_into_no_log_and_the_file_is_told_with_what_to_do_next() {
    let project = Project::empty();
    let mut running = project.spawn(&["serve", "--listen", "127.0.0.1:0"]);
    eventually("it says where it is", || {
        assert!(running.is_over().is_none(), "it has ended");
        running.stderr().contains("unlapse broker connections connect")
    });
    let said = running.stderr();
    let path = project.root().join("work/first-key");
    let name = path.to_str().expect("text");
    for words in [name, "/v1", "dashboard", "Keep a copy", "unlapse broker apps add"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let key = key_in(&path);
    assert!(key.starts_with("ulk_") && !said.contains("ulk_"), "{said}");
    assert_eq!(running.stdout(), "", "nothing but data on stdout");
    running.signal(rustix::process::Signal::TERM);
    running.wait().ok();
    let again = Server::start(&project, &[]);
    assert_eq!(again.first_key, None, "it was told of");
    assert_eq!(key_in(&path), key);
    let run = again.end().ok();
    assert!(!run.stderr.contains("ulk_"), "{run}");
}

#[test]
fn c3_the_first_key_can_go_into_a_file_that_was_not_there() {
    let project = Project::empty();
    project.configure("", "");
    let server = Server::start(&project, &["--first-key-file", "first"]);
    let path = project.root().join("work/first");
    assert_eq!(server.first_key, Some(key_in(&path)));
    assert_eq!(mode(&path), 0o600);
    assert!(!project.root().join("work/first-key").exists(), "one copy is enough");
    let arguments = ["broker", "keys", "list", "--broker", &server.url, "--key-file", "first"];
    let keys = project.run(&[&arguments[..], &["--json"]].concat()).ok().json();
    assert_eq!(keys["api_keys"][0]["label"], "first", "{keys}");
    server.end().ok();
}

#[test]
fn r18_the_first_key_is_never_made_before_its_file() {
    let mut project = Project::empty();
    project.env.push(("JOURNAL_STREAM".to_owned(), "8:1234".to_owned()));
    let start = ["serve", "--listen", "127.0.0.1:0"];
    for (file, arguments) in [("first-key", &[][..]), ("taken", &["--first-key-file", "taken"])] {
        let taken = project.root().join("work").join(file);
        std::fs::write(&taken, "mine").expect("written");
        let run = project.run(&[&start[..], arguments].concat());
        assert!(!run.to_string().contains("ulk_"), "{run}");
        run.failed(2, "broker_first_key");
        assert_eq!(std::fs::read_to_string(&taken).expect("there"), "mine");
        std::fs::remove_file(&taken).expect("removed");
    }
    // The key is yet to be made, and is not lost; the journal has no part of it.
    let server = Server::start(&project, &["--quiet"]);
    let key = server.first_key.clone().expect("a key");
    assert!(key.starts_with("ulk_"), "a key");
    let run = server.end().ok();
    assert!(!run.to_string().contains(&key), "{run}");
}

#[test]
fn a_lost_master_key_is_never_replaced() {
    let project = Project::empty();
    Server::start(&project, &[]).end().ok();
    let key = project.root().join("work/master.key");
    let kept = std::fs::read(&key).expect("a key");
    std::fs::remove_file(&key).expect("removed");
    let start = ["serve", "--listen", "127.0.0.1:0"];
    project.run(&start).failed(13, "broker_master_key_missing");
    assert!(!key.exists(), "none is made");
    // Another one opens nothing, and that is said.
    project.run(&["serve", "--data", "other", "--new-master-key", "--check"]).ok();
    let other = project.root().join("work/other/master.key");
    let other = other.to_str().expect("text");
    let server = Server::start(&project, &["--master-key", other]);
    let run = server.end().ok();
    assert!(run.stderr.contains("cannot be opened with the master keys"), "{run}");
    std::fs::write(&key, kept).expect("brought back");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("set");
    Server::start(&project, &[]).end().ok();
}

#[test]
fn a_good_configuration_is_said_to_be_good_and_nothing_is_made() {
    let project = Project::empty();
    let run = project.run(&["serve", "--data", "data", "--check", "--json"]).ok();
    assert_eq!(run.json()["engine"], "sqlite");
    assert!(!project.root().join("work/data").exists());
}
