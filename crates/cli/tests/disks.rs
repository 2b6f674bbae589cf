//! Disks that are full, read-only, limited or not there (R3, R5, C16).
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "tests touch files as a neighbour does")]
#![allow(clippy::print_stdout, reason = "a child tells its parent")]

mod harness;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use harness::{AuthServer, Class, Mounted, Project, Run, Running, child, is_full, passed};
use rustix::io::Errno;
use unlapse_core::{Error, Place, Policy, Reuse, WithoutStore};
use unlapse_store::{DiskStep, WatchedDisk};

/// What happens to the disk, and how it comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Away {
    Full,
    ReadOnly,
}

impl Away {
    fn begin(self, disk: &Mounted) {
        match self {
            Self::Full => disk.fill(),
            Self::ReadOnly => disk.remount("ro"),
        }
    }

    fn end(self, disk: &Mounted) {
        match self {
            Self::Full => std::fs::remove_file(disk.filler()).expect("removed"),
            Self::ReadOnly => disk.remount("rw"),
        }
    }
}

/// A strict server: whatever was sent twice would be seen.
fn strict() -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "reuse = \"strict\"", "");
    (server, project)
}

/// `status` says it, to people and to scripts.
#[track_caller]
fn assert_storage(project: &Project, storage: &str) {
    assert_eq!(project.status()["storage"], storage);
    let text = project.run(&["status", "acme"]).ok();
    assert_eq!(text.stdout.contains("unsaved"), storage == "unsaved", "{text}");
}

#[track_caller]
fn assert_no_reuse(server: &AuthServer, at: &str) {
    let counts = server.counts();
    assert_eq!((counts.reuses, counts.families_revoked, counts.refused), (0, 0, 0), "{at}");
}

fn served_unsaved_and_saved_when_the_disk_is_back(away: Away) {
    let (server, project) = strict();
    let Some(disk) = Mounted::tmpfs(&project.store_dir()) else { return };
    project.log_in(&server);
    project.expire();
    away.begin(&disk);

    let run = project.run(&["token", "acme"]).ok();
    assert!(server.accepts(run.line()), "R5: a new token is served: {run}");
    assert!(run.stderr.contains("unsaved"), "C16: a warning: {run}");
    assert_eq!(server.counts().requests, 2);
    assert_storage(&project, "unsaved");
    for other in project.storm(5, &["token", "acme"]) {
        assert_eq!(other.ok().stdout, run.stdout, "others use the same token");
    }
    let json = project.run(&["token", "acme", "--json"]).ok().json();
    assert_eq!(json["storage"], "unsaved", "scripts can tell");
    assert_eq!(server.counts().requests, 2, "nothing is renewed for want of a disk");

    // Another life of the token on the same disk: the old refresh token is never sent again.
    server.set_lifetime(Duration::from_secs(1));
    project.run(&["refresh", "acme", "--force"]).ok();
    server.set_lifetime(Duration::from_secs(3600));
    harness::eventually("it expires", || project.status()["token"] == "expired");
    let second = project.run(&["token", "acme"]).ok();
    assert!(server.accepts(second.line()));
    assert_eq!(server.counts().requests, 4);
    assert_storage(&project, "unsaved");
    assert_no_reuse(&server, "while the disk is away");

    away.end(&disk);
    let saved = project.run(&["token", "acme"]).ok();
    assert_eq!(saved.stdout, second.stdout, "no renewal is needed to save it");
    assert_storage(&project, "saved");
    assert_eq!(server.counts().requests, 4);
    project.expire();
    project.run(&["token", "acme"]).ok();
    assert_no_reuse(&server, "afterwards");
}

#[test]
fn r5_c16_a_full_disk_serves_the_token_and_saves_it_when_there_is_room() {
    served_unsaved_and_saved_when_the_disk_is_back(Away::Full);
}

#[test]
fn r5_c16_a_read_only_disk_serves_the_token_and_saves_it_when_it_is_writable() {
    served_unsaved_and_saved_when_the_disk_is_back(Away::ReadOnly);
}

#[test]
fn r3_a_disk_that_fills_up_while_the_server_answers_has_room_for_the_answer() {
    let (server, project) = strict();
    let Some(disk) = Mounted::tmpfs(&project.store_dir()) else { return };
    project.log_in(&server);
    project.expire();
    server.fault(harness::Fault::Hold);
    let running = project.spawn(&["token", "acme"]);
    server.until_requests(2);
    disk.fill();
    server.release();
    let run = running.wait().ok();
    assert!(!run.stderr.contains("unsaved"), "R3: the room was set aside before: {run}");
    assert_storage(&project, "saved");
    assert_eq!(project.run(&["token", "acme"]).ok().stdout, run.stdout);
    assert_no_reuse(&server, "R3");
}

