//! The recipe beside a server of its own, in one command: `docs/recipes/monitor.md`.
//!
//! ```sh
//! cargo run -p unlapse-example-monitor --example monitor-demo
//! ```
#![expect(clippy::disallowed_methods, reason = "it writes the identity of a machine")]

#[path = "../tests/metrics_host/mod.rs"]
mod metrics_host;

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use metrics_host::{API_KEY, OTHER};
use unlapse_example_stage::{Desk, Issuing, Run, Stage, Tally, WAIT, eventually};

fn main() -> ExitCode {
    // With arguments it is the program itself, as the demonstration starts it.
    if std::env::args_os().len() > 1 {
        return monitor::main();
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
    let lifetime = Duration::from_secs(4);
    let mut stage = metrics_host::metrics_host().api_key(API_KEY).access_lifetime(lifetime).start();
    let mut desk = metrics_host::desk(program, &stage);

    typed(out, "login ada < password")?;
    show(out, &desk.run_with(&["login", Stage::USER], Stage::PASSWORD))?;
    typed(out, "metrics")?;
    show(out, &desk.run(&["metrics"]))?;
    typed(out, "alert disk full")?;
    show(out, &desk.run(&["alert", "disk", "full"]))?;
    typed(out, "status")?;
    show(out, &desk.run(&["status"]))?;

    happens(out, "tokens live for four seconds; `monitor watch 50` looks twenty times a second")?;
    let before = stage.tally();
    let mut watching = desk.start(&["watch", "50"]);
    eventually("two renewals of each scope", || (stage.tally() - before).refreshes >= 4);
    let since = stage.tally() - before;
    writeln!(
        out,
        "{} looks, {} renewals, {} refused",
        since.requests, since.refreshes, since.unauthorized
    )?;

    happens(out, "kill -9, and once more")?;
    hold(&stage, &desk);
    writeln!(out, "killed by signal {}", watching.kill().signal.unwrap_or_default())?;
    stage.issuing(Issuing::Prompt);
    watching = desk.start(&["watch", "50"]);
    writeln!(out, "{}\n{}", watching.line("load"), watching.line("ada"))?;

    happens(out, "the server goes away, and comes back")?;
    hold(&stage, &desk);
    stage.down();
    stage.issuing(Issuing::Prompt);
    eventually("it says so", || watching.stderr().contains("hint: "));
    write!(
        out,
        "{}",
        watching.stderr().lines().take(3).fold(String::new(), |text, line| text + line + "\n")
    )?;
    stage.up();
    let seen = watching.stdout().len();
    eventually("it goes on", || watching.stdout().len() > seen);
    writeln!(out, "{}\n(goes on by itself)", watching.line("load"))?;
    watching.interrupt();

    happens(out, "a second account, without logging the first one out")?;
    let (bob, password) = OTHER;
    typed(out, "login bob < password")?;
    show(out, &desk.run_with(&["login", bob], password))?;
    typed(out, "--account bob metrics")?;
    show(out, &desk.run(&["--account", "bob", "metrics"]))?;

    happens(out, "an operator ends every session, and ada's password is another now")?;
    stage.user(Stage::USER, "another");
    stage.end_sessions();
    typed(out, "--account ada metrics")?;
    show(out, &desk.run(&["--account", "ada", "metrics"]))?;
    desk.set("MONITOR_API_KEY", API_KEY);
    typed(out, "--account ada metrics            # with $MONITOR_API_KEY")?;
    show(out, &desk.run(&["--account", "ada", "metrics"]))?;
    typed(out, "--account bob metrics            # his password is still good")?;
    show(out, &desk.run(&["--account", "bob", "metrics"]))?;

    happens(out, "what the server has counted")?;
    let tally = stage.tally();
    writeln!(out, "logins                    {}", tally.logins)?;
    writeln!(out, "renewals                  {}", tally.refreshes)?;
    writeln!(out, "requests by API key       {}", tally.by_api_key)?;
    writeln!(out, "sessions ended for reuse  {}", tally.reuses)?;
    Ok(tally)
}

/// Lets no token be given from now on, and waits until those that were are kept: a strict server
/// punishes an answer that is lost on the way, and no client can help it. What asks meanwhile is not
/// heard.
fn hold(stage: &Stage, desk: &Desk) {
    stage.issuing(Issuing::Slow(WAIT));
    let kept = || -> u64 {
        let status = desk.run(&["status"]).stdout;
        let generation = |line: &str| line.split(&[' ', ','][..]).nth(2)?.parse::<u64>().ok();
        status.lines().filter_map(generation).map(|generation| generation - 1).sum()
    };
    eventually("what was given is kept", || kept() == stage.tally().refreshes);
}

fn typed(out: &mut dyn Write, command: &str) -> io::Result<()> {
    writeln!(out, "$ monitor {command}")
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
