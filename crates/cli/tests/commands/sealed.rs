//! Custody of the key: a record opens for whom it belongs to, and nobody's mistake loses it.

use std::process::Command;

use crate::harness::{AuthServer, Class, Project, config};

/// As quick as the configuration allows.
const PASSPHRASE: &str = "custody = \"passphrase\"\nrounds = 100000";

fn sealed(store: &str) -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Strict);
    let project = Project::empty();
    project.configure(&config(&server, "", ""), store);
    (server, project)
}

fn set(project: &mut Project, passphrase: &str) {
    project.env = vec![("UNLAPSE_PASSPHRASE".to_owned(), passphrase.to_owned())];
}

#[test]
fn c2_a_record_copied_to_another_project_does_not_open() {
    let server = AuthServer::start(Class::Strict);
    let (mine, other) = (Project::new(&server, "", ""), Project::new(&server, "", ""));
    mine.log_in(&server);
    let record = mine.record_path();
    let name = record.file_name().expect("a name");
    std::fs::create_dir(other.store_dir()).expect("created");
    let copy = |project: &Project, key: bool| {
        let to = project.store_dir().join(name);
        let status = Command::new("cp").arg("-p").arg(&record).arg(&to).status();
        assert!(status.expect("cp").success());
        if key {
            let file = "unlapse.key";
            let from = mine.state_dir().join(file);
            let status = Command::new("cp").arg("-p").arg(from).arg(project.state_dir()).status();
            assert!(status.expect("cp").success());
        }
    };
    // The same user's key, and another project.
    other.configure(&config(&server, "", ""), "");
    let text = std::fs::read_to_string(other.config_path()).expect("read");
    std::fs::write(other.config_path(), text.replace("acme-project", "other-project"))
        .expect("written");
    copy(&other, true);
    let run = other.run(&["token", "acme"]).failed(14, "store_damaged");
    assert!(run.stderr.contains("belongs to another project or key"), "{run}");
    assert_eq!(server.counts().requests, 1, "nothing of it is sent anywhere");
    // The same project's identity with the same key is that project, wherever it lies.
    let moved = Project::new(&server, "", "");
    std::fs::create_dir(moved.store_dir()).expect("created");
    copy(&moved, true);
    assert_eq!(moved.run(&["token"]).ok().stdout, mine.run(&["token"]).ok().stdout);
}

#[test]
fn c2_a_passphrase_seals_and_a_wrong_one_loses_nothing() {
    let (server, mut project) = sealed(PASSPHRASE);
    let needed = project.run_with(&["login", "acme", "--refresh-token-stdin"], &server.issue());
    needed.failed(13, "custody_unavailable");
    set(&mut project, "right");
    project.log_in(&server);
    let token = project.run(&["token"]).ok();
    assert!(!project.state_dir().join("unlapse.key").exists(), "no key lies about");

    let record = std::fs::read(project.record_path()).expect("read");
    for wrong in ["wrong", "right "] {
        set(&mut project, wrong);
        for arguments in
            [["token", "acme"].as_slice(), &["refresh"], &["logout"], &["status", "--check"]]
        {
            assert_eq!(project.run(arguments).code, Some(13), "{arguments:?}");
        }
        let run = project.run(&["token"]).failed(13, "custody_unavailable");
        assert!(run.stderr.contains("the passphrase is wrong"), "{run}");
    }
    project.env.clear();
    let run = project.run(&["token"]).failed(13, "custody_unavailable");
    assert!(run.stderr.contains("UNLAPSE_PASSPHRASE"), "{run}");
    assert_eq!(std::fs::read(project.record_path()).expect("read"), record, "not a byte");
    set(&mut project, "right");
    assert_eq!(project.run(&["token"]).ok().stdout, token.stdout);
    let counts = server.counts();
    assert_eq!((counts.requests, counts.revocations), (1, 0), "nobody was asked anything");
}