/// How a child's disk fails, and how the child goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failing {
    /// The store's directory alone; the process ends with it so.
    Store,
    /// Every directory there is; it comes back while the process lives.
    Everything,
}

/// The disk fails from the first effect of a renewal on, then from the second on, and so on: in
/// both ways at each, or in a quick run in turns.
fn fails_from_every_step_on(failing: Failing) {
    let runs: &[&[&str]] =
        if is_full() { &[&["full"], &["read-only"]] } else { &[&["full", "read-only"]] };
    for ways in runs {
        fails_in_turns(failing, ways);
    }
}

fn fails_in_turns(failing: Failing, ways: &[&str]) {
    let (mut denied, mut unsaved, mut found_aside) = (0, 0, 0);
    for (step, way) in ways.iter().cycle().enumerate() {
        let (server, project) = strict();
        project.log_in(&server);
        project.expire();
        let arg = format!("{failing:?} {way} {step}");
        let at = format!("{arg}: the disk fails from effect {step} on");
        let mut command = child("child_whose_disk_fails", &project, &server, Reuse::Strict, &arg);
        let run = Running::start(&mut command, b"").wait().ok();
        let said = said(&run);
        assert_no_reuse(&server, &at);
        match said.as_str() {
            // Nothing single-use was spent.
            "denied" => {
                assert_eq!(server.counts().requests, 1, "{at}: R3");
                denied += 1;
            }
            "unsaved" => {
                assert_eq!(server.counts().requests, 2, "{at}");
                if failing == Failing::Store {
                    // Put in its place, and only not synced: that is where it is found.
                    let in_place = project.stored().expect("a login").place == Place::Kept;
                    let storage = if in_place { "saved" } else { "unsaved" };
                    assert_eq!(project.status()["storage"], storage, "{at}");
                    found_aside += u32::from(!in_place);
                }
                unsaved += 1;
            }
            "saved" => assert_eq!(server.counts().requests, 2, "{at}"),
            other => panic!("{at}: {other}: {run}"),
        }
        // The disk is well again, and the process has ended.
        let token = project.run(&["token", "acme"]);
        assert_eq!(token.code, Some(0), "{at}: {token}");
        assert!(server.accepts(token.line()), "{at}");
        assert_eq!(server.counts().requests, 2, "{at}: one renewal in all");
        assert_eq!(project.status()["storage"], "saved", "{at}");
        project.expire();
        project.run(&["token", "acme"]).ok();
        assert_no_reuse(&server, &at);
        if said == "saved" && run.stdout.contains("whole disk") {
            break;
        }
    }
    assert!(unsaved > 0, "answers that could not be saved");
    assert_eq!(found_aside > 0, failing == Failing::Store, "answers that were set aside");
    assert_eq!(denied > 0, failing == Failing::Everything, "no intent anywhere, nothing spent");
}

/// What the child says of its token, between other lines.
fn said(run: &Run) -> String {
    let line = run.stdout.lines().find_map(|line| line.split_once("child: "));
    line.unwrap_or_else(|| panic!("nothing said: {run}")).1.to_owned()
}

#[test]
#[ignore = "run by its parent test"]
fn child_whose_disk_fails() {
    let Some(passed) = passed() else { return };
    let mut parts = passed.arg.split(' ');
    let everything = parts.next() == Some("Everything");
    let errno = if parts.next() == Some("full") { Errno::NOSPC } else { Errno::ROFS };
    let first: usize = parts.next().and_then(|step| step.parse().ok()).expect("a step");
    let store = passed.root.join("store");
    let steps = Arc::new(AtomicUsize::new(0));
    let away = Arc::new(AtomicBool::new(true));
    let (counted, is_away) = (Arc::clone(&steps), Arc::clone(&away));
    let disk = WatchedDisk::new(move |step: &DiskStep| {
        if !everything && !step.path.starts_with(&store) {
            return Ok(());
        }
        if counted.fetch_add(1, Ordering::SeqCst) >= first && is_away.load(Ordering::SeqCst) {
            return Err(errno.into());
        }
        Ok(())
    });
    passed.with_source(disk, async |source| {
        let token = match source.token().await {
            Ok(token) => token,
            Err(Error::Store(_)) => return println!("child: denied"),
            Err(error) => panic!("{error}"),
        };
        let whole = steps.load(Ordering::SeqCst) <= first;
        let saved = if token.is_unsaved { "unsaved" } else { "saved" };
        println!("child: {saved}");
        // R5: asked again, it has the same token, and asks nobody.
        let again = source.token().await.expect("the same token");
        assert_eq!(again.secret, token.secret);
        if everything {
            away.store(false, Ordering::SeqCst);
            source.settle().await.expect("R5: saved at the process's end at the latest");
        } else {
            let _ = source.settle().await;
        }
        if whole {
            println!("whole disk");
        }
    });
}

