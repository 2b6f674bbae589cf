//! What the spool has and the database has not is put where the next holder finds it.

use core::time::Duration;
use std::sync::Arc;

use blocking::unblock;

use super::sheet::left;
use super::spool::Spool;
use crate::sql::records::copies::replay;
use crate::sql::{Away, Database};

/// Between attempts, while the database is away.
const AGAIN: Duration = Duration::from_secs(1);

/// Between looks for what another process of this machine has left.
const LOOK: Duration = Duration::from_secs(20);

/// Sees to the spool until it is told to end by being dropped.
#[expect(clippy::disallowed_methods, reason = "it is the database that is waited for")]
pub(in crate::sql::records) async fn drain(spool: Spool, database: Database) {
    loop {
        let wait = match drain_now(&spool, &database).await {
            Ok(()) => LOOK,
            Err(away) => away.retry_after.max(AGAIN),
        };
        let pause = tokio::time::sleep(wait);
        if spool.is_empty() {
            tokio::select! {
                () = spool.news() => {}
                () = pause => {}
            }
        } else {
            pause.await;
        }
    }
}

/// Puts everything that nobody sees to into the database, and what others have left.
pub(in crate::sql::records) async fn drain_now(
    spool: &Spool,
    database: &Database,
) -> Result<(), Away> {
    let mut undone = spool.undone();
    while let Some(kept) = undone.pop() {
        if let Err(away) = replay(database, &kept.entry).await {
            undone.push(kept);
            spool.not_yet(undone);
            return Err(away);
        }
        spool.done(&kept);
    }
    let (disk, folder) = (spool.disk(), spool.folder());
    let found = {
        let disk = Arc::clone(&disk);
        unblock(move || left(&*disk, &folder)).await
    };
    for left in found {
        for entry in &left.entries {
            replay(database, entry).await?;
        }
        if !left.entries.is_empty() {
            tracing::info!(entries = left.entries.len(), "answers of a node that is gone are kept");
        }
        let disk = Arc::clone(&disk);
        unblock(move || left.remove(&*disk)).await;
    }
    Ok(())
}
