//! Where records rest: what is damaged or exposed, the layout of one file, and no store at all.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::harness::{AuthServer, Class, Project, config};

fn logged_in() -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    (server, project)
}

fn quarantined(project: &Project) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project.store_dir()).expect("a store").flatten();
    let paths = entries.map(|entry| entry.path());
    paths.filter(|path| path.to_string_lossy().contains(".quarantined-")).collect()
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn c4_every_damage_is_told_with_its_file_kept_and_a_login_mends_it() {
    let (server, project) = logged_in();
    let path = project.record_path();
    let good = std::fs::read(&path).expect("read");
    let mut altered = good.clone();
    *altered.last_mut().expect("bytes") ^= 1;
    let rows = [
        ("empty", Vec::new()),
        ("truncated or corrupt", good[..40].to_vec()),
        ("seal does not open", good[..good.len() / 2].to_vec()),
        ("truncated or corrupt", vec![0xff; 200]),
        ("larger than 64 KiB", vec![b'x'; 70_000]),
        ("seal does not open", altered),
    ];
    for (damage, bytes) in rows {
        // Over the file as it is, so that its mode stays.
        std::fs::write(&path, &bytes).expect("written");
        let before = server.counts().requests;
        let run = project.run(&["token", "acme"]).failed(14, "store_damaged");
        assert!(run.stderr.contains(damage), "{damage}: {run}");
        assert_eq!(server.counts().requests, before, "{damage}: nothing is sent");
        let kept = quarantined(&project);
        let [kept] = kept.as_slice() else { panic!("{damage}: {kept:?}") };
        assert!(run.stderr.contains(kept.to_str().expect("text")), "{damage}: {run}");
        assert_eq!(std::fs::read(kept).expect("kept"), bytes, "{damage}: as it was");
        let doctor = project.run(&["doctor"]).ok();
        assert!(doctor.stdout.contains("quarantine"), "{doctor}");
        std::fs::remove_file(kept).expect("removed");
        project.run(&["token", "acme"]).failed(10, "login_needed");
        project.log_in(&server);
        project.run(&["token", "acme"]).ok();
    }
}

#[test]
fn c4_every_command_that_finds_a_damage_says_so() {
    let (_server, project) = logged_in();
    let path = project.record_path();
    let good = std::fs::read(&path).expect("read");
    let rows: [(&[&str], i32); 7] = [
        (&["token"], 14),
        (&["refresh"], 14),
        (&["logout"], 14),
        (&["exec", "acme", "--", "true"], 14),
        (&["status"], 0),
        (&["list"], 0),
        (&["doctor"], 11),
    ];
    for (arguments, code) in rows {
        std::fs::write(&path, &good[..40]).expect("written");
        set_mode(&path, 0o600);
        let run = project.run(arguments);
        assert_eq!(run.code, Some(code), "{run}");
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains("damaged (it is truncated or corrupt)"), "{arguments:?}: {run}");
        assert!(said.contains(".quarantined-"), "{arguments:?}: {run}");
    }
}

#[test]
fn c9_c4_a_rung_that_needs_no_person_goes_on_with_a_warning() {
    let server = AuthServer::start(Class::Strict);
    server.require_secret("s3cret");
    let profile = "grant = \"client_credentials\"\nclient_secret_env = \"ACME_SECRET\"";
    let mut project = Project::new(&server, profile, "");
    project.env.push(("ACME_SECRET".to_owned(), "s3cret".to_owned()));
    project.run(&["token"]).ok();
    std::fs::write(project.record_path(), "torn").expect("written");
    let run = project.run(&["token"]).ok();
    assert!(server.accepts(run.line()));
    assert!(run.stderr.contains("warning: the record of acme is damaged"), "{run}");
}

#[test]
fn c3_files_are_private_and_one_that_others_could_read_is_not_trusted() {
    let (server, project) = logged_in();
    let path = project.record_path();
    assert_eq!((mode(&path), mode(&project.store_dir())), (0o600, 0o700));
    assert_eq!(mode(&project.state_dir().join("unlapse.key")), 0o600);

    // Too open a directory is repaired, and the token is served.
    set_mode(&project.store_dir(), 0o755);
    project.run(&["token"]).ok();
    assert_eq!(mode(&project.store_dir()), 0o700);

    set_mode(&path, 0o644);
    let run = project.run(&["token"]).failed(14, "store_damaged");
    assert!(run.stderr.contains("others could read or change it"), "{run}");
    let [kept] = quarantined(&project).try_into().expect("one");
    assert_eq!(mode(&kept), 0o600, "what is kept is private");
    project.run(&["token"]).failed(10, "login_needed");
    project.log_in(&server);
    project.run(&["token"]).ok();
}

