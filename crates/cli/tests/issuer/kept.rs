//! What outlives the process.

use std::os::unix::fs::PermissionsExt as _;

use crate::harness::Project;
use crate::server::{Server, kid_of};

/// A user and two clients; the password's hash is made by the command itself.
pub(crate) fn configured() -> (Project, String) {
    let mut project = Project::empty();
    let hash = project.run_with(&["issuer", "user", "hash"], "correct horse\n").ok();
    let path = project.root().join("issuer.toml");
    let text = format!(
        "[client.app]\nscopes = [\"read\"]\n\
         [client.job]\nsecret_env = \"JOB_SECRET\"\ngrants = [\"client_credentials\"]\n\
         [user.ada]\npassword = \"{}\"\nsubject = \"user-1\"\n",
        hash.line()
    );
    std::fs::write(&path, text).expect("written");
    project.env.push(("JOB_SECRET".to_owned(), "s3cret".to_owned()));
    let path = path.to_str().expect("text").to_owned();
    (project, path)
}

const LOGIN: &str = "grant_type=password&client_id=app&username=ada&password=correct+horse";

pub(crate) fn log_in(server: &Server) -> (String, String) {
    let (status, granted) = server.token(LOGIN);
    assert_eq!(status, 200, "{granted}");
    let text = |member: &str| granted[member].as_str().expect("text").to_owned();
    (text("access_token"), text("refresh_token"))
}

pub(crate) fn refresh(server: &Server, token: &str) -> (u16, serde_json::Value) {
    server.token(&format!("grant_type=refresh_token&client_id=app&refresh_token={token}"))
}

#[test]
fn j1_a_kill_9_loses_no_session_and_no_key() {
    let (project, config) = configured();
    let arguments = ["--config", &config, "--data", "data"];
    let server = Server::start(&project, &arguments);
    let (access, first) = log_in(&server);
    let (status, granted) = refresh(&server, &first);
    assert_eq!(status, 200, "{granted}");
    let second = granted["refresh_token"].as_str().expect("the next").to_owned();
    let kids = server.kids();
    server.kill();
    let server = Server::start(&project, &arguments);
    assert_eq!(server.kids(), kids);
    // A replay over the restart has the same successor, and the session goes on.
    let (status, replayed) = refresh(&server, &first);
    assert_eq!((status, replayed["refresh_token"].as_str()), (200, Some(&*second)), "{replayed}");
    let (status, granted) = refresh(&server, &second);
    assert_eq!(status, 200, "{granted}");
    let next = granted["access_token"].as_str().expect("text");
    assert_eq!(kid_of(next), kid_of(&access), "signed with the same key");
    server.end().ok();
}

#[test]
fn c3_what_is_made_is_for_its_owner_alone() {
    let (project, config) = configured();
    let server = Server::start(&project, &["--config", &config, "--data", "new/data"]);
    log_in(&server);
    let data = project.root().join("work/new/data");
    let mode = |name: &str| data.join(name).metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("peppers"), mode("issuer.db")), (0o700, 0o600, 0o600));
    server.end().ok();
}

#[test]
fn j1_peppers_rotate_without_a_logout_and_a_dropped_one_is_said() {
    let (project, config) = configured();
    let arguments = ["--config", &config, "--data", "data"];
    let server = Server::start(&project, &arguments);
    let (_, token) = log_in(&server);
    let beside = |words: &[&str]| project.run(&[&["issuer", "--data", "data"], words].concat());
    let first = beside(&["pepper", "list", "--json"]).ok().json()["peppers"][0].clone();
    beside(&["pepper", "add", "--newest"]).ok();
    server.end().ok();
    let server = Server::start(&project, &arguments);
    let (status, granted) = refresh(&server, &token);
    assert_eq!(status, 200, "{granted}");
    let token = granted["refresh_token"].as_str().expect("the next").to_owned();
    let keys = beside(&["keys", "list", "--json"]).ok().json();
    let sealed: Vec<_> = keys["keys"].as_array().expect("keys").iter().collect();
    assert!(sealed.iter().all(|key| key["pepper"] != first), "sealed anew: {keys}");
    server.end().ok();
    // The old one is not needed any more …
    let path = project.root().join("work/data/peppers");
    let text = std::fs::read_to_string(&path).expect("text");
    let old = first.as_str().expect("a name");
    let without = |kid: &str| {
        let lines = text.lines().filter(|line| !line.starts_with(kid));
        lines.collect::<Vec<_>>().join("\n")
    };
    std::fs::write(&path, without(old)).expect("written");
    let server = Server::start(&project, &arguments);
    assert_eq!(refresh(&server, &token).0, 200);
    server.end().ok();
    // … and the new one is.
    let new = text.lines().find(|line| !line.starts_with('#')).expect("one").split(' ').next();
    std::fs::write(&path, without(new.expect("a name"))).expect("written");
    let run = project.run(&[&["issuer"], &arguments[..]].concat());
    assert!(run.stderr.contains(new.expect("a name")), "which one: {run}");
    run.failed(13, "pepper_missing");
    std::fs::remove_file(&path).expect("removed");
    let run = project.run(&[&["issuer"], &arguments[..]].concat());
    run.failed(13, "pepper_file_missing");
}
