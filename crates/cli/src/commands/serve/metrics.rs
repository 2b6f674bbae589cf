//! What Prometheus reads.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

/// Bounds in seconds, from a token out of memory to a provider that hangs.
const SECONDS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];

/// Collects every metric of this process from now on.
pub(super) fn recorder() -> Result<PrometheusHandle, Diagnosis> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS);
    let handle =
        builder.map_err(|_| ()).and_then(|builder| builder.install_recorder().map_err(|_| ()));
    let handle = handle.map_err(|()| Diagnosis {
        code: "broker_metrics",
        message: "metrics cannot be collected in this process".to_owned(),
        hint: "this is a mistake of the program's: tell its authors".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    })?;
    unlapse::metrics::describe();
    Ok(handle)
}
