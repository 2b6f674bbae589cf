//! Data keys: those of other nodes are heard of, and old ones make way.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::watch;

use super::pause;
use crate::broker::Inner;

/// How often is looked whether a rotation is under way: less than a new key waits before it seals.
const LOOK: Duration = Duration::from_secs(5);
/// Between two parts: renewals come first.
const BREATH: Duration = Duration::from_millis(50);
/// Connections of a part.
const PART: usize = 200;
/// Looks after which old keys are forgotten: every hour.
const FORGET: u32 = 720;

/// Goes on with rotations, whichever node has begun them. Any number of nodes may: what two do at once
/// is done once.
pub(super) async fn rotation(broker: &Arc<Inner>, mut stopped: watch::Receiver<bool>) {
    let mut round = 0_u32;
    let mut wait = LOOK;
    while pause(broker, &mut stopped, wait).await {
        if let Ok(versions) = broker.tables.versions().await {
            let _ = broker.tables.envelope().follow(&versions).await;
        }
        let more = broker.tables.reseal(PART).await.unwrap_or_else(|problem| {
            tracing::debug!(%problem, "reseal");
            false
        });
        wait = if more { BREATH } else { LOOK };
        round = round.wrapping_add(1);
        if round.is_multiple_of(FORGET)
            && let Err(problem) = broker.tables.forget_old_data_keys().await
        {
            tracing::debug!(%problem, "old data keys");
        }
    }
}
