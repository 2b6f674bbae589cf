//! The broker's bars, beside SQL that was written by hand for the same machine.

mod by_hand;
mod cluster;
mod ours;
mod rows;
mod schedule;
mod settings;
mod sqlite;

use anyhow::Result;
use unlapse_bench_report::machine;

use crate::cluster::Cluster;
use crate::settings::Settings;

/// What can be measured.
const KNOWN: [&str; 2] = ["schedule", "sqlite"];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let settings = Settings::parse(&words, &KNOWN)?;
    let runtime = tokio::runtime::Runtime::new()?;
    if settings.wants("schedule") {
        let cluster = Cluster::start()?;
        let found = runtime.block_on(schedule::measure(&cluster, &settings))?;
        println!("{found}");
        println!("PostgreSQL {}, which waits for the disk at each commit.\n", cluster.version());
    }
    if settings.wants("sqlite") {
        println!("{}", runtime.block_on(sqlite::measure(&settings))?);
    }
    println!("{} Taken in turns; ratios are what counts.", machine());
    Ok(())
}
