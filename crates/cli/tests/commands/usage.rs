//! `log` and `stats`: who used which token how often (K11).

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::harness::{AuthServer, Class, Fault, Mounted, Project, config};

/// What was done, and by whom, in order.
fn deeds(project: &Project) -> Vec<String> {
    let log = project.run(&["log", "--json"]).ok().json();
    let entries = log["entries"].as_array().expect("entries").clone();
    let word = |entry: &Value| match (entry["did"].as_str(), entry["outcome"].as_str()) {
        (Some(did), None) => did.to_owned(),
        (Some(did), Some(outcome)) => format!("{did} {outcome}"),
        (None, _) => panic!("{entry} did nothing"),
    };
    entries.iter().map(word).collect()
}

#[test]
fn k11_every_command_writes_down_what_it_did() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "attempts = 1");
    project.run(&["log", "--json"]).ok();
    project.log_in(&server);
    project.run(&["token", "acme"]).ok();
    project.run(&["exec", "acme", "--", "/bin/true", "an argument"]).ok();
    project.run(&["refresh", "acme", "--force"]).ok();
    project.expire();
    server.fault(Fault::unavailable());
    project.run(&["token", "acme"]).failed(11, "temporary_failure");
    project.run(&["token", "acme"]).ok();
    project.run(&["logout", "acme"]).ok();
    let expected = [
        "logged_in",
        "served",
        "served",
        "renewed renewed",
        "renewed failed",
        "renewed renewed",
        "served",
        "logged_out",
    ];
    assert_eq!(deeds(&project), expected);

    let log = project.run(&["log", "acme", "--json"]).ok().json();
    let entries = log["entries"].as_array().expect("entries");
    let by = |at: usize| entries[at]["program"].as_str().expect("a name").to_owned();
    // The kernel cuts names after fifteen bytes.
    assert!(by(1).starts_with("commands-"), "{} is not this test", by(1));
    assert_eq!(by(2), "true", "the command, without its arguments");
    let failed = &entries[4];
    assert_eq!((&failed["code"], &failed["attempts"]), (&json!("temporary_failure"), &json!(1)));
    assert_eq!(entries[3]["lifetime_ms"], 3_600_000);
    assert!(entries.iter().all(|entry| entry["profile"] == "acme"));

    let text = project.run(&["log"]).ok().stdout;
    assert_eq!(text.lines().count(), expected.len());
    assert!(text.contains("acme  renewal: failed (temporary_failure)  by "), "{text}");
    assert_eq!(project.run(&["log", "--since", "0s"]).ok().stdout, "");
    project.run(&["log", "nobody"]).failed(2, "config_unknown_profile");

    let path = project.store_dir().join("usage.log");
    assert_eq!(path.metadata().expect("a journal").mode() & 0o777, 0o600);
    let journal = std::fs::read_to_string(path).expect("text");
    assert!(!journal.contains("argument"), "R18: arguments are nobody's business");
}

