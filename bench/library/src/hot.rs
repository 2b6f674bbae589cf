//! A valid token in the cache: what one header costs.

use std::future::Future;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;
use unlapse_bench_report::{Samples, Table, machine};

use crate::contender::{Contender, Lane};
use crate::peers::aws::Aws;
use crate::peers::azure::Azure;
use crate::peers::by_hand::{Locked, Swapped};
use crate::peers::golang;
use crate::peers::huskarl::Huskarl;
use crate::peers::object_store::ObjectStore;
use crate::peers::ours::{Now, Waiting};
use crate::peers::yup::Yup;
use crate::server::Server;

/// Samples of each contender, taken in turns, so that a noisy moment hits all of them.
const ROUNDS: usize = 21;
/// Time that one sample takes.
const SAMPLE: Duration = Duration::from_millis(15);

struct Entry {
    lane: Box<dyn Lane>,
    /// Calls that fill a sample.
    calls: u64,
    row: Row,
}

/// What was measured of one contender.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) faked: &'static str,
    pub(crate) token: Samples,
    pub(crate) header: Samples,
    pub(crate) two_threads: Samples,
}

impl Row {
    /// Nothing as yet.
    pub(crate) fn new(name: &'static str, faked: &'static str) -> Self {
        let (token, header, two_threads) = Default::default();
        Self { name, faked, token, header, two_threads }
    }
}

/// Measures, and prints the table.
pub(crate) fn run() {
    let runtime = runtime();
    let mut entries = runtime.block_on(async {
        vec![
            entry::<Now>().await,
            entry::<Waiting>().await,
            entry::<Swapped>().await,
            entry::<Locked>().await,
            entry::<ObjectStore>().await,
            entry::<Huskarl>().await,
            entry::<Azure>().await,
            entry::<Aws>().await,
            entry::<Yup>().await,
        ]
    });
    for entry in &mut entries {
        let length = runtime.block_on(entry.lane.header_length());
        assert_eq!(length, "Bearer ".len() + 1024, "{} has the whole token", entry.row.name);
        entry.calls = calls(&runtime, &*entry.lane);
    }
    for round in 0..ROUNDS {
        let count = entries.len();
        for offset in 0..count {
            let entry = &mut entries[(round + offset) % count];
            entry.row.token.push(timed(
                &runtime,
                own_time,
                entry.calls,
                entry.lane.tokens(entry.calls),
            ));
            entry.row.header.push(timed(
                &runtime,
                own_time,
                entry.calls,
                entry.lane.headers(entry.calls),
            ));
            entry.row.two_threads.push(two_threads(&*entry.lane, entry.calls));
        }
    }
    let mut rows: Vec<Row> = entries.into_iter().map(|entry| entry.row).collect();
    let missing = match golang::row() {
        Ok(row) => {
            rows.push(row);
            None
        }
        Err(missing) => Some(missing),
    };
    print(&rows, missing.as_deref());
}

async fn entry<C: Contender>() -> Entry {
    Entry {
        lane: Box::new(C::new(Arc::new(Server::quick())).await),
        calls: 0,
        row: Row::new(C::NAME, C::FAKED),
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("room for a runtime")
}

/// How many calls fill a sample.
fn calls(runtime: &Runtime, lane: &dyn Lane) -> u64 {
    let mut calls = 1000;
    loop {
        let each = timed(runtime, own_time, calls, lane.headers(calls));
        if each * calls as f64 * 2.0 > SAMPLE.as_nanos() as f64 {
            return calls;
        }
        calls *= 2;
    }
}

/// Nanoseconds for one of `calls`, by this clock.
fn timed(
    runtime: &Runtime,
    clock: impl Fn() -> Duration,
    calls: u64,
    work: impl Future<Output = ()>,
) -> f64 {
    runtime.block_on(async {
        // Tokio's locks make a task give way every so often; no library should pay for another's
        // neighbours.
        let work = tokio::task::unconstrained(work);
        let start = clock();
        work.await;
        clock().saturating_sub(start).as_nanos() as f64 / calls as f64
    })
}

/// This thread's own time: what others do to the processor meanwhile does not count.
fn own_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("it counts from zero")
}

/// Everybody's time, from some start.
fn wall_time() -> Duration {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::try_from(time).expect("it counts from zero")
}

/// Million headers a second, for two threads together.
fn two_threads(lane: &dyn Lane, calls: u64) -> f64 {
    let barrier = Barrier::new(2);
    let work = || {
        let runtime = runtime();
        runtime.block_on(lane.headers(100));
        barrier.wait();
        timed(&runtime, wall_time, calls, lane.headers(calls))
    };
    let slower = thread::scope(|scope| {
        let both = [scope.spawn(work), scope.spawn(work)];
        both.into_iter().map(|thread| thread.join().expect("no call fails")).fold(0.0, f64::max)
    });
    2.0 * 1000.0 / slower
}

fn print(rows: &[Row], missing: Option<&str>) {
    let mut table = Table::new([
        "A valid token of 1 KiB, median",
        "as handed out, ns",
        "as a header, ns",
        "ratio",
        "2 threads, million headers/s",
        "ratio",
        "2 threads, best",
    ]);
    let ours = &rows[0];
    for entry in rows {
        let (header, both) = (entry.header.median(), entry.two_threads.median());
        table.row([
            entry.name.to_owned(),
            format!("{:.0}", entry.token.median()),
            format!("{header:.0}"),
            format!("{:.1}", header / ours.header.median()),
            format!("{both:.1}"),
            format!("{:.2}", both / ours.two_threads.median()),
            format!("{:.1}", entry.two_threads.quantile(100)),
        ]);
    }
    println!("{table}");
    println!("{} Medians of {ROUNDS} samples, taken in turns; ratios are what counts.", machine());
    println!(
        "One thread is measured by its own processor time, two by the clock on the wall; best is \
         where other work on the machine disturbed least.\n"
    );
    println!("Each library runs as its users run it; only where its tokens come from is faked:");
    for entry in rows {
        println!("- {}: {}", entry.name, entry.faked);
    }
    if let Some(missing) = missing {
        println!("\n{missing}");
    }
}
