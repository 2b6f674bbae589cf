//! The recipe beside a server of its own, in one command: `docs/recipes/code-search.md`.
//!
//! ```sh
//! cargo run -p unlapse-example-code-search --example code-search-demo
//! ```
#![expect(clippy::disallowed_methods, reason = "it writes the project that is searched")]

#[path = "../tests/code_host/mod.rs"]
mod code_host;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use unlapse_example_stage::{Program, Run, Stage, Tally};

fn main() -> ExitCode {
    // With arguments it is the program itself, as the demonstration starts it.
    if std::env::args_os().len() > 1 {
        return code_search::main();
    }
    let program = std::env::current_exe().expect("the system says what runs");
    match demonstrate(&program, &mut std::io::stdout()) {
        Ok(_) => ExitCode::SUCCESS,
        // Whoever reads has gone.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Lets `program` live through all of it, and tells it to `out`; what the server has counted.
pub(crate) fn demonstrate(program: &Path, out: &mut dyn Write) -> io::Result<Tally> {
    let mut stage = code_host::code_host().start();
    let desk = code_host::project(program, &stage);
    code_host::add_files(&desk, 60);

    typed(out, "login ada < password")?;
    show(out, &desk.run_with(&["login", Stage::USER], Stage::PASSWORD))?;
    typed(out, "index | tail -1")?;
    writeln!(out, "{}", desk.run(&["index"]).stdout.lines().last().unwrap_or_default())?;
    typed(out, "search 'greet('")?;
    show(out, &desk.run(&["search", "greet("]))?;

    happens(out, "the server refuses every access token; fifty programs search at once")?;
    stage.expire();
    let before = stage.tally();
    let running: Vec<Program> = (0..50).map(|_| desk.start(&["search", "greet("])).collect();
    let ended: Vec<Run> = running.into_iter().map(Program::wait).collect();
    let found = ended.iter().filter(|run| run.stdout.lines().count() == 2).count();
    let since = stage.tally() - before;
    writeln!(
        out,
        "{found} found it, {} refused at first, {} renewal",
        since.unauthorized, since.refreshes
    )?;

    happens(out, "kill -9 in the middle of the work, then once more")?;
    let endless = desk.work().join(code_host::ENDLESS);
    std::fs::write(&endless, "").expect("the desk is ours");
    let mut indexing = desk.start(&["index"]);
    indexing.line("src/part-");
    writeln!(out, "killed by signal {}", indexing.kill().signal.unwrap_or_default())?;
    std::fs::remove_file(endless).expect("it was written");
    typed(out, "index | tail -1")?;
    writeln!(out, "{}", desk.run(&["index"]).stdout.lines().last().unwrap_or_default())?;

    happens(out, "the server goes away")?;
    stage.down();
    typed(out, "search 'greet('")?;
    show(out, &desk.run(&["search", "greet("]))?;

    happens(out, "it comes back, and an operator has ended every session")?;
    stage.up();
    stage.end_sessions();
    typed(out, "search 'greet('")?;
    show(out, &desk.run(&["search", "greet("]))?;

    happens(out, "what the server has counted")?;
    let tally = stage.tally();
    writeln!(
        out,
        "logins                    {}   (one by a person, one by the program)",
        tally.logins
    )?;
    writeln!(out, "renewals                  {}", tally.refreshes)?;
    writeln!(out, "sessions ended for reuse  {}", tally.reuses)?;
    Ok(tally)
}

fn typed(out: &mut dyn Write, command: &str) -> io::Result<()> {
    writeln!(out, "$ code-search {command}")
}

fn happens(out: &mut dyn Write, what: &str) -> io::Result<()> {
    writeln!(out, "\n-- {what}")
}

fn show(out: &mut dyn Write, run: &Run) -> io::Result<()> {
    write!(out, "{}{}", run.stdout, run.stderr)?;
    if let Some(code @ 1..) = run.code {
        writeln!(out, "(exit code {code})")?;
    }
    Ok(())
}
