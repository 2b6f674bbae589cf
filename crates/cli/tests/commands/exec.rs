//! `exec`: becomes the command, with the token in its environment and nowhere else.

use rustix::process::Signal;

use crate::harness::{AuthServer, Class, Project, Running, eventually};

fn logged_in() -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    (server, project)
}

#[test]
fn the_token_is_in_the_environment_and_in_no_argument() {
    let (_server, project) = logged_in();
    let token = project.run(&["token"]).ok();
    let script = "printf %s \"$UNLAPSE_TOKEN\"; tr '\\0' ' ' </proc/$$/cmdline >&2";
    let run = project.run(&["exec", "acme", "--", "sh", "-c", script]).ok();
    assert_eq!(run.stdout, token.line());
    assert!(run.stderr.contains("sh -c") && !run.stderr.contains(token.line()), "{run}");
    let named = project.run(&["exec", "acme", "--env", "MY_TOKEN", "--", "printenv", "MY_TOKEN"]);
    assert_eq!(named.ok().stdout, token.stdout);
}

#[test]
fn exit_codes_are_the_commands_own() {
    let (_server, project) = logged_in();
    for code in [0, 1, 7, 10, 255] {
        let script = format!("exit {code}");
        assert_eq!(project.run(&["exec", "acme", "--", "sh", "-c", &script]).code, Some(code));
    }
    let run = project.run(&["exec", "acme", "--", "sh", "-c", "kill -TERM $$"]);
    assert_eq!((run.code, run.signal), (None, Some(15)));
    project.run(&["exec", "acme", "--", "no-such-command"]).failed(2, "exec_failed");
    project.run(&["exec", "acme", "--env", "A=B", "--", "true"]).failed(2, "usage");
    project.run(&["exec", "acme", "true"]).failed(2, "usage");
}

#[test]
fn signals_reach_the_command() {
    let (_server, project) = logged_in();
    let script = "trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.02; done";
    let running = project.spawn(&["exec", "acme", "--", "sh", "-c", script]);
    eventually("the command runs", || running.stdout().contains("ready"));
    running.signal(Signal::INT);
    let run = running.wait();
    assert_eq!((run.code, run.stdout.as_str()), (Some(3), "ready\ncaught\n"), "{run}");
}

#[test]
fn what_the_command_inherits_is_what_it_would_have_without_us() {
    let (_server, project) = logged_in();
    // Blocked and ignored signals (the last two of 33 are the C library's own), limits, descriptors.
    let script = "sed -nE 's/^(SigBlk|SigIgn):.*(.{8})$/\\1 \\2/p' /proc/self/status | tr 89 01; \
                  ulimit -a; ls /proc/self/fd";
    // Whatever whoever starts us does with the signal that we handle.
    for before in ["", "trap '' XFSZ;"] {
        let after = |command: &[&str]| {
            let mut shell = std::process::Command::new("sh");
            shell.args(["-c", &format!("{before} exec \"$@\""), "sh"]).args(command);
            project.isolate(shell.current_dir(project.root().join("work")));
            Running::start(&mut shell, b"").wait().ok().stdout
        };
        let plain = ["sh", "-c", script];
        let ours = [&[env!("CARGO_BIN_EXE_unlapse"), "exec", "acme", "--"][..], &plain].concat();
        assert_eq!(after(&ours), after(&plain), "{before}");
    }
}

#[test]
fn r18_the_command_does_not_get_what_tokens_are_bought_with() {
    let server = AuthServer::start(Class::Strict);
    server.require_secret("s3cret-canary");
    let profile = "grant = \"client_credentials\"\nclient_secret_env = \"ACME_SECRET\"\n\
                   api_key_env = \"ACME_KEY\"";
    let mut project = Project::new(&server, profile, "");
    let secrets = ["ACME_SECRET", "ACME_KEY", "UNLAPSE_PASSPHRASE", "UNLAPSE_CLIENT_SECRET"];
    project.env.extend(secrets.map(|name| (name.to_owned(), "s3cret-canary".to_owned())));
    project.env.push(("MINE".to_owned(), "kept".to_owned()));
    let run = project.run(&["exec", "acme", "--", "env"]).ok();
    assert!(run.stdout.contains("MINE=kept") && run.stdout.contains("UNLAPSE_TOKEN="), "{run}");
    assert!(!run.stdout.contains("canary"), "{run}");
}

#[test]
fn a_command_that_may_outlive_its_token_is_warned_of() {
    let server = AuthServer::start(Class::Strict);
    server.set_lifetime(std::time::Duration::from_secs(90));
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    let run = project.run(&["exec", "acme", "--", "true"]).ok();
    assert!(run.stderr.contains("warning: the command's token ends in 1m"), "{run}");
    assert_eq!(project.run(&["exec", "acme", "--quiet", "--", "true"]).ok().stderr, "");
    server.set_lifetime(std::time::Duration::from_secs(3600));
    project.run(&["refresh", "--quiet"]).ok();
    assert_eq!(project.run(&["exec", "acme", "--", "true"]).ok().stderr, "");
}

#[test]
fn without_a_token_nothing_is_run() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    let marker = project.root().join("ran");
    let path = marker.to_str().expect("text");
    project.run(&["exec", "acme", "--", "touch", path]).failed(10, "login_needed");
    assert!(!marker.exists());
}
