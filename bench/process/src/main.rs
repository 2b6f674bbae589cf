//! What a run of the `unlapse` command costs and touches, measured from outside: whole processes,
//! a file on the disk of the working tree, a server on the loopback that answers at once.

mod memory;
mod project;
mod renewal;
mod server;
mod startup;
mod touches;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use unlapse_bench_report::{Table, machine};

use crate::project::Project;
use crate::server::Server;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().context("which `unlapse` binary?")?;
    if first == memory::MODE {
        return memory::measure_child(arguments);
    }
    let binary = PathBuf::from(first).canonicalize().context("finding the `unlapse` binary")?;
    if arguments.next().is_some() {
        bail!("one argument is enough: the `unlapse` binary");
    }

    let server = Server::start()?;
    let project = Project::new(&binary, server.address())?;
    project.log_in()?;

    let startup = startup::measure(&project)?;
    let memory = memory::of(&project.token())?;
    let private = memory::private(&project.token())?;
    let touches = touches::of_token(&project)?;
    let renewal = renewal::measure(&project, &server)?;
    let size = std::fs::metadata(&binary)?.len();

    let mut table = Table::new(["The command, whole processes", "measured", "bar"]);
    let mut row = |what: &str, measured: String, bar: &str| {
        table.row([what.to_owned(), measured, bar.to_owned()]);
    };
    let ms = |value: f64| format!("{value:.2} ms");
    let mb = |bytes: f64| format!("{:.1} MB", bytes / 1e6);
    row("`/bin/true`, start to end", ms(startup.nothing.median()), "");
    row("`unlapse token`, a valid token in an encrypted file", ms(startup.token.median()), "");
    row("… beyond `/bin/true`", ms(startup.beyond.median()), "5 ms");
    row("… at the 95th percentile", ms(startup.beyond.quantile(95)), "");
    row("… peak memory, mapped pages of the binary and of libc included", mb(memory), "8 MB");
    row("… of which its own", mb(private), "");
    row("… system calls", touches.calls.to_string(), "");
    row("… files opened", touches.opened.len().to_string(), "");
    row("… sockets, threads, CA bundles, keyrings", touches.forbidden.len().to_string(), "0");
    row("`unlapse refresh --force`, beyond `/bin/true`", ms(renewal.beyond.median()), "");
    row("… beyond the server's time as well", ms(renewal.overhead.median()), "25 ms");
    row("… waits for the disk (`fsync`)", renewal.syncs.to_string(), "");
    row("the binary, stripped", mb(size as f64), "15 MB");
    println!("{table}");
    println!(
        "{} Medians of {} and {} runs, each beside one of `/bin/true`.\n",
        machine(),
        startup.token.len(),
        renewal.overhead.len()
    );
    println!("What `unlapse token` opens:");
    for path in &touches.opened {
        println!("- `{path}`");
    }
    for line in &touches.forbidden {
        println!("\nIt should not have done this: `{line}`");
    }
    Ok(())
}
