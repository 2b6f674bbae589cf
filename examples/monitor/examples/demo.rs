//! The recipe beside a server of its own, in one command: `docs/recipes/monitor.md`.
//!
//! ```sh
//! cargo run -p unlapse-example-monitor --example demo
//! ```
#![expect(clippy::print_stdout, reason = "it talks to a person")]
#![expect(clippy::disallowed_methods, reason = "it writes the identity of a machine")]

#[path = "../tests/metrics_host/mod.rs"]
mod metrics_host;

use std::process::ExitCode;
use std::time::Duration;

use metrics_host::{API_KEY, OTHER};
use unlapse_example_stage::{Desk, Issuing, Run, Stage, WAIT, eventually};

fn main() -> ExitCode {
    // With arguments it is the program itself, as the demonstration starts it.
    if std::env::args_os().len() > 1 {
        return monitor::main();
    }
    demonstrate(&std::env::current_exe().expect("the system says what runs"));
    ExitCode::SUCCESS
}

fn demonstrate(program: &std::path::Path) {
    let lifetime = Duration::from_secs(4);
    let mut stage = metrics_host::metrics_host().api_key(API_KEY).access_lifetime(lifetime).start();
    let mut desk = metrics_host::desk(program, &stage);

    typed("login ada < password");
    show(&desk.run_with(&["login", Stage::USER], Stage::PASSWORD));
    typed("metrics");
    show(&desk.run(&["metrics"]));
    typed("alert disk full");
    show(&desk.run(&["alert", "disk", "full"]));
    typed("status");
    show(&desk.run(&["status"]));

    happens("tokens live for four seconds; `monitor watch 50` looks twenty times a second");
    let before = stage.tally();
    let mut watching = desk.start(&["watch", "50"]);
    eventually("two renewals of each scope", || (stage.tally() - before).refreshes >= 4);
    let since = stage.tally() - before;
    println!(
        "{} looks, {} renewals, {} refused",
        since.requests, since.refreshes, since.unauthorized
    );

    happens("kill -9, and once more");
    hold(&stage, &desk);
    println!("killed by signal {}", watching.kill().signal.unwrap_or_default());
    stage.issuing(Issuing::Prompt);
    watching = desk.start(&["watch", "50"]);
    println!("{}\n{}", watching.line("load"), watching.line("ada"));

    happens("the server goes away, and comes back");
    hold(&stage, &desk);
    stage.down();
    stage.issuing(Issuing::Prompt);
    eventually("it says so", || watching.stderr().contains("hint: "));
    print!(
        "{}",
        watching.stderr().lines().take(3).fold(String::new(), |text, line| text + line + "\n")
    );
    stage.up();
    let seen = watching.stdout().len();
    eventually("it goes on", || watching.stdout().len() > seen);
    println!("{}\n(goes on by itself)", watching.line("load"));
    watching.interrupt();

    happens("a second account, without logging the first one out");
    let (bob, password) = OTHER;
    typed("login bob < password");
    show(&desk.run_with(&["login", bob], password));
    typed("--account bob metrics");
    show(&desk.run(&["--account", "bob", "metrics"]));

    happens("an operator ends every session, and ada's password is another now");
    stage.user(Stage::USER, "another");
    stage.end_sessions();
    typed("--account ada metrics");
    show(&desk.run(&["--account", "ada", "metrics"]));
    desk.set("MONITOR_API_KEY", API_KEY);
    typed("--account ada metrics            # with $MONITOR_API_KEY");
    show(&desk.run(&["--account", "ada", "metrics"]));
    typed("--account bob metrics            # his password is still good");
    show(&desk.run(&["--account", "bob", "metrics"]));

    happens("what the server has counted");
    let tally = stage.tally();
    println!("logins                    {}", tally.logins);
    println!("renewals                  {}", tally.refreshes);
    println!("requests by API key       {}", tally.by_api_key);
    println!("sessions ended for reuse  {}", tally.reuses);
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

fn typed(command: &str) {
    println!("$ monitor {command}");
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
