//! The example of the guide, run for real: scraped, traced, and searched for its secrets (C17, R18).
#![allow(clippy::disallowed_methods, reason = "tests touch sockets and wait, as a neighbour does")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use unlapse_core::Key;
use unlapse_example_stage::{Program, WAIT, eventually};
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

/// A collector that keeps the body of every request, and answers 200.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Vec<u8>>>>);

impl Collector {
    /// Listens; its thread ends with the test's process.
    fn start() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let collector = Self::default();
        let kept = collector.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let bodies = Arc::clone(&kept.0);
                std::thread::spawn(move || {
                    while let Some(body) = post(&mut stream) {
                        bodies.lock().expect("nobody panics over it").push(body);
                    }
                });
            }
        });
        (collector, url)
    }

    fn bodies(&self) -> Vec<Vec<u8>> {
        self.0.lock().expect("nobody panics over it").clone()
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies();
        let requests = bodies
            .iter()
            .map(|body| ExportTraceServiceRequest::decode(&body[..]).expect("OTLP, as protobuf"));
        let scopes =
            requests.flat_map(|request| request.resource_spans).flat_map(|it| it.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

/// One request of a connection: its body, once it has been answered.
fn post(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a head of text");
    assert!(head.starts_with("POST /v1/traces "), "{head}");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().expect("a number"))
    });
    let mut body = vec![0; length.expect("a length")];
    stream.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    Some(body)
}

fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(WAIT)).expect("a timeout");
    write!(stream, "GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")
        .expect("written");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply");
    let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(&format!("{series} ")));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}

/// Every secret that the program has in its hands.
fn secrets(directory: &Path) -> Vec<String> {
    let custody = Arc::new(KeyFile::new(directory.join("unlapse.key")));
    let layout = Layout::Directory(directory.join("tokens"));
    let store = FileStore::new(layout, "observability-example", custody);
    let Ok(Some(stored)) = store.read(&Key::new("example")) else { return Vec::new() };
    let token = stored.record.token.into_iter();
    let both = token.flat_map(|token| [Some(token.access_token), token.refresh_token]);
    both.flatten().map(|secret| secret.expose().to_owned()).filter(|it| !it.is_empty()).collect()
}

#[test]
fn c17_i6_i7_the_example_is_scraped_traced_and_keeps_its_secrets() {
    let directory = tempfile::tempdir().expect("a directory");
    let (collector, url) = Collector::start();
    let mut program = Program::start(
        Command::new(env!("CARGO_BIN_EXE_observability"))
            .env("DIRECTORY", directory.path())
            .env("METRICS", "127.0.0.1:0")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", url)
            .env("RUST_LOG", "trace")
            .env_remove("NO_PROXY"),
        "",
    );
    let line = program.line("metrics on http://");
    let address = line.trim_start_matches("metrics on http://").trim_end_matches("/metrics");

    let mut seen = BTreeSet::new();
    let mut text = String::new();
    let renewed = "unlapse_renewals_total{server=\"example\",outcome=\"renewed\"}";
    eventually("it renews, and once again after a failure", || {
        seen.extend(secrets(directory.path()));
        text = scrape(address);
        let attempts =
            |part| value(&text, &format!("unlapse_renewal_attempts_{part}{{server=\"example\"}}"));
        let is_enough = value(&text, renewed) >= 3.0 && attempts("sum") > attempts("count");
        if !is_enough {
            std::thread::sleep(Duration::from_millis(100));
        }
        is_enough
    });
    seen.extend(secrets(directory.path()));
    let run = program.interrupt().ok();

    assert!(text.contains("# TYPE unlapse_renewal_duration_seconds histogram"), "{text}");
    assert!(text.contains("unlapse_renewal_duration_seconds_bucket{server=\"example\",outcome=\"renewed\",le=\"0.25\"}"));
    assert!(value(&text, "unlapse_automatic_renewals_total{server=\"example\"}") >= 1.0, "{text}");
    assert!(run.stderr.contains("a renewal has ended key=example event=\"finished\""), "{run}");
    let spans = collector.spans();
    traced(&spans);
    // `cargo xtask observed`, which shows both in the documentation.
    if let Some(folder) = std::env::var_os("UNLAPSE_OBSERVED") {
        let shown: Vec<_> = text.lines().filter(|line| !line.contains("_bucket{")).collect();
        std::fs::write(Path::new(&folder).join("metrics"), shown.join("\n")).expect("written");
        std::fs::write(Path::new(&folder).join("spans"), shown_tree(&spans)).expect("written");
    }

    assert!(seen.len() >= 4, "tokens were seen: {}", seen.len());
    let traces: Vec<_> = collector.bodies().concat();
    let said = [text.as_bytes(), run.stdout.as_bytes(), run.stderr.as_bytes(), &traces];
    for secret in &seen {
        // The middle of a token is nobody else's, and cannot be cut off.
        let middle = &secret.as_bytes()[secret.len() / 4..secret.len() * 3 / 4];
        for said in said {
            let found = said.windows(middle.len()).any(|part| part == middle);
            assert!(!found, "R18: a token is in {}", String::from_utf8_lossy(said));
        }
    }
}

