//! An expired token, and ten thousand tasks that want it at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use unlapse_bench_report::{Samples, Table, machine};

use crate::contender::Contender;
use crate::peers::aws::Aws;
use crate::peers::azure::Azure;
use crate::peers::by_hand::Waiters;
use crate::peers::huskarl::Huskarl;
use crate::peers::object_store::ObjectStore;
use crate::peers::ours::Waiting;
use crate::peers::yup::Yup;
use crate::server::Server;

const TASKS: usize = 10_000;
const DELAY: Duration = Duration::from_millis(50);
/// Storms of each contender, taken in turns.
const ROUNDS: usize = 5;

/// What a storm came to, over the rounds.
#[derive(Default)]
struct Outcome {
    requests: Samples,
    p50: Samples,
    p99: Samples,
    last: Samples,
}

/// Measures, and prints the table.
pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("room for a runtime");
    let mut rows: [(&str, Outcome); 7] = [
        (Waiting::NAME, Outcome::default()),
        (ObjectStore::NAME, Outcome::default()),
        (Huskarl::NAME, Outcome::default()),
        (Azure::NAME, Outcome::default()),
        (Aws::NAME, Outcome::default()),
        (Yup::NAME, Outcome::default()),
        (Waiters::NAME, Outcome::default()),
    ];
    for _ in 0..ROUNDS {
        runtime.block_on(async {
            storm::<Waiting>(&mut rows[0].1).await;
            storm::<ObjectStore>(&mut rows[1].1).await;
            storm::<Huskarl>(&mut rows[2].1).await;
            storm::<Azure>(&mut rows[3].1).await;
            storm::<Aws>(&mut rows[4].1).await;
            storm::<Yup>(&mut rows[5].1).await;
            storm::<Waiters>(&mut rows[6].1).await;
        });
    }
    print(&rows);
}

async fn storm<C: Contender>(outcome: &mut Outcome) {
    let server = Arc::new(Server::slow(DELAY));
    let contender = Arc::new(C::new(Arc::clone(&server)).await);
    tokio::time::sleep(Duration::from_millis(1100)).await;

    let (start, started) = watch::channel(None::<Instant>);
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let (contender, mut started) = (Arc::clone(&contender), started.clone());
        tasks.spawn(async move {
            let start = started.wait_for(Option::is_some).await.map(|start| *start);
            let start = start.expect("it is sent").expect("it was waited for");
            let header = contender.header().await;
            let wait = start.elapsed();
            drop(header);
            wait
        });
    }
    // Every task has been polled once and waits.
    tokio::time::sleep(Duration::from_millis(100)).await;
    start.send_replace(Some(Instant::now()));
    let waits = tasks.join_all().await;
    let waits: Samples = waits.into_iter().map(|wait| wait.as_secs_f64() * 1000.0).collect();

    outcome.requests.push(server.renewals() as f64);
    outcome.p50.push(waits.quantile(50));
    outcome.p99.push(waits.quantile(99));
    outcome.last.push(waits.quantile(100));
}

fn print(rows: &[(&str, Outcome)]) {
    let mut table = Table::new([
        "10,000 tasks at expiry, server 50 ms",
        "requests",
        "p50, ms",
        "p99, ms",
        "last, ms",
    ]);
    for (name, outcome) in rows {
        table.row([
            (*name).to_owned(),
            format!("{:.0}", outcome.requests.quantile(100)),
            format!("{:.1}", outcome.p50.median()),
            format!("{:.1}", outcome.p99.median()),
            format!("{:.1}", outcome.last.median()),
        ]);
    }
    println!("{table}");
    println!("{} Requests: the most of {ROUNDS} storms; waits: medians of them.", machine());
    println!(
        "The wait counts from one instant for all tasks, so it has in it what the runtime needs to \
         wake {TASKS} of them on two threads; the last row is nothing but that. Ours runs without \
         its keeper, which would have renewed before."
    );
}
