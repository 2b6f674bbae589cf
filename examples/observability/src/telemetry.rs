//! Where metrics, spans and log lines go. Nothing here knows of Unlapse but by names.

use std::io::IsTerminal as _;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::Failure;

/// Seconds. A renewal is a request or two, or waits for somebody else's.
const BUCKETS: [f64; 9] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 30.0];

/// Attempts: a whole number, of which there are few.
const ATTEMPTS: [f64; 5] = [1.0, 2.0, 3.0, 5.0, 10.0];

pub(crate) struct Telemetry {
    metrics: PrometheusHandle,
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Metrics for Prometheus, log lines on stderr, and spans to the collector that
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` names, if it does. `RUST_LOG` filters the log.
    pub(crate) fn start() -> Result<Self, Failure> {
        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
            .set_buckets_for_metric(Matcher::Suffix("_attempts".to_owned()), &ATTEMPTS)?
            .install_recorder()?;
        let traces = match std::env::var("OTEL_EXPORTER_OTLP_ENDPOINT") {
            Ok(endpoint) => Some(traces(&endpoint)?),
            Err(_) => None,
        };
        // What the exporter's own HTTP client says must not become spans to export.
        let spans = Targets::new()
            .with_target("unlapse", tracing::Level::DEBUG)
            .with_target("observability", tracing::Level::DEBUG);
        let bridge = traces.as_ref().map(|provider| {
            let tracer = provider.tracer("unlapse-example-observability");
            tracing_opentelemetry::layer().with_tracer(tracer).with_filter(spans)
        });
        let filter = EnvFilter::try_from_default_env();
        let filter = filter.unwrap_or_else(|_| EnvFilter::new("unlapse=debug"));
        let lines = tracing_subscriber::fmt::layer()
            .with_ansi(std::io::stderr().is_terminal())
            .with_writer(std::io::stderr);
        tracing_subscriber::registry().with(bridge).with(lines.with_filter(filter)).try_init()?;
        Ok(Self { metrics, traces })
    }

    /// The text that Prometheus reads.
    pub(crate) fn metrics(&self) -> PrometheusHandle {
        self.metrics.clone()
    }

    /// Sends what is still here.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        if let Some(traces) = &self.traces {
            traces.shutdown()?;
        }
        Ok(())
    }
}

fn traces(endpoint: &str) -> Result<SdkTracerProvider, Failure> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{endpoint}/v1/traces"))
        .build()?;
    let resource = Resource::builder().with_service_name("unlapse-example").build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}