/// The renewal that needed two attempts, with its steps.
fn shown_tree(spans: &[Span]) -> String {
    let renewals = spans.iter().filter(|span| span.name == "unlapse.renewal");
    let twice = |span: &&Span| attributes(span).contains("attempts=2");
    let renewal = renewals.clone().find(twice).expect("one that failed at first");
    let mut steps: Vec<_> =
        spans.iter().filter(|span| span.parent_span_id == renewal.span_id).collect();
    steps.sort_by_key(|span| span.start_time_unix_nano);
    let lines = std::iter::once(renewal).chain(steps).map(|span| {
        let took = span.end_time_unix_nano - span.start_time_unix_nano;
        let indent = if span.span_id == renewal.span_id { "" } else { "  " };
        let name = format!("{indent}{}", span.name);
        let line = format!("{name:18}{:7.1} ms  {}", f64_of(took) / 1e6, attributes(span));
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Exact below 2^53 nanoseconds, which are three months.
#[allow(clippy::cast_precision_loss, reason = "see above")]
fn f64_of(nanos: u64) -> f64 {
    nanos as f64
}

/// What Unlapse says of a span; the bridge says more, such as its line in the source.
fn attributes(span: &Span) -> String {
    const OURS: [&str; 9] = [
        "key",
        "demand",
        "automatic",
        "generation",
        "attempts",
        "outcome",
        "spend",
        "attempt",
        "verdict",
    ];
    let ours = span.attributes.iter().filter(|it| OURS.contains(&it.key.as_str()));
    let words = ours.filter_map(|it| {
        let value = match it.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => text.clone(),
            Value::BoolValue(on) => on.to_string(),
            Value::IntValue(number) => number.to_string(),
            _ => return None,
        };
        Some(format!("{}={value}", it.key))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Every step of a renewal is a span, and belongs to it.
fn traced(spans: &[Span]) {
    let names: BTreeMap<_, _> =
        spans.iter().map(|span| (span.span_id.clone(), span.name.as_str())).collect();
    let parents = |name: &str| -> BTreeSet<_> {
        let named = spans.iter().filter(|span| span.name == name);
        named.map(|span| names.get(&span.parent_span_id).copied().unwrap_or("none")).collect()
    };
    for step in ["lease", "read", "intend", "spend", "keep"] {
        let found = parents(&format!("unlapse.{step}"));
        // A person's login is made of the same steps.
        let renewals = found.iter().filter(|parent| **parent == "unlapse.renewal").count();
        let logins = found.iter().filter(|parent| **parent == "unlapse.login").count();
        assert!(renewals == 1 && renewals + logins == found.len(), "unlapse.{step}: {found:?}");
    }
    assert!(!parents("request").is_empty(), "{names:?}");
    let spends = spans.iter().filter(|span| span.name == "unlapse.spend");
    let has_verdict = |span: &Span| span.attributes.iter().any(|it| it.key == "verdict");
    assert!(spends.clone().count() >= 4 && spends.clone().all(has_verdict));
}
