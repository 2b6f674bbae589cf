//! What nothing can be done with any more (A4).

use std::time::Duration;

use unlapse_store::FileStore;

use super::Finding;
use crate::commands::running::block_on;
use crate::diagnosis::Diagnosis;

/// How long a record is kept that is of no use: it tells a person why they have to log in.
const KEPT_FOR: Duration = Duration::from_secs(30 * 24 * 3600);

/// Records that are spent; with `repair`, they are removed.
pub(super) fn spent(store: &FileStore, repair: bool) -> Result<Option<Finding>, Diagnosis> {
    let now = unlapse::tokio::system_now();
    let found = block_on(async {
        Ok(if repair {
            let swept = unlapse::sweep(store, &now, KEPT_FOR).await;
            swept.map(|swept| {
                let removed = swept.iter().filter(|(_, removed)| removed.is_ok()).count();
                (removed, swept.len() - removed)
            })
        } else {
            unlapse::spent(store, &now, KEPT_FOR).await.map(|spent| (0, spent.len()))
        })
    })?;
    // A store that cannot be listed is told of beside this.
    let (removed, left) = found.unwrap_or_default();
    Ok(match (removed, left) {
        (0, 0) => None,
        (removed, 0) => Some(Finding::good(
            "records",
            format!("{removed} of logins that ended more than a month ago: removed"),
        )),
        (_, left) => Some(Finding::note(
            "records",
            format!("{left} of logins that ended more than a month ago, and are of no use"),
            "unlapse doctor --repair",
        )),
    })
}
