//! What a process shows of itself: arguments, environment, core dumps.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use crate::harness::{Fault, Project, Running, cannot_run, eventually};
use crate::planted::{Planted, SEALED};
use crate::search::{
    ACCESS_TOKEN, ALL, API_KEY, CLIENT_SECRET, ENV_SECRET, PASSPHRASE, PASSWORD, REFRESH_TOKEN,
    search,
};

/// What a process shows to everybody, and to its user.
fn shown(pid: u32) -> (Vec<u8>, Vec<u8>) {
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).expect("a process");
    (read("cmdline"), read("environ"))
}

#[test]
fn r18_nothing_is_in_arguments_and_environments_of_ours() {
    let planted = Planted::new(SEALED);
    planted.log_in();
    // What the caller put there itself is the caller's.
    let own = [PASSPHRASE, ENV_SECRET, API_KEY];
    let others: Vec<_> = ALL.into_iter().filter(|secret| !own.contains(secret)).collect();
    let rows: [(&[&str], &str); 4] = [
        (&["login", "password", "--password-stdin"], PASSWORD),
        (&["login", "stored", "--client-secret-stdin"], CLIENT_SECRET),
        (&["refresh", "refreshed"], ""),
        (&["refresh", "endpoint", "--force"], ""),
    ];
    for (arguments, stdin) in rows {
        let before = planted.server.counts().requests;
        planted.server.fault(Fault::Hang);
        let mut command = planted.project.command(arguments);
        let running = Running::start(&mut command, stdin.as_bytes());
        planted.server.until_requests(before + 1);
        let (arguments, environment) = shown(running.pid());
        search("the arguments of a process", &arguments, &ALL);
        search("the environment of a process", &environment, &others);
    }

    // A command that asked for a token has that, and only there.
    let script = "tr '\\0' ' ' </proc/$$/cmdline; tr '\\0' '\\n' </proc/$$/environ";
    let run = planted.project.run(&["exec", "given", "--", "sh", "-c", script]);
    let lines = run.stdout.lines().filter(|line| !line.starts_with("UNLAPSE_TOKEN="));
    let text: Vec<_> = lines.collect();
    assert!(run.stdout.contains("UNLAPSE_TOKEN=at."), "{run}");
    search("what exec's command sees", text.join("\n").as_bytes(), &ALL);
}

#[test]
fn r18_the_workers_of_the_demo_carry_no_secret() {
    let planted = Planted::new(SEALED);
    let demo = planted.project.spawn(&["demo", "--seconds", "3", "--workers", "2"]);
    let children = || {
        let path = format!("/proc/{0}/task/{0}/children", demo.pid());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
    };
    eventually("workers run", || demo.stdout().contains(" requests") && children().len() == 2);
    for pid in children() {
        let read = |name| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
        search("a worker's arguments", &read("cmdline"), &ALL);
        // No refresh token of the demo either.
        search("a worker's environment", &read("environ"), &[REFRESH_TOKEN, ACCESS_TOKEN]);
        let arguments = String::from_utf8_lossy(&read("cmdline")).into_owned();
        assert!(!arguments.contains("v1."), "a refresh token of the issuer: {arguments}");
    }
    let run = demo.wait().ok();
    search("what the demo prints", format!("{}{}", run.stdout, run.stderr).as_bytes(), &ALL);
}

/// Starts a command where core dumps are allowed, ends it with a signal that makes one, and says
/// whether the kernel made one. `ready` is given its process.
fn dumps_core(project: &Project, arguments: &[&str], ready: impl Fn(u32)) -> bool {
    let mut command = Command::new("sh");
    project.isolate(&mut command);
    command
        .args(["-c", "ulimit -c \"$(ulimit -H -c)\"; exec \"$@\"", "sh"])
        .args(arguments)
        .current_dir(project.root().join("tmp"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().expect("started");
    ready(child.id());
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, Signal::ABORT).expect("it runs");
    child.wait().expect("ended").core_dumped()
}

#[test]
fn c13_a_process_with_secrets_leaves_no_core_dump() {
    let planted = Planted::new(SEALED);
    planted.log_in();
    // A signal before that would meet the shell, or the command that has not become `sleep` yet.
    let sleeps = |pid: u32| {
        let name = format!("/proc/{pid}/comm");
        eventually("it sleeps", || std::fs::read(&name).is_ok_and(|name| name == b"sleep\n"));
    };
    if !dumps_core(&planted.project, &["sleep", "60"], sleeps) {
        return cannot_run("this machine allows no core dumps (ulimit -c)");
    }
    let before = planted.server.counts().requests;
    planted.server.fault(Fault::Hang);
    let arguments = [env!("CARGO_BIN_EXE_unlapse"), "refresh", "refreshed"];
    let dumped =
        dumps_core(&planted.project, &arguments, |_| planted.server.until_requests(before + 1));
    assert!(!dumped, "C13: a refresh token is in memory");
    // The command that exec becomes may dump as it likes.
    let exec = [env!("CARGO_BIN_EXE_unlapse"), "exec", "given", "--", "sleep", "60"];
    assert!(dumps_core(&planted.project, &exec, sleeps), "the mark ends with us");
}
