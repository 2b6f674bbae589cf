//! The broker's bars, beside SQL that was written by hand for the same machine.

mod by_hand;
mod cluster;
mod crowd;
mod ours;
mod over_http;
mod renewals;
mod rows;
mod schedule;
mod settings;
mod sqlite;
mod tokens;
mod walk;
mod wire;
#[path = "../../../crates/broker/tests/world/mod.rs"]
mod world;

use anyhow::Result;
use unlapse_bench_report::machine;

use crate::cluster::Cluster;
use crate::settings::Settings;

/// What can be measured.
const KNOWN: [&str; 4] = ["schedule", "sqlite", "renewals", "tokens"];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let settings = Settings::parse(&words, &KNOWN)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let cluster = Cluster::start()?;
    if settings.wants("schedule") {
        runtime.block_on(schedule::measure(&cluster, &settings))?;
    }
    if settings.wants("sqlite") {
        println!("{}", runtime.block_on(sqlite::measure(&settings))?);
    }
    if settings.wants("renewals") {
        let (database, _) = cluster.database();
        println!("{}", runtime.block_on(renewals::measure(&database, &settings))?);
    }
    if settings.wants("tokens") {
        let ((quiet, _), (busy, _)) = (cluster.database(), cluster.database());
        println!("{}", runtime.block_on(tokens::measure(&quiet, &busy, &settings))?);
    }
    println!(
        "PostgreSQL {} and SQLite wait for the disk at each commit. The provider is in the same process.",
        cluster.version()
    );
    println!("{} Taken in turns; ratios are what counts.", machine());
    Ok(())
}
