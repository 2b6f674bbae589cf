//! The recipe beside a server of its own, in one command: `docs/recipes/code-search.md`.
//!
//! ```sh
//! cargo run -p unlapse-example-code-search --example demo
//! ```
#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::disallowed_methods, reason = "it writes the project that is searched")]

#[path = "../tests/code_host/mod.rs"]
mod code_host;

use std::process::ExitCode;

use unlapse_example_stage::{Program, Run, Stage};

fn main() -> ExitCode {
    // With arguments it is the program itself, as the demonstration starts it.
    if std::env::args_os().len() > 1 {
        return code_search::main();
    }
    demonstrate(&std::env::current_exe().expect("the system says what runs"));
    ExitCode::SUCCESS
}

fn demonstrate(program: &std::path::Path) {
    let mut stage = code_host::code_host().start();
    let desk = code_host::project(program, &stage);
    code_host::add_files(&desk, 60);

    typed("login ada < password");
    show(&desk.run_with(&["login", Stage::USER], Stage::PASSWORD));
    typed("index | tail -1");
    println!("{}", desk.run(&["index"]).stdout.lines().last().unwrap_or_default());
    typed("search 'greet('");
    show(&desk.run(&["search", "greet("]));

    happens("the server refuses every access token; fifty programs search at once");
    stage.expire();
    let before = stage.tally();
    let running: Vec<Program> = (0..50).map(|_| desk.start(&["search", "greet("])).collect();
    let ended: Vec<Run> = running.into_iter().map(Program::wait).collect();
    let found = ended.iter().filter(|run| run.stdout.lines().count() == 2).count();
    let since = stage.tally() - before;
    println!(
        "{found} found it, {} refused at first, {} renewal",
        since.unauthorized, since.refreshes
    );

    happens("kill -9 in the middle of the work, then once more");
    let endless = desk.work().join(code_host::ENDLESS);
    std::fs::write(&endless, "").expect("the desk is ours");
    let mut indexing = desk.start(&["index"]);
    indexing.line("src/part-");
    println!("killed by signal {}", indexing.kill().signal.unwrap_or_default());
    std::fs::remove_file(endless).expect("it was written");
    typed("index | tail -1");
    println!("{}", desk.run(&["index"]).stdout.lines().last().unwrap_or_default());

    happens("the server goes away");
    stage.down();
    typed("search 'greet('");
    show(&desk.run(&["search", "greet("]));

    happens("it comes back, and an operator has ended every session");
    stage.up();
    stage.end_sessions();
    typed("search 'greet('");
    show(&desk.run(&["search", "greet("]));

    happens("what the server has counted");
    let tally = stage.tally();
    println!("logins                    {}   (one by a person, one by the program)", tally.logins);
    println!("renewals                  {}", tally.refreshes);
    println!("sessions ended for reuse  {}", tally.reuses);
}

fn typed(command: &str) {
    println!("$ code-search {command}");
}

fn happens(what: &str) {
    println!("\n-- {what}");
}

fn show(run: &Run) {
    print!("{}{}", run.stdout, run.stderr);
    if let Some(code @ 1..) = run.code {
        println!("(exit code {code})");
    }
}
