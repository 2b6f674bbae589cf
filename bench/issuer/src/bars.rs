//! What was promised, and whether it is kept.

use unlapse_issuer::Algorithm;

use crate::contest::Figures;
use crate::work::{RACES, Results};

/// A promise beside what was measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bar {
    pub(crate) work: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// At least so many times what a peer does.
    Times { least: f64, found: f64 },
    /// At least this share of what is possible.
    Share { least: f64, found: f64 },
    /// At most so many milliseconds.
    Millis { most: f64, found: f64 },
    /// Exactly so many.
    Exactly { demanded: f64, found: f64 },
}

impl Bar {
    fn new(work: impl Into<String>, kind: Kind) -> Self {
        Self { work: work.into(), kind }
    }

    pub(crate) fn is_met(&self) -> bool {
        match self.kind {
            Kind::Times { least, found } | Kind::Share { least, found } => found >= least,
            Kind::Millis { most, found } => found <= most,
            // Both are counts.
            Kind::Exactly { demanded, found } => (found - demanded).abs() < 0.005,
        }
    }

    pub(crate) fn demanded(&self) -> String {
        match self.kind {
            Kind::Times { least, .. } => format!("{least:.0}×"),
            Kind::Share { least, .. } => format!("{:.0} %", least * 100.0),
            Kind::Millis { most, .. } => format!("{most:.0} ms"),
            Kind::Exactly { demanded, .. } => format!("{demanded:.0}"),
        }
    }

    pub(crate) fn measured(&self) -> String {
        match self.kind {
            Kind::Times { found, .. } => format!("{found:.1}×"),
            Kind::Share { found, .. } => format!("{:.0} %", found * 100.0),
            Kind::Millis { found, .. } => format!("{found:.1} ms"),
            Kind::Exactly { found, .. } => {
                let text = format!("{found:.2}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        }
    }
}

/// All of them.
pub(crate) fn all(results: &Results) -> Vec<Bar> {
    let mut bars = Vec::new();
    for grants in &results.grants {
        let algorithm = grants.algorithm.as_str();
        let work = format!("client credentials, {algorithm}");
        match grants.algorithm {
            // The signature is nearly all of it, on both sides.
            Algorithm::Rs256 => bars.extend(first(&grants.servers).map(|ours| {
                let found = ours / grants.signature.median();
                Bar::new(
                    format!("{work}, of its signature alone"),
                    Kind::Share { least: 0.9, found },
                )
            })),
            _ => bars.extend(times(work, &grants.servers, "oidc-provider", 20.0)),
        }
    }
    bars.extend(times("refresh, in memory", &results.memory, "oidc-provider", 20.0));
    bars.extend(times("refresh, PostgreSQL", &results.durable, "simplejwt", 50.0));
    for (name, found) in results.statements.iter().filter(|(name, _)| is_ours(name)) {
        let kind = Kind::Exactly { demanded: 1.0, found: *found };
        bars.push(Bar::new(format!("statements of a refresh: {name}"), kind));
    }
    for (name, figures) in results.idle.iter().filter(|(name, _)| is_ours(name)) {
        let kind = Kind::Millis { most: 10.0, found: figures.p99.median() };
        bars.push(Bar::new(format!("one refresh, p99: {name}"), kind));
    }
    for (name, tally) in results.races.iter().filter(|(name, _)| is_ours(name)) {
        let kind = Kind::Exactly { demanded: RACES as f64, found: tally.whole as f64 };
        bars.push(Bar::new(format!("races with one successor for all: {name}"), kind));
    }
    bars
}

fn is_ours(name: &str) -> bool {
    name.starts_with(crate::ours::NAME)
}

/// Answers per second of processor time of the first.
fn first(servers: &[(String, Figures)]) -> Option<f64> {
    servers.first().map(|(_, figures)| figures.per_cpu_second.median())
}

/// How often the first does what `peer` does once; nothing where either was not measured.
fn times(
    work: impl Into<String>,
    servers: &[(String, Figures)],
    peer: &str,
    least: f64,
) -> Option<Bar> {
    let (name, _) = servers.first()?;
    let (_, peer) = servers.iter().find(|(name, _)| name.starts_with(peer))?;
    let found = first(servers)? / peer.per_cpu_second.median();
    is_ours(name).then(|| Bar::new(work, Kind::Times { least, found }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_each_kind() {
        let rows = [
            (Kind::Times { least: 20.0, found: 19.96 }, "20×", "20.0×", false),
            (Kind::Times { least: 20.0, found: 20.0 }, "20×", "20.0×", true),
            (Kind::Share { least: 0.9, found: 0.95 }, "90 %", "95 %", true),
            (Kind::Millis { most: 10.0, found: 9.0 }, "10 ms", "9.0 ms", true),
            (Kind::Millis { most: 10.0, found: 10.1 }, "10 ms", "10.1 ms", false),
            (Kind::Exactly { demanded: 1.0, found: 1.0 }, "1", "1", true),
            (Kind::Exactly { demanded: 1.0, found: 1.02 }, "1", "1.02", false),
            (Kind::Exactly { demanded: 200.0, found: 199.0 }, "200", "199", false),
        ];
        for (kind, demanded, measured, met) in rows {
            let bar = Bar::new("work", kind);
            let shown = (bar.demanded(), bar.measured(), bar.is_met());
            assert_eq!(shown, (demanded.to_owned(), measured.to_owned(), met));
        }
    }
}