#[test]
fn r3_r5_the_store_fails_from_every_step_of_a_renewal_on() {
    fails_from_every_step_on(Failing::Store);
}

#[test]
fn r3_r5_every_disk_fails_from_every_step_of_a_renewal_on() {
    fails_from_every_step_on(Failing::Everything);
}

/// The binary that may write no byte to any file.
fn limited(project: &Project, arguments: &[&str]) -> Run {
    let binary = project.command(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 0; exec \"$0\" \"$@\""]);
    command.arg(binary.get_program()).args(binary.get_args());
    project.isolate(&mut command);
    let run = Running::start(&mut command, b"").wait();
    // The one place outside of the project that is tried: a directory needs no byte. It is removed
    // if there is nothing in it.
    let outside = format!("/dev/shm/unlapse-{}", rustix::process::getuid().as_raw());
    let _ = std::fs::remove_dir(outside);
    run
}

#[test]
fn r3_c16_where_no_byte_can_be_written_nothing_single_use_is_spent() {
    let (server, project) = strict();
    project.log_in(&server);
    let fresh = project.run(&["token", "acme"]).ok().stdout;
    assert_eq!(limited(&project, &["token", "acme"]).ok().stdout, fresh, "R10: fresh");
    project.make_due();
    assert_eq!(limited(&project, &["token", "acme"]).ok().stdout, fresh, "R10: due");
    project.expire();
    limited(&project, &["token", "acme"]).failed(11, "store_full");
    assert_eq!(server.counts().requests, 1, "R3: the refresh token has not left");
    assert_eq!(project.status()["needs_login"], serde_json::Value::Null);

    let run = project.run(&["token", "acme"]).ok();
    assert!(server.accepts(run.line()), "the login is alive");
    assert_no_reuse(&server, "afterwards");
}

#[test]
fn c16_where_no_byte_can_be_written_a_login_that_spends_nothing_still_works() {
    let server = AuthServer::start(Class::Strict);
    server.require_secret("s3cret");
    let mut project = Project::new(&server, "grant = \"client_credentials\"", "");
    project.env.push(("UNLAPSE_CLIENT_SECRET".to_owned(), "s3cret".to_owned()));
    project.run(&["token", "acme"]).ok();
    project.expire();
    let run = limited(&project, &["token", "acme"]).ok();
    assert!(server.accepts(run.line()), "C16: degraded to memory: {run}");
    assert!(run.stderr.contains("unsaved"), "with a warning: {run}");
}

#[test]
fn c16_where_no_byte_can_be_written_a_renewal_goes_on_in_memory_if_that_was_chosen() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "reuse = \"strict\"", "without_store = \"memory\"");
    project.log_in(&server);
    let fresh = project.run(&["token", "acme"]).ok().stdout;
    project.make_due();
    assert_eq!(limited(&project, &["token", "acme"]).ok().stdout, fresh, "R10: due");
    assert_eq!(server.counts().requests, 1, "nothing is spent while a valid token serves");
    project.expire();
    let run = limited(&project, &["token", "acme"]).ok();
    assert!(server.accepts(run.line()), "{run}");
    assert!(run.stderr.contains("unsaved"), "with a warning: {run}");
    assert_no_reuse(&server, "C16");

    // What the documentation says of a command that ends: its refresh token is gone.
    project.run(&["token", "acme"]).failed(10, "login_needed");
    assert_eq!(server.counts().families_revoked, 1);
}

