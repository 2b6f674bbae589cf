//! What a whole renewal costs beyond the server's own time.

use anyhow::Result;
use unlapse_bench_report::Samples;

use crate::project::{Project, nothing};
use crate::server::Server;
use crate::{startup, touches};

/// Renewals.
const RUNS: usize = 101;

pub(crate) struct Renewal {
    /// Milliseconds of `unlapse refresh --force`, less those of a process that does nothing.
    pub(crate) beyond: Samples,
    /// The same less the server's time: lease, intent, two saves, all their waits for the disk, and
    /// the HTTP client's start.
    pub(crate) overhead: Samples,
    /// Waits for the disk in one renewal.
    pub(crate) syncs: usize,
}

pub(crate) fn measure(project: &Project, server: &Server) -> Result<Renewal> {
    let mut renewal =
        Renewal { beyond: Samples::default(), overhead: Samples::default(), syncs: 0 };
    for _ in 0..RUNS {
        let idle = startup::run(&mut nothing(), false)?;
        server.take_spent();
        let refresh = startup::run(project.refresh().arg("--quiet"), false)?;
        let answered = server.take_spent().as_secs_f64() * 1000.0;
        renewal.beyond.push(refresh - idle);
        renewal.overhead.push(refresh - idle - answered);
    }
    let trace = touches::trace(project.refresh().arg("--quiet"))?;
    let syncs = |line: &&str| line.contains(" fsync(") || line.contains(" fdatasync(");
    renewal.syncs = trace.lines().filter(syncs).count();
    Ok(renewal)
}
