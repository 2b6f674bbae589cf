//! The schedule on `PostgreSQL`: claims, completions, and looks at what is not due.

use anyhow::Result;
use unlapse_bench_report::{Samples, Table};

use crate::by_hand::ByHand;
use crate::cluster::Cluster;
use crate::ours::Ours;
use crate::rows::SEALED;
use crate::settings::Settings;

/// Rows that are completed.
const COMPLETED: usize = 100_000;

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

/// Half of all rows are due.
async fn busy(cluster: &Cluster, settings: &Settings) -> Result<Table> {
    let rows = settings.rows;
    say(&format!("{rows} rows, half of them due"));
    let (by_hand, ours) = fill(cluster, rows, 2).await?;
    say("claims and completions");
    let their_claims = by_hand.claims(settings.time).await?;
    let mut our_claims = ours.claims(settings.time).await?;
    let theirs = by_hand.completions(&their_claims, COMPLETED).await?;
    let mine = ours.completions(&mut our_claims, COMPLETED).await?;
    let claimed = our_claims.rate;
    drop(our_claims);
    by_hand.drop(cluster);
    ours.drop(cluster);
    let head = format!("{rows} connections, half of them due");
    let columns = ["**unlapse**, rows/s", "bar", "SQL by hand, rows/s", "ratio"];
    let mut table = Table::new([head.as_str(), columns[0], columns[1], columns[2], columns[3]]);
    for (what, ours, bar, theirs) in [
        ("claimed", claimed, "30,000", their_claims.rate),
        ("completed, token and all", mine, "20,000", theirs),
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
        let (by_hand, ours) = fill(cluster, rows, 0).await?;
        let (mut mine, mut theirs) = (Samples::default(), Samples::default());
        for _ in 0..LOOKS {
            mine.push(ours.look().await?.as_secs_f64() * 1000.0);
            theirs.push(by_hand.look().await?.as_secs_f64() * 1000.0);
        }
        let [mine, theirs] = [mine, theirs].map(|looks| format!("{:.1}", looks.median()));
        table.row([format!("{rows} connections"), mine, theirs]);
        let bytes = ours.bytes(cluster)?.map(|bytes| (bytes / rows).to_string());
        let [schedule, sealed] = bytes;
        room.row([format!("of {rows}, with {SEALED} bytes that are sealed"), schedule, sealed]);
        by_hand.drop(cluster);
        ours.drop(cluster);
    }
    Ok((table, room))
}

/// Both at once: it takes minutes.
async fn fill(cluster: &Cluster, rows: u64, due_one_in: u64) -> Result<(ByHand, Ours)> {
    let ours = Ours::new(cluster).await?;
    let by_hand = std::thread::scope(|threads| {
        let by_hand = threads.spawn(|| ByHand::fill(cluster, rows, due_one_in));
        ours.fill(cluster, rows, due_one_in);
        by_hand.join()
    });
    let by_hand = by_hand.map_err(|_| anyhow::anyhow!("the rows by hand were not made"))?;
    // What is measured begins with nothing left to write.
    cluster.sql("postgres", "checkpoint");
    Ok((by_hand, ours))
}

fn say(what: &str) {
    eprintln!("measuring: {what}");
}
