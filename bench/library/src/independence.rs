//! One key's server hangs: what the callers of other keys see of it.

mod aws;
mod azure;
mod ours;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use unlapse_bench_report::{Samples, Table, machine};

/// Callers of the key whose server hangs.
const CALLERS: usize = 200;
/// Other keys, each with a caller.
const OTHERS: usize = 50;
/// The time that the other keys' server takes.
const DELAY: Duration = Duration::from_millis(50);
const ROUNDS: usize = 5;

/// A cache of many keys.
trait Keyed: Send + Sync + Sized + 'static {
    /// Its name and version, and the call that is timed.
    const NAME: &'static str;

    /// Over a server that hangs for key 0 and takes [`DELAY`] for the others.
    fn new() -> impl Future<Output = Self> + Send;

    /// Asks for the token of a key; whether there was one.
    fn ask(&self, key: usize) -> impl Future<Output = bool> + Send;
}

/// Measures, and prints the table.
pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("room for a runtime");
    let mut table = Table::new([
        "50 keys beside one whose server hangs, 50 ms",
        "got a token",
        "p50, ms",
        "p99, ms",
    ]);
    runtime.block_on(async {
        row::<ours::Ours>(&mut table).await;
        row::<aws::Aws>(&mut table).await;
        row::<azure::Azure>(&mut table).await;
    });
    println!("{table}");
    println!(
        "{} {CALLERS} tasks wait for the key whose server hangs; then one task for each of {OTHERS} \
         other keys asks for its first token, all at once, and gives up after 5 s. Medians of \
         {ROUNDS} rounds. Peers are those whose cache has many keys.",
        machine()
    );
}

async fn row<K: Keyed>(table: &mut Table) {
    let (mut granted, mut p50, mut p99) = (usize::MAX, Samples::default(), Samples::default());
    for _ in 0..ROUNDS {
        let cache = Arc::new(K::new().await);
        let mut hanging = JoinSet::new();
        for _ in 0..CALLERS {
            let cache = Arc::clone(&cache);
            hanging.spawn(async move { cache.ask(0).await });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut others = JoinSet::new();
        for key in 1..=OTHERS {
            let cache = Arc::clone(&cache);
            others.spawn(async move {
                let start = Instant::now();
                let asked = tokio::time::timeout(Duration::from_secs(5), cache.ask(key)).await;
                (asked == Ok(true), start.elapsed().as_secs_f64() * 1000.0)
            });
        }
        let waits = others.join_all().await;
        granted = granted.min(waits.iter().filter(|(granted, _)| *granted).count());
        let waits: Samples = waits.into_iter().map(|(_, wait)| wait).collect();
        p50.push(waits.quantile(50));
        p99.push(waits.quantile(99));
    }
    table.row([
        K::NAME.to_owned(),
        format!("{granted} of {OTHERS}"),
        format!("{:.1}", p50.median()),
        format!("{:.1}", p99.median()),
    ]);
}

/// What the server does for a key.
async fn serve(key: usize) -> String {
    if key == 0 {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(DELAY).await;
    format!("{key:0>1024}")
}
