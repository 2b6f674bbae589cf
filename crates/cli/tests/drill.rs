//! `drill`: our own command passes every row, and tools that are wrong on purpose do not (X6).
#![allow(clippy::disallowed_methods, reason = "tests touch files and wait, as a neighbour does")]

mod harness;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use harness::{Project, Run, Running, eventually, is_full, processes_of};

const UNLAPSE: &str = env!("CARGO_BIN_EXE_unlapse");

/// A template for tools that are scripts around `unlapse`: whatever they do wrong, they do to a
/// store whose place is `$UNLAPSE_HOME`.
const SCRIPTED: &str = r#"
name = "scripted"
deadline = "DEADLINE"
recovery = "2s"
[env]
UNLAPSE_CONFIG = "{home}/config.toml"
UNLAPSE_HOME = "{home}/state"
REFRESH_TOKEN = "{refresh_token}"
[[file]]
path = "config.toml"
text = '''
[profile.acme]
token_endpoint = "{token_endpoint}"
client_id = "{client_id}"
reuse = "{reuse}"
[profile.acme.policy]
timeout = "2s"
attempts = 1
lease_wait = "20s"
base_delay = "10ms"
breaker_failures = 100
[store]
path = "store"
project = "scripted"
'''
[[login]]
command = ["UNLAPSE", "login", "acme", "--refresh-token-stdin", "--no-verify"]
stdin = "{refresh_token}"
"#;

/// The drill of a project, and what it left in its temporary directory.
struct Drill {
    project: Project,
    running: Running,
}

impl Drill {
    fn start(arguments: &[&str]) -> Self {
        let project = Project::empty();
        let running = project.spawn(&[&["drill"], arguments].concat());
        Self { project, running }
    }

    /// The verdict of each row, when it has ended and nothing is left of it.
    #[track_caller]
    fn end(self) -> (Run, Vec<Value>) {
        // Longer than the others wait: a whole drill takes minutes.
        let Self { project, mut running } = self;
        let started = Instant::now();
        let run = loop {
            if let Some(run) = running.is_over() {
                break run;
            }
            assert!(started.elapsed() < Duration::from_secs(900), "the drill does not end");
            std::thread::sleep(Duration::from_millis(50));
        };
        assert_nothing_is_left(&project);
        let report: Value = serde_json::from_str(&run.stdout)
            .unwrap_or_else(|error| panic!("one document, on stdout: {error}: {run}"));
        let rows = report["rows"].as_array().expect("rows").clone();
        (run, rows)
    }
}

fn temporary(project: &Project) -> PathBuf {
    project.root().join("tmp")
}

#[track_caller]
fn assert_nothing_is_left(project: &Project) {
    let left: Vec<_> = std::fs::read_dir(temporary(project)).expect("read").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    eventually("its processes end", || processes_of(project.root()).is_empty());
}

/// A tool that is this script, and its template.
fn planted(project: &Project, script: &str, deadline: &str) -> [String; 2] {
    let tool = project.root().join("tool");
    let text = format!("UNLAPSE='{UNLAPSE}'\nunlapse() {{ \"$UNLAPSE\" \"$@\"; }}\n{script}\n");
    std::fs::write(&tool, text).expect("written");
    let template = project.root().join("template.toml");
    let text = SCRIPTED.replace("DEADLINE", deadline).replace("UNLAPSE\"", &format!("{UNLAPSE}\""));
    std::fs::write(&template, text).expect("written");
    [template, tool].map(|path: PathBuf| path.to_str().expect("text").to_owned())
}

/// The one row of a drill of such a tool.
fn drilled(script: &str, deadline: &str, row: &str) -> (Run, Value) {
    let project = Project::empty();
    let [template, tool] = planted(&project, script, deadline);
    let arguments =
        ["drill", "--json", "--workers", "4", "--rows", row, "--template", &template, "--", "sh"];
    let running = project.spawn(&[&arguments[..], &[&tool]].concat());
    let (run, rows) = Drill { project, running }.end();
    assert_eq!(rows.len(), 1, "{run}");
    (run, rows[0].clone())
}

#[track_caller]
fn assert_caught(script: &str, deadline: &str, row: &str, failure: &str) {
    let (run, found) = drilled(script, deadline, row);
    assert_eq!((run.code, &found["verdict"]), (Some(13), &"fail".into()), "{run}");
    let failures = found["failures"].as_array().expect("a list");
    let caught =
        failures.iter().any(|said| said.as_str().is_some_and(|said| said.contains(failure)));
    assert!(caught, "{failure}: {run}");
}

#[track_caller]
fn assert_passed(run: &Run, rows: &[Value]) {
    assert_eq!(run.code, Some(0), "{run}");
    for row in rows {
        assert_eq!(row["verdict"], "pass", "{row:#}");
        assert!(row["tokens_valid"].as_u64() > Some(0), "{row:#}");
        assert_eq!((&row["tokens_invalid"], &row["leaks"]), (&0.into(), &0.into()), "{row:#}");
    }
}

#[test]
fn x6_our_own_command_passes_every_row() {
    if is_full() {
        let drill = Drill::start(&["--json", "--", UNLAPSE, "token", "acme"]);
        let (run, rows) = drill.end();
        assert_passed(&run, &rows);
        assert_eq!(rows.len(), 11);
        return;
    }
    // Most of a row is waiting for tokens to end: side by side.
    let groups = [
        "storm,hang",
        "unavailable,kill",
        "firewall",
        "lost,strict,disk",
        "terminate,clock",
        "goaway",
    ];
    let start = |rows: &&str| {
        Drill::start(&["--json", "--workers", "3", "--rows", rows, "--", UNLAPSE, "token", "acme"])
    };
    let drills: Vec<_> = groups.iter().map(start).collect();
    let mut count = 0;
    for drill in drills {
        let (run, rows) = drill.end();
        assert_passed(&run, &rows);
        count += rows.len();
    }
    assert_eq!(count, 11);
}

