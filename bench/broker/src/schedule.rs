//! The schedule on `PostgreSQL`: claims, completions, and looks at what is not due.

use anyhow::Result;
use unlapse_bench_report::{Samples, Table};

use crate::by_hand::ByHand;
use crate::cluster::Cluster;
use crate::ours::Ours;
use crate::rows::SEALED;
use crate::settings::Settings;

/// Rows that are completed.
const COMPLETED: usize = 200_000;

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

/// Half of all rows are due. One after the other: two databases of ten million rows do not lie side by
/// side in the memory of the machine, and neither is to wait for what the other has put there.
async fn busy(cluster: &Cluster, settings: &Settings) -> Result<Table> {
    let rows = settings.rows;
    say(&format!("{rows} rows, half of them due, by hand"));
    let by_hand = ByHand::fill(cluster, rows, 2);
    settle(cluster);
    let their_claims = by_hand.claims(settings.time).await?;
    let theirs = by_hand.completions(&their_claims, COMPLETED).await?;
    let their_claimed = their_claims.rate;
    drop(their_claims);
    by_hand.drop(cluster);
    say(&format!("{rows} rows, half of them due, ours"));
    let ours = Ours::new(cluster).await?;
    ours.fill(cluster, rows, 2);
    settle(cluster);
    let mut our_claims = ours.claims(settings.time).await?;
    let mine = ours.completions(&mut our_claims, COMPLETED).await?;
    let claimed = our_claims.rate;
    drop(our_claims);
    ours.drop(cluster);
    let head = format!("{rows} connections, half of them due");
    let columns = ["**unlapse**, rows/s", "bar", "SQL by hand, rows/s", "ratio"];
    let mut table = Table::new([head.as_str(), columns[0], columns[1], columns[2], columns[3]]);
    for (what, ours, bar, theirs) in [
        ("claimed", claimed, "30,000", their_claimed),
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
        let (mut mine, mut theirs) = (Samples::default(), Samples::default());
        let by_hand = ByHand::fill(cluster, rows, 0);
        settle(cluster);
        for _ in 0..LOOKS {
            theirs.push(by_hand.look().await?.as_secs_f64() * 1000.0);
        }
        by_hand.drop(cluster);
        let ours = Ours::new(cluster).await?;
        ours.fill(cluster, rows, 0);
        settle(cluster);
        for _ in 0..LOOKS {
            mine.push(ours.look().await?.as_secs_f64() * 1000.0);
        }
        let [mine, theirs] = [mine, theirs].map(|looks| format!("{:.1}", looks.median()));
        table.row([format!("{rows} connections"), mine, theirs]);
        let bytes = ours.bytes(cluster)?.map(|bytes| (bytes / rows).to_string());
        let [schedule, sealed] = bytes;
        room.row([format!("of {rows}, with {SEALED} bytes that are sealed"), schedule, sealed]);
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