fn goes_on_in_memory_while_nothing_else_takes_it(away: Away) {
    let (server, project) = strict();
    let Some(disk) = Mounted::tmpfs(&project.store_dir()) else { return };
    project.log_in(&server);
    project.expire();
    let policy =
        Policy { reuse: Reuse::Strict, without_store: WithoutStore::Memory, ..Policy::default() };
    let endpoint = format!("{}/token", server.origin());
    let store = harness::store_alone(project.root());
    let generation = || project.stored().expect("a login").record.generation;
    let before = generation();
    let last = harness::with_source(&endpoint, store, policy, async |source| {
        away.begin(&disk);
        for life in 1..4 {
            let token = source.force_refresh().await.expect("C16: renewed");
            assert!(token.is_unsaved, "{away:?}");
            assert_eq!(token.generation, before + life, "{away:?}");
        }
        assert_eq!(generation(), before, "{away:?}");
        assert!(source.settle().await.is_err(), "{away:?}: it is tried");
        away.end(&disk);
        source.settle().await.expect("R5: saved");
        source.token().await.expect("valid").secret.expose().to_owned()
    });
    let run = project.run(&["token", "acme"]).ok();
    assert_eq!(run.line(), last, "{away:?}: in its place, for everybody");
    assert!(server.accepts(run.line()));
    assert_storage(&project, "saved");
    assert_no_reuse(&server, "C16");
}

#[test]
fn c16_r5_a_full_disk_and_nothing_else_degrades_to_memory_if_that_was_chosen() {
    goes_on_in_memory_while_nothing_else_takes_it(Away::Full);
}

#[test]
fn c16_r5_a_read_only_disk_and_nothing_else_degrades_to_memory_if_that_was_chosen() {
    goes_on_in_memory_while_nothing_else_takes_it(Away::ReadOnly);
}

#[test]
fn c16_a_missing_store_directory_is_made_again() {
    let (server, project) = strict();
    project.log_in(&server);
    std::fs::remove_dir_all(project.store_dir()).expect("removed");
    // Whatever was in it is gone, and that is said.
    project.run(&["token", "acme"]).failed(10, "login_needed");
    project.log_in(&server);
    let run = project.run(&["token", "acme"]).ok();
    assert!(server.accepts(run.line()));
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(project.store_dir()).expect("made").permissions(),
    );
    assert_eq!(mode & 0o777, 0o700, "C3");
}

#[test]
fn c16_without_a_home_the_error_says_what_to_set() {
    let (server, project) = strict();
    let without_home = |arguments: &[&str]| {
        let mut command = project.command(arguments);
        // A relative one counts as none. One that is missing would be looked up in the system's
        // list of users, and lead out of this test.
        command.env("HOME", "relative").env_remove("UNLAPSE_HOME");
        command
    };
    let token = ["token", "acme"];
    let run = Running::start(&mut without_home(&token), b"").wait();
    assert!(run.failed(2, "config_no_home").stderr.contains("UNLAPSE_HOME"));
    let login = ["login", "acme", "--refresh-token-stdin"];
    let refresh_token = server.issue();
    let mut command = without_home(&login);
    Running::start(&mut command, refresh_token.as_bytes()).wait().failed(2, "config_no_home");
    assert_eq!(server.counts().requests, 0, "nothing was spent");

    // Without a store nothing needs a home; and with one that is named, none is looked for.
    let no_store = ["token", "acme", "--no-store"];
    Running::start(&mut without_home(&no_store), b"").wait().failed(10, "login_needed");
    let home = project.state_dir();
    let mut command = without_home(&login);
    command.env("UNLAPSE_HOME", &home).env_remove("HOME");
    Running::start(&mut command, refresh_token.as_bytes()).wait().ok();
    let mut command = without_home(&token);
    command.env("UNLAPSE_HOME", &home).env_remove("HOME");
    assert!(server.accepts(Running::start(&mut command, b"").wait().ok().line()));
}

#[test]
fn c16_a_state_directory_that_cannot_be_made_is_named() {
    let (server, project) = strict();
    let file = project.root().join("a-file");
    std::fs::write(&file, "in the way").expect("written");
    let below = file.join("state");
    let mut command = project.command(&["login", "acme", "--refresh-token-stdin"]);
    command.env("UNLAPSE_HOME", &below);
    let run = Running::start(&mut command, server.issue().as_bytes()).wait();
    let run = run.failed(14, "custody_unavailable");
    assert!(run.stderr.contains(below.to_str().expect("text")), "named: {run}");
    assert_eq!(server.counts().requests, 0, "nothing was spent that could not be kept");

    // Client credentials spend nothing: a token all the same, with a warning.
    server.require_secret("s3cret");
    project.configure(&harness::config(&server, "grant = \"client_credentials\"", ""), "");
    let mut command = project.command(&["token", "acme"]);
    command.env("UNLAPSE_HOME", &below).env("UNLAPSE_CLIENT_SECRET", "s3cret");
    let run = Running::start(&mut command, b"").wait().ok();
    assert!(server.accepts(run.line()), "C16: {run}");
    assert!(run.stderr.contains("warning:"), "C16: {run}");
}
