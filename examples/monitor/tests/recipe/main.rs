//! The recipe, as its user lives with it: killed, started again, its tokens expired, its server gone
//! and back.
#![expect(clippy::disallowed_methods, reason = "tests touch files and start processes")]

mod accounts;
mod api_key;
mod background;
mod environment;
#[path = "../metrics_host/mod.rs"]
mod metrics_host;
mod scopes;

use unlapse_example_stage::{Desk, Run, Stage, eventually};

use metrics_host::metrics_host;

fn desk(stage: &Stage) -> Desk {
    metrics_host::desk(env!("CARGO_BIN_EXE_monitor"), stage)
}

fn log_in(desk: &Desk) -> Run {
    desk.run_with(&["login", Stage::USER], Stage::PASSWORD)
}

/// A desk whose user has logged in: a session for each of two scopes.
fn logged_in(stage: &Stage) -> Desk {
    let desk = desk(stage);
    assert_eq!(log_in(&desk).ok().stdout, "logged in as ada\n");
    desk
}

/// The metrics as `who` sees them, and not a word more.
#[track_caller]
fn sees(desk: &Desk, arguments: &[&str], who: &str) {
    let run = desk.run(arguments).ok();
    let expected = format!("load 0.5\n{who} 1\n");
    assert_eq!((run.stdout, run.stderr), (expected, String::new()));
}
