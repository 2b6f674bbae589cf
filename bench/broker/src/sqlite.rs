//! Durable renewals on `SQLite`: an intent and an answer each.

use anyhow::Result;
use unlapse_bench_report::Table;

use crate::by_hand::ByHandSqlite;
use crate::ours::Ours;
use crate::rows::SEALED;
use crate::settings::Settings;

/// Renewals that share a commit, by hand; and that are under way at once, with us.
const TOGETHER: u32 = 50;
const AT_ONCE: usize = 256;

/// Measures it.
pub(crate) async fn measure(settings: &Settings) -> Result<Table> {
    eprintln!("measuring: renewals on SQLite");
    let folder = tempfile::tempdir()?;
    let ours = Ours::open(&folder.path().join("broker.db").to_string_lossy(), SEALED).await?;
    let mut by_hand = ByHandSqlite::fill()?;
    let mut table =
        Table::new(["renewals on SQLite, durable", "a second", "bar", "of SQL by hand"]);
    let one_by_one = by_hand.renewals(1, settings.time)?;
    let together = by_hand.renewals(TOGETHER, settings.time)?;
    let mine = ours.renewals(AT_ONCE, settings.time).await?;
    let alone = ours.renewals(1, settings.time).await?;
    for (what, rate, bar, of) in [
        (format!("**unlapse**, {AT_ONCE} at once"), mine, "3,000", together),
        ("**unlapse**, one by one".to_owned(), alone, "", one_by_one),
        (format!("SQL by hand, {TOGETHER} in a transaction"), together, "", together),
        ("SQL by hand, one by one".to_owned(), one_by_one, "", one_by_one),
    ] {
        let ratio = format!("{:.2}", rate / of);
        table.row([what, format!("{rate:.0}"), bar.to_owned(), ratio]);
    }
    Ok(table)
}
