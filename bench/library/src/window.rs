//! A token that is valid and about to end: who waits while it is renewed, and what a server that
//! fails meanwhile has to bear.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use unlapse_bench_report::{Table, machine};

use crate::contender::Contender;
use crate::peers::aws::Aws;
use crate::peers::azure::Azure;
use crate::peers::huskarl::Huskarl;
use crate::peers::object_store::ObjectStore;
use crate::peers::ours::Kept;
use crate::peers::yup::Yup;
use crate::server::Server;

const CALLERS: usize = 50;
/// Between two calls of a caller.
const PAUSE: Duration = Duration::from_millis(5);
/// The time that a renewal takes.
const RENEWAL: Duration = Duration::from_millis(500);
/// Whoever waits so long was blocked by it.
const BLOCKED: Duration = Duration::from_millis(100);
/// How long the server is watched as it renews, and as it fails. The token outlives both.
const WATCHED: Duration = Duration::from_secs(3);
const FAILING: Duration = Duration::from_millis(2500);

/// What callers went through.
#[derive(Default)]
struct Seen {
    requests: u64,
    blocked: usize,
    refused: usize,
    longest: Duration,
}

/// Measures, and prints the table.
pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("room for a runtime");
    let mut table = Table::new([
        "50 callers, a token with 5 s to live",
        "server 500 ms: requests",
        "callers blocked",
        "longest wait, ms",
        "server fails, 2.5 s: requests",
        "callers refused",
        "longest wait, ms",
    ]);
    runtime.block_on(async {
        row::<Kept>(&mut table).await;
        row::<ObjectStore>(&mut table).await;
        row::<Huskarl>(&mut table).await;
        row::<Azure>(&mut table).await;
        row::<Aws>(&mut table).await;
        row::<Yup>(&mut table).await;
    });
    println!("{table}");
    println!(
        "{} Each caller asks every {PAUSE:?} for {WATCHED:?}, and for {FAILING:?} of a server that \
         answers every request with a 503 at once. Blocked: waited longer than {BLOCKED:?} at least \
         once. Refused: got an error at least once, although the token was valid. A library that \
         takes a token for expired so long before its end makes callers wait, or refuses them.",
        machine()
    );
}

async fn row<C: Contender>(table: &mut Table) {
    let slow = watch::<C>(Server::ending(RENEWAL), WATCHED).await;
    let failing = watch::<C>(Server::failing(), FAILING).await;
    table.row([
        C::NAME.to_owned(),
        slow.requests.to_string(),
        slow.blocked.to_string(),
        format!("{:.0}", slow.longest.as_secs_f64() * 1000.0),
        failing.requests.to_string(),
        failing.refused.to_string(),
        format!("{:.0}", failing.longest.as_secs_f64() * 1000.0),
    ]);
}

async fn watch<C: Contender>(server: Server, watched: Duration) -> Seen {
    let server = Arc::new(server);
    let contender = Arc::new(C::new(Arc::clone(&server)).await);
    let end = Instant::now() + watched;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let contender = Arc::clone(&contender);
        callers.spawn(async move {
            let (mut longest, mut refused) = (Duration::ZERO, false);
            while let Some(left) = end.checked_duration_since(Instant::now()) {
                let start = Instant::now();
                // One that still waits at the end has waited so long.
                match tokio::time::timeout(left + RENEWAL, contender.try_header()).await {
                    Ok(header) => refused |= header.is_none(),
                    Err(_) => refused = true,
                }
                longest = longest.max(start.elapsed());
                tokio::time::sleep(PAUSE).await;
            }
            (longest, refused)
        });
    }
    let mut seen = Seen::default();
    for (longest, refused) in callers.join_all().await {
        seen.blocked += usize::from(longest > BLOCKED);
        seen.refused += usize::from(refused);
        seen.longest = seen.longest.max(longest);
    }
    seen.requests = server.renewals();
    seen
}
