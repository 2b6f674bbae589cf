//! Servers that do the same work, loaded in turns, so that a noisy moment hits all of them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use unlapse_bench_report::Samples;

use crate::load::{self, Found, Load, Task};
use crate::server::Server;

/// A server in a contest.
pub(crate) struct Entrant {
    name: String,
    server: Server,
    task: Task,
    figures: Figures,
}

/// What was measured of one server, a value a round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// Answers per second of the server's processor time.
    pub(crate) per_cpu_second: Samples,
    /// Answers per second.
    pub(crate) per_second: Samples,
    /// Milliseconds that half of the requests waited at most.
    pub(crate) p50: Samples,
    /// Milliseconds that 99 of 100 requests waited at most.
    pub(crate) p99: Samples,
    /// Microseconds of the database's processor time for an answer; nothing without a database.
    pub(crate) database: Samples,
}

impl Entrant {
    pub(crate) fn new(name: impl Into<String>, task: Task, server: Server) -> Self {
        Self { name: name.into(), server, task, figures: Figures::default() }
    }
}

/// Loads each so often. Whoever comes first wins nothing by it: each round begins with another.
pub(crate) async fn run(
    mut entrants: Vec<Entrant>,
    load: Load,
    rounds: usize,
) -> Result<Vec<(String, Figures)>> {
    let count = entrants.len();
    for round in 0..rounds {
        for offset in 0..count {
            let entrant = &mut entrants[(round + offset) % count];
            let found = load::run(entrant.task, entrant.server.target(), load).await;
            let found = found.with_context(|| format!("loading {}", entrant.name))?;
            entrant.figures.add(&found);
        }
    }
    // Minutes later something else may fail: what is known by then is not lost.
    for Entrant { name, figures, .. } in &entrants {
        eprintln!(
            "  {name}: {:.0} a CPU second, p50 {:.2} ms, p99 {:.2} ms",
            figures.per_cpu_second.median(),
            figures.p50.median(),
            figures.p99.median()
        );
    }
    Ok(entrants.into_iter().map(|entrant| (entrant.name, entrant.figures)).collect())
}

impl Figures {
    fn add(&mut self, found: &Found) {
        let answers = found.answers as f64;
        let millis = |quantile| found.latency.value_at_quantile(quantile) as f64 / 1000.0;
        self.per_cpu_second.push(answers / found.server.as_secs_f64());
        self.per_second.push(answers / found.wall.as_secs_f64());
        self.p50.push(millis(0.5));
        self.p99.push(millis(0.99));
        if found.database > Duration::ZERO {
            self.database.push(found.database.as_secs_f64() * 1e6 / answers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;

    #[test]
    fn figures_are_what_was_found() {
        let mut latency = Histogram::new(3).expect("three digits");
        latency.record_n(2000, 99).expect("in range");
        latency.record(9000).expect("in range");
        let found = Found {
            answers: 100,
            wall: Duration::from_secs(4),
            server: Duration::from_millis(500),
            database: Duration::from_millis(10),
            latency,
        };
        let mut figures = Figures::default();
        figures.add(&found);
        let Figures { per_cpu_second, per_second, p50, p99, database } = figures;
        let near = |samples: &Samples, value: f64| (samples.median() - value).abs() < 0.01;
        assert!(near(&per_cpu_second, 200.0) && near(&per_second, 25.0));
        assert!(near(&p50, 2.0) && near(&p99, 2.0) && near(&database, 100.0));
    }
}
