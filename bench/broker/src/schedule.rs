//! The schedule on `PostgreSQL`: claims, completions, and looks at what is not due.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use unlapse_bench_report::{Samples, Table};

use crate::by_hand::{ByHand, postgres};
use crate::cluster::Cluster;
use crate::ours::Ours;
use crate::rows;
use crate::settings::Settings;

/// Looks at an idle schedule.
const LOOKS: usize = 21;

/// Measures all of it.
pub(crate) async fn measure(cluster: &Cluster, settings: &Settings) -> Result<()> {
    // One by one: what was found is not lost with what comes after it.
    println!("{}", busy(cluster, settings).await?);
    let (idle, room) = idle(cluster, settings).await?;
    println!("{idle}\n{room}");
    Ok(())
}

/// What was done in rounds: so many rows were claimed, and then completed.
#[derive(Default)]
struct Rates {
    rows: usize,
    claiming: Duration,
    completing: Duration,
}

impl Rates {
    fn took(&self) -> Duration {
        self.claiming + self.completing
    }

    /// Whether there was something to be claimed.
    fn claimed(&mut self, rows: usize, start: Instant) -> bool {
        self.rows += rows;
        self.claiming += start.elapsed();
        rows > 0
    }

    fn completed(&mut self, start: Instant) {
        self.completing += start.elapsed();
    }

    /// Rows a second.
    fn claims(&self) -> f64 {
        self.rows as f64 / self.claiming.as_secs_f64()
    }

    /// Rows a second.
    fn completions(&self) -> f64 {
        self.rows as f64 / self.completing.as_secs_f64()
    }
}

impl fmt::Display for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, .. } = self;
        write!(
            f,
            "{rows} rows: {:.0} claims/s, {:.0} completions/s",
            self.claims(),
            self.completions()
        )
    }
}

/// Half of all rows are due. One after the other: two databases of ten million rows do not lie side by
/// side in the memory of the machine, and neither is to wait for what the other has put there.
async fn busy(cluster: &Cluster, settings: &Settings) -> Result<Table> {
    let Settings { rows, sealed, .. } = *settings;
    say(&format!("{rows} rows, half of them due, by hand"));
    let by_hand = ByHand::fill(cluster, rows, 2, sealed);
    settle(cluster);
    let (mut theirs, mut mine) = (Rates::default(), Rates::default());
    // It is drawn once, before anybody's time counts.
    drop(rows::sealed(sealed));
    let (workers, walk) = (by_hand.workers().await?, Arc::default());
    while theirs.took() < 2 * settings.time {
        let start = Instant::now();
        let found = postgres::claims(&workers, &walk).await?;
        if !theirs.claimed(found.len(), start) {
            break;
        }
        let start = Instant::now();
        postgres::completions(&workers, found).await?;
        theirs.completed(start);
    }
    drop(workers);
    by_hand.drop(cluster);
    say(&theirs.to_string());
    say(&format!("{rows} rows, half of them due, ours"));
    let ours = Ours::new(cluster, sealed).await?;
    ours.fill(cluster, rows, 2);
    settle(cluster);
    let walk = Arc::default();
    while mine.took() < 2 * settings.time {
        let start = Instant::now();
        let found = ours.claims(&walk).await?;
        if !mine.claimed(found.len(), start) {
            break;
        }
        let start = Instant::now();
        ours.completions(found).await?;
        mine.completed(start);
    }
    ours.drop(cluster);
    say(&mine.to_string());
    let head = format!("{rows} connections of {sealed} bytes, half of them due");
    let columns = ["**unlapse**, rows/s", "bar", "SQL by hand, rows/s", "ratio"];
    let mut table = Table::new([head.as_str(), columns[0], columns[1], columns[2], columns[3]]);
    for (what, ours, bar, theirs) in [
        ("claimed", mine.claims(), "30,000", theirs.claims()),
        ("completed, token and all", mine.completions(), "20,000", theirs.completions()),
    ] {
        let ratio = format!("{:.2}", ours / theirs);
        let [ours, theirs] = [ours, theirs].map(|rate| format!("{rate:.0}"));
        table.row([what.to_owned(), ours, bar.to_owned(), theirs, ratio]);
    }
    Ok(table)
}

/// Nothing is due: what a look costs must not depend on how many there are.
async fn idle(cluster: &Cluster, settings: &Settings) -> Result<(Table, Table)> {
    let mut room = Table::new(["on the disk, a connection", "schedule, bytes", "sealed, bytes"]);
    let mut table = Table::new([
        "a look at all 64 shards, nothing due, median",
        "**unlapse**, ms",
        "SQL by hand, ms",
    ]);
    for rows in [settings.rows / 100, settings.rows] {
        say(&format!("{rows} rows, none of them due"));
        let (mut mine, mut theirs) = (Samples::default(), Samples::default());
        let by_hand = ByHand::fill(cluster, rows, 0, settings.sealed);
        settle(cluster);
        for _ in 0..LOOKS {
            theirs.push(by_hand.look().await?.as_secs_f64() * 1000.0);
        }
        by_hand.drop(cluster);
        let ours = Ours::new(cluster, settings.sealed).await?;
        ours.fill(cluster, rows, 0);
        settle(cluster);
        for _ in 0..LOOKS {
            mine.push(ours.look().await?.as_secs_f64() * 1000.0);
        }
        let [mine, theirs] = [mine, theirs].map(|looks| format!("{:.1}", looks.median()));
        table.row([format!("{rows} connections"), mine, theirs]);
        let bytes = ours.bytes(cluster)?.map(|bytes| (bytes / rows).to_string());
        let what = format!("of {rows}, with {} bytes that are sealed", settings.sealed);
        let [schedule, sealed] = bytes;
        room.row([what, schedule, sealed]);
        ours.drop(cluster);
    }
    Ok((table, room))
}

/// What is measured begins with nothing left to write.
fn settle(cluster: &Cluster) {
    cluster.sql("postgres", "checkpoint");
}

fn say(what: &str) {
    eprintln!("measuring: {what}");
}
