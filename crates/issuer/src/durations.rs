//! How long requests took, by endpoint.

use core::fmt::{self, Write as _};
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

/// The upper ends of the spans that requests are counted in, in microseconds, as Prometheus writes
/// them in seconds. A refresh takes under 10 ms, a password check some 35 ms.
const ENDS: [(u64, &str); 12] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
];

/// How often requests took how long. An endpoint is a route of ours, never what somebody asked
/// for: there are only so many.
#[derive(Debug, Default)]
pub(crate) struct Durations {
    endpoints: RwLock<BTreeMap<String, Arc<Histogram>>>,
}

#[derive(Debug, Default)]
struct Histogram {
    /// Those of each span, and last those beyond all.
    spans: [AtomicU64; ENDS.len() + 1],
    micros: AtomicU64,
}

impl Durations {
    /// A request to `endpoint` took so long.
    pub(crate) fn count(&self, endpoint: &str, took: Duration) {
        let histogram = self.known(endpoint).unwrap_or_else(|| {
            let mut all = self.endpoints.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(endpoint.to_owned()).or_default())
        });
        histogram.count(took);
    }

    fn known(&self, endpoint: &str) -> Option<Arc<Histogram>> {
        let all = self.endpoints.read().unwrap_or_else(PoisonError::into_inner);
        all.get(endpoint).map(Arc::clone)
    }

    /// Writes them in the text format of Prometheus.
    pub(crate) fn write(&self, name: &str, out: &mut String) -> fmt::Result {
        writeln!(out, "# HELP {name} How long requests took.\n# TYPE {name} histogram")?;
        let endpoints = self.endpoints.read().unwrap_or_else(PoisonError::into_inner);
        for (endpoint, histogram) in &*endpoints {
            histogram.write(name, endpoint, out)?;
        }
        Ok(())
    }
}

impl Histogram {
    fn count(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let span = ENDS.partition_point(|(end, _)| *end < micros);
        self.spans[span].fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
    }

    fn write(&self, name: &str, endpoint: &str, out: &mut String) -> fmt::Result {
        let ends = ENDS.iter().map(|(_, end)| *end).chain(["+Inf"]);
        let mut count = 0;
        for (span, end) in self.spans.iter().zip(ends) {
            count += span.load(Relaxed);
            writeln!(out, "{name}_bucket{{endpoint=\"{endpoint}\",le=\"{end}\"}} {count}")?;
        }
        let sum = Duration::from_micros(self.micros.load(Relaxed)).as_secs_f64();
        writeln!(out, "{name}_sum{{endpoint=\"{endpoint}\"}} {sum}")?;
        writeln!(out, "{name}_count{{endpoint=\"{endpoint}\"}} {count}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_in_its_span_and_in_all_longer_ones() {
        let durations = Durations::default();
        for micros in [1, 500, 501, 40_000, 9_000_000] {
            durations.count("/token", Duration::from_micros(micros));
        }
        let mut text = String::new();
        durations.write("d", &mut text).expect("a string takes everything");
        let value = |line: &str| {
            let found = text.lines().find_map(|one| one.strip_prefix(line));
            found.unwrap_or_else(|| panic!("{line}: {text}")).trim().to_owned()
        };
        for (end, count) in
            [("0.0005", "2"), ("0.001", "3"), ("0.025", "3"), ("0.05", "4"), ("2.5", "4")]
        {
            assert_eq!(value(&format!("d_bucket{{endpoint=\"/token\",le=\"{end}\"}}")), count);
        }
        assert_eq!(value("d_bucket{endpoint=\"/token\",le=\"+Inf\"}"), "5");
        assert_eq!(value("d_count{endpoint=\"/token\"}"), "5");
        assert_eq!(value("d_sum{endpoint=\"/token\"}"), "9.041002");
    }
}
