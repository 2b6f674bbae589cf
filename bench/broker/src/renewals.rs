//! Renewals from end to end: from the schedule to the provider and back into the database.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;
use unlapse_bench_report::Table;

use crate::crowd::Crowd;
use crate::settings::Settings;

/// More than can be renewed in the time.
const A_SECOND: usize = 4000;

/// Before anything is counted.
const WARM_UP: Duration = Duration::from_secs(2);

/// A node with nothing but renewals to do, on each engine.
pub(crate) async fn measure(postgres: &str, settings: &Settings) -> Result<Table> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("broker.db").to_string_lossy().into_owned();
    let columns = ["a second", "bar", "sent again"];
    let mut table =
        Table::new(["renewals from end to end, one node", columns[0], columns[1], columns[2]]);
    for (engine, database, bar) in [("PostgreSQL", postgres, "2,000"), ("SQLite", &*file, "")] {
        eprintln!("measuring: renewals on {engine}");
        let count = A_SECOND * usize::try_from((WARM_UP + settings.time).as_secs())?;
        let hour = Duration::from_hours(1);
        let mut crowd = Crowd::gather(database, count, hour, true, 16).await?;
        crowd.work();
        sleep(WARM_UP).await;
        let (start, before) = (Instant::now(), crowd.provider.tally());
        sleep(settings.time).await;
        let (took, after) = (start.elapsed(), crowd.provider.tally());
        anyhow::ensure!(after.grants < crowd.count as u64, "there was nothing left to renew");
        crowd.rest().await;
        let rate = (after.grants - before.grants) as f64 / took.as_secs_f64();
        let again = after.replays + after.doubles;
        table.row([engine.to_owned(), format!("{rate:.0}"), bar.to_owned(), again.to_string()]);
    }
    Ok(table)
}
