//! The recipe, as its user lives with it: killed, started again, its tokens expired, its server gone
//! and back.
#![expect(clippy::disallowed_methods, reason = "tests touch files and start processes")]

#[path = "../code_host/mod.rs"]
mod code_host;
mod disk;
mod session;
mod together;

use unlapse_example_stage::{Desk, Run, Stage};

use code_host::code_host;

/// A project at that server.
fn project(stage: &Stage) -> Desk {
    code_host::project(env!("CARGO_BIN_EXE_code-search"), stage)
}

fn log_in(desk: &Desk) -> Run {
    desk.run_with(&["login", Stage::USER], &format!("{}\n", Stage::PASSWORD))
}

/// A project whose user has logged in and sent the files.
fn indexed(stage: &Stage) -> Desk {
    let desk = project(stage);
    log_in(&desk).ok();
    assert_eq!(desk.run(&["index"]).ok().stdout, "src/greet.rs\nsrc/main.rs\n2 files\n");
    desk
}

/// A search that finds what there is, and says nothing of tokens.
#[track_caller]
fn finds(desk: &Desk) {
    let run = desk.run(&["search", "greet("]).ok();
    let expected = "src/greet.rs:1: fn greet(name: &str) {}\nsrc/main.rs:2:     greet(\"ada\");\n";
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (expected, ""));
}