#[test]
fn k11_stats_count_by_program_and_tell_what_is_unusual() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "attempts = 1");
    project.log_in(&server);
    for _ in 0..3 {
        project.run(&["token", "acme"]).ok();
    }
    project.run(&["exec", "acme", "--", "/bin/true"]).ok();
    project.expire();
    server.fault(Fault::unavailable());
    project.run(&["exec", "acme", "--", "/bin/true"]).failed(11, "temporary_failure");
    project.run(&["exec", "acme", "--", "/bin/true"]).ok();
    let stats = project.run(&["stats", "--json"]).ok().json();
    assert_eq!(stats["alerts"], json!([]));
    let rows = stats["rows"].as_array().expect("rows");
    let of = |program: &str| rows.iter().find(|row| row["program"] == program).expect("a row");
    let exec = of("true");
    assert_eq!((&exec["served"], &exec["renewals"]), (&json!(2), &json!(2)));
    assert_eq!((&exec["succeeded"], &exec["success_rate"]), (&json!(1), &json!(0.5)));
    assert!(exec["p50_ms"].as_u64() <= exec["p99_ms"].as_u64());
    let served: u64 = rows.iter().filter_map(|row| row["served"].as_u64()).sum();
    assert_eq!(served, 5);
    let text = project.run(&["stats"]).ok().stdout;
    assert!(text.starts_with("profile  program") && text.contains("50 %"), "{text}");

    // The store lies on a disk that another host writes to as well.
    let path = project.store_dir().join("usage.log");
    let journal = std::fs::read_to_string(&path).expect("text");
    let renewed = journal.lines().rfind(|line| line.contains(r#""outcome":"renewed""#));
    let mut other: Value = serde_json::from_str(renewed.expect("a renewal")).expect("JSON");
    other["host"] = "another-host".into();
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("opened");
    writeln!(file, "{other}").expect("written");
    let stats = project.run(&["stats", "--json"]).ok().json();
    assert_eq!(stats["alerts"][0]["code"], "second_host");
    let text = project.run(&["stats"]).ok().stdout;
    assert!(text.contains("unusual:") && text.contains("from 2 hosts: "), "{text}");
    // `cargo xtask observed`, which shows it in the documentation.
    if let Some(folder) = std::env::var_os("UNLAPSE_OBSERVED") {
        let text = text.replace(&host(), "build-1").replace("another-host", "laptop-7");
        std::fs::write(std::path::Path::new(&folder).join("stats"), text).expect("written");
    }
}

/// This machine's name, which is nobody else's business.
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[test]
fn k11_whoever_renews_without_need_is_warned_once() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let warned: Vec<_> = (0..13)
        .map(|_| project.run(&["refresh", "acme", "--force"]).ok())
        .map(|run| run.stderr.contains("warning: ") && run.stderr.contains("unlapse stats"))
        .collect();
    // Ten early ones make eleven renewals.
    let expected: Vec<_> = (1..=13).map(|renewal| renewal == 11).collect();
    assert_eq!(warned, expected);
    let alerts = project.run(&["stats", "--json"]).ok().json()["alerts"].clone();
    assert_eq!(alerts[0]["code"], "early_renewals");
}

#[test]
fn k11_a_journal_that_cannot_be_written_costs_one_warning_and_no_token() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let path = project.store_dir().join("usage.log");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("opened up");
    let run = project.run(&["token", "acme"]).ok();
    assert!(server.accepts(run.stdout.trim()));
    assert_eq!(run.stderr.matches("warning:").count(), 1, "{run}");
    assert_eq!(project.run(&["token", "acme", "--quiet"]).ok().stderr, "");
    project.run(&["refresh", "acme"]).ok();
    project.run(&["log"]).failed(11, "journal_unreadable");
    project.run(&["stats"]).failed(11, "journal_unreadable");
}

#[cfg(target_os = "linux")]
#[test]
fn k11_a_store_on_a_read_only_disk_has_no_journal_and_no_warning() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    let Some(disk) = Mounted::tmpfs(&project.store_dir()) else { return };
    project.log_in(&server);
    let before = deeds(&project);
    disk.remount("ro");
    let run = project.run(&["token", "acme"]).ok();
    assert!(server.accepts(run.stdout.trim()));
    assert_eq!(run.stderr, "");
    assert_eq!(deeds(&project), before);
}

#[test]
fn k11_the_journal_can_be_switched_off() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::empty();
    project.configure(&config(&server, "", "[log]\njournal = false"), "");
    project.log_in(&server);
    project.run(&["token", "acme"]).ok();
    assert!(!project.store_dir().join("usage.log").exists());
    project.run(&["log"]).failed(2, "no_journal");
    project.run(&["stats", "--no-store"]).failed(2, "no_journal");
}

#[test]
fn k11_what_happens_can_be_followed() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let mut command = project.command(&["log", "--follow", "--json"]);
    let mut following =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let mut lines = BufReader::new(following.stdout.take().expect("piped")).lines();
    let mut next = || -> Value {
        serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON")
    };
    assert_eq!(next()["did"], "logged_in");
    project.run(&["token", "acme"]).ok();
    assert_eq!(next()["did"], "served");
    project.run(&["refresh", "acme", "--force"]).ok();
    assert_eq!(next()["did"], "renewed");
    let id = rustix::process::Pid::from_child(&following);
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("interrupted");
    assert!(following.wait().expect("ended").success());
}
