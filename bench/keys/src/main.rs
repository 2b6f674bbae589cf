//! A hundred thousand keys in one set: what each costs, beyond the text of its tokens.

mod server;
mod shelf;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use tokio::runtime::Handle;
use unlapse::{Key, Policy, Sources};
use unlapse_bench_report::{Table, machine};

use crate::server::Server;
use crate::shelf::Shelf;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const KEYS: usize = 100_000;
/// What a key may cost beyond its tokens' text.
const BAR: f64 = 1200.0;

/// Bytes of an access token, as of a typical JWT, and of a refresh token.
const ACCESS: usize = 1024;
const REFRESH: usize = 64;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let mut table = Table::new([
        "100,000 keys in one set, a key",
        "bytes beyond its tokens",
        "bar",
        "met",
        "allocated in all, MB",
        "tasks",
        "µs each",
    ]);
    let server = Arc::new(Server::default());
    let exchange = Arc::clone(&server);
    // No look in mid-measurement: it would let go of what is being counted, and make it anew.
    let policy = Policy { trust: Duration::from_secs(86_400), ..Policy::default() };
    let before = MEMORY.current_usage();
    let sources = Sources::builder(Arc::new(Shelf), move |_| Arc::clone(&exchange) as _)
        .policy(policy)
        .build();
    let mut row = |name: &str, text: usize, start: Instant| {
        let took = start.elapsed().as_secs_f64() * 1e6 / KEYS as f64;
        let all = MEMORY.current_usage().saturating_sub(before);
        let each = all as f64 / KEYS as f64 - text as f64;
        table.row([
            name.to_owned(),
            format!("{each:.0}"),
            format!("{BAR:.0}"),
            if each <= BAR { "yes" } else { "**no**" }.to_owned(),
            format!("{:.0}", all as f64 / 1e6),
            Handle::current().metrics().num_alive_tasks().to_string(),
            format!("{took:.1}"),
        ]);
    };

    let start = Instant::now();
    for number in 0..KEYS {
        sources.source(&key(number)).await;
    }
    row("loaded from the store", ACCESS + REFRESH, start);

    let start = Instant::now();
    for number in 0..KEYS {
        let header = sources.source(&key(number)).await.bearer_now().expect("it is fresh");
        assert_eq!(header.header().len(), "Bearer ".len() + ACCESS);
    }
    // The header is a copy of its own, since it is put on requests as it is.
    row("… and asked for a header", ACCESS + REFRESH + "Bearer ".len() + ACCESS, start);

    let start = Instant::now();
    for number in 0..KEYS {
        let token = sources.source(&key(number)).await.refresh().await.expect("the server answers");
        assert_eq!((token.generation, token.secret.len()), (2, ACCESS));
    }
    row("… and renewed", ACCESS + REFRESH, start);

    let start = Instant::now();
    drop(sources);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let left = MEMORY.current_usage().saturating_sub(before);
    let freed = start.elapsed();
    println!("{table}");
    println!(
        "{} Counted by an allocator: what was asked for, not what it takes. Two threads, one server \
         of {} requests, {:.0} MB at most; {left} bytes and {} tasks are left {:.0} ms \
         after the set is gone.",
        machine(),
        server.requests.load(Ordering::SeqCst),
        MEMORY.peak_usage() as f64 / 1e6,
        Handle::current().metrics().num_alive_tasks(),
        freed.as_secs_f64() * 1000.0,
    );
    println!(
        "\nFaked: the store makes up a record when it is read and drops what is saved, so that it \
         takes no memory; the server is in this process. Access tokens of {ACCESS} bytes, refresh \
         tokens of {REFRESH}."
    );
    ExitCode::SUCCESS
}

fn key(number: usize) -> Key {
    Key::new("acme").account(format!("tenant-{number:06}")).scope("repo:read")
}