#[test]
fn x6_the_script_itself_is_no_reason_to_fail() {
    let (run, row) = drilled("unlapse token acme", "30s", "storm");
    assert_passed(&run, &[row]);
}

#[test]
fn x6_a_tool_that_renews_without_a_lock_is_caught() {
    // Each process renews in a copy of the store, and puts the copy back.
    let script = r#"
        home=$UNLAPSE_HOME
        export UNLAPSE_HOME=$(mktemp -d)
        cp -Rp "$home/." "$UNLAPSE_HOME"
        unlapse token acme
        code=$?
        cp -Rp "$UNLAPSE_HOME/." "$home"
        exit $code"#;
    assert_caught(script, "30s", "storm", "login revoked");
}

#[test]
fn x6_a_tool_that_prints_an_expired_token_is_caught() {
    let script = r#"
        [ -s "$HOME/token" ] || unlapse token acme > "$HOME/token.$$" && mv "$HOME/token.$$" "$HOME/token"
        cat "$HOME/token""#;
    assert_caught(script, "30s", "storm", "a token that has ended");
}

#[test]
fn x6_a_tool_that_forgets_its_login_on_a_503_is_caught() {
    let script = "unlapse token acme || { code=$?; unlapse logout acme --local >&2; exit $code; }";
    assert_caught(script, "30s", "unavailable", "no valid token after the fault was over");
}

#[test]
fn x6_a_tool_that_never_gives_up_is_caught() {
    assert_caught("until unlapse token acme; do :; done", "4s", "hang", "within the deadline");
}

#[test]
fn x6_a_tool_that_dies_at_once_of_sigterm_is_caught() {
    let script =
        r#""$UNLAPSE" token acme & child=$!; trap 'kill -9 $child; exit 143' TERM; wait $child"#;
    assert_caught(script, "30s", "terminate", "no valid token after the fault was over");
}

#[test]
fn x6_r18_a_tool_that_shows_its_refresh_token_is_caught() {
    let script = r#"echo "debug: $REFRESH_TOKEN" >&2; unlapse token acme"#;
    let (run, row) = drilled(script, "30s", "strict");
    assert_eq!((run.code, &row["verdict"]), (Some(13), &"fail".into()), "{run}");
    assert_eq!(row["leaks"], row["commands"], "{row:#}");
    assert!(!run.stdout.contains("debug:"), "and the report does not show it: {run}");
}

#[test]
fn x6_a_row_that_does_not_apply_is_said_with_its_reason() {
    // It trusts no authority but the system's.
    let (run, row) = drilled("unset SSL_CERT_FILE; unlapse token acme", "30s", "goaway");
    assert_eq!((run.code, &row["verdict"]), (Some(13), &"not_applicable".into()), "{run}");
    let reason = row["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("it gets no token over https: before any fault,"), "{run}");
}

#[test]
fn x6_a_report_for_people_and_a_directory_to_keep() {
    let project = Project::empty();
    let arguments =
        ["drill", "--workers", "2", "--rows", "strict", "--keep", "--", UNLAPSE, "token", "acme"];
    let run = project.run(&arguments).ok();
    assert!(run.stdout.starts_with("unlapse drill  "), "{run}");
    assert!(run.stdout.contains("\nstrict       pass "), "{run}");
    assert!(run.stdout.ends_with("  1 passed, 0 failed, 0 not applicable\n"), "{run}");
    let kept = run.stderr.trim().strip_prefix("kept: ").expect("where");
    assert!(Path::new(kept).join("strict/server/home/config.toml").is_file(), "{run}");
}

#[test]
fn r6_a_signal_ends_its_servers_its_commands_and_its_directory() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let project = Project::empty();
        let [template, tool] = planted(&project, "unlapse token acme; sleep 60", "60s");
        let drill = project.spawn(&["drill", "--json", "--template", &template, "--", "sh", &tool]);
        eventually("the tool runs", || processes_of(Path::new(&tool)).len() > 1);
        drill.signal(signal);
        let run = drill.wait();
        assert_eq!((run.code, &run.json()["interrupted"]), (Some(code), &true.into()), "{run}");
        assert_nothing_is_left(&project);
    }
}

#[test]
fn c17_what_cannot_be_drilled_is_said() {
    let project = Project::empty();
    project.run(&["drill"]).failed(2, "usage");
    project.run(&["drill", "--rows", "flood", "--", "true"]).failed(2, "usage");
    project.run(&["drill", "--", "true"]).failed(2, "drill_template");
    project.run(&["drill", "--template", "/nonexistent", "--", "true"]).failed(2, "drill_template");
    // Where it is no unlapse that is told to log in.
    let run = project.run(&["drill", "--template", "unlapse", "--", "false"]);
    let run = run.failed(11, "drill_failed");
    assert!(run.stderr.contains("false failed (exit status: 1)"), "{run}");
    assert_nothing_is_left(&project);
}

#[test]
fn x6_a_tool_of_others_is_drilled_to_the_end() {
    if !is_full() {
        return;
    }
    // Not those in which it may take as long as it is given: minutes.
    let rows = "storm,lost,goaway";
    let arguments = ["--json", "--workers", "4", "--rows", rows, "--", "oidc-token", "acme"];
    let (run, rows) = Drill::start(&arguments).end();
    // What comes of it is its makers' affair.
    assert!([Some(0), Some(13)].contains(&run.code), "{run}");
    assert_eq!(rows.len(), 3, "{run}");
}