#[test]
fn c1_a_tools_own_file_holds_the_record_and_its_directory_is_left_as_it_is() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::empty();
    let dir = project.root().join("work/.code-indexer");
    std::fs::create_dir(&dir).expect("created");
    set_mode(&dir, 0o755);
    std::fs::write(dir.join("config.json"), "{}").expect("written");
    // As a user writes it: relative, in the project's own file.
    let configured = project.root().join("work/.unlapse");
    std::fs::create_dir(&configured).expect("created");
    let text = format!("{}\n[store]\npath = \".code-indexer/.token\"\n", config(&server, "", ""));
    std::fs::write(configured.join("config.toml"), text).expect("written");
    let run = |arguments: &[&str], stdin: &str| {
        let mut command = project.command(arguments);
        command.env_remove("UNLAPSE_CONFIG").env_remove("UNLAPSE_HOME");
        crate::harness::Running::start(&mut command, stdin.as_bytes()).wait()
    };
    run(&["login", "acme", "--refresh-token-stdin"], &server.issue()).ok();
    let token = dir.join(".token");
    assert_eq!((mode(&token), mode(&dir)), (0o600, 0o755));
    assert!(server.accepts(run(&["token"], "").ok().line()));
    assert_eq!(server.counts().requests, 1);
    run(&["logout"], "").ok();
    run(&["token"], "").failed(10, "login_needed");
    assert!(dir.join("config.json").exists(), "what is the tool's stays");
}

#[test]
fn k6_without_a_store_nothing_touches_the_disk() {
    let server = AuthServer::start(Class::Strict);
    server.require_secret("s3cret");
    let profile = "grant = \"client_credentials\"\nclient_secret_env = \"ACME_SECRET\"";
    let mut project = Project::new(&server, profile, "");
    project.env.push(("ACME_SECRET".to_owned(), "s3cret".to_owned()));
    project.env.push(("UNLAPSE_NO_STORE".to_owned(), "1".to_owned()));
    for _ in 0..2 {
        assert!(server.accepts(project.run(&["token"]).ok().line()));
    }
    assert_eq!(server.counts().logins, 2, "each process logs in by itself");
    let doctor = project.run(&["doctor"]).ok();
    assert!(doctor.stdout.contains("nothing is kept on disk"), "{doctor}");
    for dir in [project.store_dir(), project.state_dir().join("unlapse.key")] {
        assert!(!dir.exists(), "{}", dir.display());
    }
    let empty = std::fs::read_dir(project.state_dir()).expect("read").next().is_none();
    assert!(empty, "nor state");
}

#[test]
fn a3_auto_keeps_nothing_of_a_server_on_this_machine() {
    let server = AuthServer::start(Class::Strict);
    server.require_secret("s3cret");
    let profile = "grant = \"client_credentials\"\nclient_secret_env = \"ACME_SECRET\"";
    let mut project = Project::empty();
    project.configure(&config(&server, profile, ""), "persist = \"auto\"");
    project.env.push(("ACME_SECRET".to_owned(), "s3cret".to_owned()));
    for _ in 0..2 {
        assert!(server.accepts(project.run(&["token"]).ok().line()));
    }
    assert_eq!(server.counts().logins, 2, "each process logs in by itself");
    assert!(!project.store_dir().exists());
    let state = std::fs::read_dir(project.state_dir()).expect("read");
    let left: Vec<_> = state.flatten().map(|entry| entry.file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
    let doctor = project.run(&["doctor"]).ok();
    assert!(doctor.stdout.contains("looks like a test's"), "{doctor}");

    // Whoever says so keeps it all the same.
    project.env.push(("UNLAPSE_PERSIST".to_owned(), "on".to_owned()));
    for _ in 0..2 {
        assert!(server.accepts(project.run(&["token"]).ok().line()));
    }
    assert_eq!(server.counts().logins, 3);
    let journal = project.store_dir().join("usage.log");
    let written = || std::fs::read_to_string(&journal).expect("what is kept is written down");
    let before = written();
    let again = project.run(&["token", "--no-persist"]).ok();
    assert!(server.accepts(again.line()));
    assert_eq!(written(), before, "K11: what is not kept is not written down");
    assert_eq!(server.counts().logins, 4);
}