#[test]
fn r10_another_key_file_loses_nothing_and_is_told() {
    let (server, project) = sealed("");
    project.log_in(&server);
    let token = project.run(&["token"]).ok();
    let record = std::fs::read(project.record_path()).expect("read");
    let (key, away) = (project.state_dir().join("unlapse.key"), project.root().join("away"));
    std::fs::rename(&key, &away).expect("moved");
    let made = Command::new("sh")
        .args(["-c", "umask 077; head -c 32 /dev/urandom > \"$0\""])
        .arg(&key)
        .status();
    assert!(made.expect("sh").success());

    let login = ["login", "acme", "--refresh-token-stdin"];
    project.run_with(&login, &server.issue()).failed(13, "custody_key_wrong");
    for arguments in [["token", "acme"].as_slice(), &["refresh"], &["logout"]] {
        let run = project.run(arguments).failed(13, "custody_key_wrong");
        assert!(run.stderr.contains("UNLAPSE_HOME"), "{run}");
    }
    let doctor = project.run(&["doctor"]);
    assert_eq!(doctor.code, Some(11), "{doctor}");
    assert!(doctor.stdout.contains("not the one that the record was sealed with"), "{doctor}");
    assert!(doctor.stdout.contains(&key.display().to_string()), "{doctor}");
    assert!(!doctor.stdout.contains("quarantine"), "{doctor}");
    assert_eq!(std::fs::read(project.record_path()).expect("read"), record, "not a byte");
    assert_eq!((server.counts().requests, server.counts().revocations), (1, 0));

    std::fs::rename(&away, &key).expect("moved back");
    assert_eq!(project.run(&["token"]).ok().stdout, token.stdout);
}

#[test]
fn k9_a_login_whose_key_is_gone_for_good_can_be_forgotten() {
    let (server, project) = sealed("");
    for lost in [
        |key: &std::path::Path| std::fs::remove_file(key).expect("removed"),
        |key: &std::path::Path| std::fs::write(key, [7; 32]).expect("written"),
    ] {
        project.log_in(&server);
        lost(&project.state_dir().join("unlapse.key"));
        assert_ne!(project.run(&["token"]).code, Some(0));
        project.run(&["logout", "--local"]).ok();
        project.run(&["token"]).failed(10, "login_needed");
    }
    project.log_in(&server);
    project.run(&["token"]).ok();
}

#[test]
fn c2_argon2id_seals_as_well() {
    let (server, mut project) =
        sealed("custody = \"passphrase\"\nderivation = \"argon2id\"\nrounds = 1");
    set(&mut project, "right");
    project.log_in(&server);
    project.run(&["token"]).ok();
    set(&mut project, "wrong");
    project.run(&["token"]).failed(13, "custody_unavailable");
}

#[test]
fn k3_the_machine_seals_without_a_key_file() {
    let (server, project) = sealed("custody = \"machine\"");
    if std::fs::read_to_string("/etc/machine-id").map_or(true, |id| id.trim().is_empty()) {
        // A container without an identity: refused, and nothing is stored in clear.
        let login = ["login", "acme", "--refresh-token-stdin"];
        project.run_with(&login, &server.issue()).failed(14, "custody_unavailable");
        return;
    }
    project.log_in(&server);
    project.run(&["token"]).ok();
    assert!(!project.state_dir().join("unlapse.key").exists());
    let doctor = project.run(&["doctor"]).ok();
    assert!(doctor.stdout.contains("every program of this user can read"), "{doctor}");
}

#[test]
fn r10_a_key_file_that_is_away_loses_nothing() {
    let (server, project) = sealed("");
    project.log_in(&server);
    let token = project.run(&["token"]).ok();
    let (key, away) = (project.state_dir().join("unlapse.key"), project.root().join("away"));
    std::fs::rename(&key, &away).expect("moved");
    project.run(&["token"]).failed(14, "custody_unavailable");
    project.run(&["refresh"]).failed(14, "custody_unavailable");
    assert!(!key.exists(), "no new key is made to open an old record");
    std::fs::rename(&away, &key).expect("moved");
    assert_eq!(project.run(&["token"]).ok().stdout, token.stdout);
}
