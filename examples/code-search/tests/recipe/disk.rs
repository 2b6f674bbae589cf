//! The token file, and the disk below it.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use unlapse_example_stage::{Desk, Program, Run, Stage};

use super::{code_host, finds, indexed, log_in, project};

/// The rights of root stop at no mode: the program runs as somebody else then, who owns the desk.
struct Unprivileged {
    desk: Desk,
    is_root: bool,
}

impl Unprivileged {
    const SOMEBODY: u32 = 65_534;

    fn at(desk: Desk) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        let this = Self { desk, is_root };
        if is_root {
            // Where the binary lies, somebody else may not come.
            let binary = this.desk.command(&[]).get_program().to_owned();
            std::fs::copy(binary, this.binary()).expect("copied");
            Self::give(this.desk.root());
        }
        this
    }

    fn binary(&self) -> PathBuf {
        self.desk.root().join("code-search")
    }

    fn give(path: &Path) {
        chown(path, Some(Self::SOMEBODY), Some(Self::SOMEBODY)).expect("root may");
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            Self::give(&entry.path());
        }
    }

    fn run_with(&self, arguments: &[&str], stdin: &str) -> Run {
        let mut command = self.desk.command(arguments);
        if self.is_root {
            let mut unprivileged = Command::new(self.binary());
            let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
            unprivileged.env_clear().envs(variables).args(arguments);
            unprivileged.current_dir(self.desk.work()).uid(Self::SOMEBODY).gid(Self::SOMEBODY);
            command = unprivileged;
        }
        Program::start(&mut command, stdin).wait()
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "")
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("it is ours");
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("it is there").permissions().mode() & 0o777
}

#[test]
fn c2_c3_the_token_file_is_sealed_and_nobody_elses() {
    let stage = code_host().start();
    let desk = indexed(&stage);
    let token = desk.work().join(".code-indexer/.token");
    assert_eq!((mode(&token), mode(token.parent().expect("a directory"))), (0o600, 0o700));
    let kept = std::fs::read(&token).expect("read");
    for secret in [Stage::PASSWORD, "eyJ"] {
        let found = kept.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "{secret} lies open in the file");
    }
}

#[test]
fn c2_a_file_that_was_copied_to_another_project_does_not_open_there() {
    let stage = code_host().start();
    let desk = indexed(&stage);
    // Another project of the same person, with the same key file.
    let other = desk.work().join("other");
    std::fs::create_dir_all(other.join(".code-indexer")).expect("created");
    let [from, to] = [desk.work(), other.clone()].map(|dir| dir.join(".code-indexer/.token"));
    std::fs::copy(from, to).expect("copied");
    let mut command = desk.command(&["search", "greet("]);
    let run = Program::start(command.current_dir(other), "").wait().failed(13, "[store_damaged]");
    assert!(run.stderr.contains("its seal does not open"), "{run}");
    finds(&desk);
    assert_eq!(stage.tally().reuses, 0);
}

#[test]
fn c2_under_a_passphrase_the_file_opens_with_that_one_alone() {
    let stage = code_host().start();
    let mut desk = project(&stage);
    desk.set("CODE_SEARCH_PASSPHRASE", "open sesame");
    log_in(&desk).ok();
    desk.run(&["search", "x"]).ok();
    assert!(!desk.root().join("config/code-search/key").exists(), "no key file is needed");
    desk.set("CODE_SEARCH_PASSPHRASE", "open barley");
    desk.run(&["search", "x"]).failed(13, "[custody_unavailable]");
    desk.set("CODE_SEARCH_PASSPHRASE", "open sesame");
    desk.run(&["search", "x"]).ok();
    assert_eq!(stage.tally().logins, 1, "a wrong one harms nothing");
}

#[test]
fn c4_a_damaged_file_is_set_aside_and_a_login_makes_a_new_one() {
    let stage = code_host().start();
    let desk = indexed(&stage);
    let token = desk.work().join(".code-indexer/.token");
    std::fs::write(&token, "{\"half a").expect("written");
    desk.run(&["search", "greet("]).failed(13, "code-search login NAME\n[store_damaged]");
    log_in(&desk).ok();
    finds(&desk);
}

#[test]
fn c16_in_a_read_only_project_the_login_goes_on_beside_it() {
    let stage = code_host().start();
    let at = Unprivileged::at(project(&stage));
    at.run_with(&["login", Stage::USER], Stage::PASSWORD).ok();
    at.run(&["index"]).ok();
    let directory = at.desk.work().join(".code-indexer");
    let before = std::fs::read(directory.join(".token")).expect("read");
    set_mode(&directory, 0o500);

    assert_eq!(at.run(&["search", "greet("]).ok().stderr, "", "to read it is enough");
    stage.expire();
    let run = at.run(&["search", "greet("]).ok();
    assert_eq!(run.stdout.lines().count(), 2, "{run}");
    assert!(run.stderr.contains("warning: ") && run.stderr.contains("cannot be written"), "{run}");
    assert!(std::fs::read(directory.join(".token")).expect("read") == before, "it is read-only");
    let run = at.run(&["search", "greet("]).ok();
    assert_eq!(run.stdout.lines().count(), 2, "the next process finds what was set aside: {run}");

    set_mode(&directory, 0o700);
    stage.expire();
    at.run(&["search", "greet("]).ok();
    assert!(std::fs::read(directory.join(".token")).expect("read") != before, "and back again");
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.reuses), (1, 2, 0));
}

/// A shell that lets no file grow, and becomes what it is given: a disk that is full.
const FULL: &str = "ulimit -f 0; exec \"$0\" \"$@\"";

fn on_a_full_disk(desk: &Desk, arguments: &[&str]) -> Run {
    let command = desk.command(&[]);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", FULL]).arg(command.get_program()).args(arguments).current_dir(desk.work());
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    shell.env_clear().envs(variables);
    Program::start(&mut shell, "").wait()
}

#[test]
fn c16_on_a_full_disk_a_valid_token_serves_and_no_refresh_token_is_spent() {
    let stage = code_host().start();
    let desk = indexed(&stage);
    let run = on_a_full_disk(&desk, &["search", "greet("]).ok();
    assert_eq!((run.stdout.lines().count(), run.stderr.as_str()), (2, ""), "{run}");
    stage.expire();
    let asked = stage.tally().token_requests;
    let run = on_a_full_disk(&desk, &["search", "greet("]).failed(11, "[store_full]");
    assert!(run.stderr.contains("hint: nothing is lost: see to the place"), "{run}");
    assert_eq!(stage.tally().token_requests, asked, "its successor could be kept nowhere");
    finds(&desk);
    let tally = stage.tally();
    assert_eq!((tally.logins, tally.refreshes, tally.reuses), (1, 1, 0));
}
