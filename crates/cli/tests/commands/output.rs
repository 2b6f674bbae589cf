//! The rules that every command's output keeps: data on stdout, everything else beside it.

use std::process::{Command, Stdio};

use crate::harness::{AuthServer, Class, Project};

const WITH_DATA: [&[&str]; 8] = [
    &["token", "acme"],
    &["status"],
    &["list"],
    &["doctor"],
    &["config", "show"],
    &["queue", "list", "--json"],
    &["completion", "bash"],
    &["--help"],
];

fn logged_in() -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    (server, project)
}

fn shell(project: &Project, script: &str) -> std::process::Output {
    let mut command = Command::new("sh");
    project.isolate(command.args(["-c", script]).current_dir(project.root().join("work")));
    command.env("UNLAPSE", env!("CARGO_BIN_EXE_unlapse")).stdin(Stdio::null());
    command.output().expect("a shell")
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error_and_no_panic() {
    let (_server, project) = logged_in();
    for arguments in WITH_DATA {
        let line = arguments.join(" ");
        let script = format!("{{ \"$UNLAPSE\" -q {line}; echo \"$?\" >&2; }} | true");
        let output = shell(&project, &script);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "0\n", "{line}");
    }
}

#[test]
fn data_that_cannot_be_written_is_an_error() {
    let (_server, project) = logged_in();
    for arguments in WITH_DATA {
        let output = shell(&project, &format!("\"$UNLAPSE\" {} >/dev/full", arguments.join(" ")));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(11), "{arguments:?}: {stderr}");
        assert!(stderr.contains("unlapse::output_failed"), "{arguments:?}: {stderr}");
    }
    let closed = shell(&project, "\"$UNLAPSE\" nonsense 2>&-");
    assert_eq!(closed.status.code(), Some(2), "errors nobody wants to see are no panic");
}

#[test]
fn c17_errors_have_one_form_and_json_another() {
    let (_server, project) = logged_in();
    let rows: [(&[&str], i32, &str); 5] = [
        (&["token", "nope"], 2, "unlapse::config_unknown_profile"),
        (&["tokne"], 2, "unlapse::usage"),
        (&["token", "--format", "xml"], 2, "unlapse::usage"),
        (&["login", "acme"], 2, "unlapse::input_needed"),
        (&["exec", "acme", "--", "/nonexistent"], 2, "unlapse::exec_failed"),
    ];
    for (arguments, code, error) in rows {
        let run = project.run(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{run}");
        let lines: Vec<_> = run.stderr.lines().collect();
        let [what, "", hint, last] = lines.as_slice() else { panic!("{run}") };
        assert!(what.starts_with("error: ") && hint.starts_with("hint: "), "{run}");
        assert_eq!(*last, error);

        let run = project.run(&[&["--json"], arguments].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{run}");
        let value: serde_json::Value = serde_json::from_str(&run.stderr).expect("JSON");
        assert_eq!(value["error"]["code"], error);
        assert_eq!(format!("error: {}", value["error"]["message"].as_str().expect("text")), *what);
    }
}

#[test]
fn help_is_data_and_its_absence_a_mistake() {
    let project = Project::empty();
    for arguments in
        [["--help"].as_slice(), &["help", "token"], &["token", "--help"], &["--version"]]
    {
        let run = project.run(arguments).ok();
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{run}");
    }
    let run = project.run(&[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run}");
    assert!(run.stderr.contains("Usage: unlapse"), "{run}");
}

#[test]
fn quiet_leaves_data_and_errors() {
    let (server, project) = logged_in();
    for arguments in
        [["refresh"].as_slice(), &["status"], &["list"], &["config", "show"], &["logout"]]
    {
        let run = project.run(&[arguments, &["--quiet"]].concat()).ok();
        assert_eq!(run.stderr, "", "{arguments:?}");
    }
    let login = ["login", "acme", "--refresh-token-stdin", "-q"];
    assert_eq!(project.run_with(&login, &server.issue()).ok().stderr, "");
    assert!(!project.run(&["token", "nope", "-q"]).stderr.is_empty());
}
