//! How long `unlapse token` takes when there is nothing to renew.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Result, ensure};
use unlapse_bench_report::Samples;

use crate::project::{Project, nothing};

/// Runs of each, in turns.
const RUNS: usize = 301;

/// In milliseconds.
#[derive(Default)]
pub(crate) struct Startup {
    pub(crate) nothing: Samples,
    pub(crate) token: Samples,
    /// Each run less the one beside it.
    pub(crate) beyond: Samples,
}

pub(crate) fn measure(project: &Project) -> Result<Startup> {
    let mut startup = Startup::default();
    for _ in 0..10 {
        run(&mut project.token(), true)?;
        run(&mut nothing(), false)?;
    }
    for _ in 0..RUNS {
        let idle = run(&mut nothing(), false)?;
        let token = run(&mut project.token(), true)?;
        startup.nothing.push(idle);
        startup.token.push(token);
        startup.beyond.push(token - idle);
    }
    Ok(startup)
}

/// Milliseconds from the start of the process to its end, with what it prints read.
pub(crate) fn run(command: &mut Command, prints: bool) -> Result<f64> {
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let start = Instant::now();
    let output = command.output()?;
    let spent = start.elapsed();
    ensure!(output.status.success(), "{command:?} failed: {}", output.status);
    ensure!(output.stdout.is_empty() != prints, "{command:?} printed something else than expected");
    Ok(spent.as_secs_f64() * 1000.0)
}
