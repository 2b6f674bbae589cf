//! What a node does beside renewing.

use core::time::Duration;
use std::sync::Arc;

use tokio::sync::watch;
use unlapse::Spawn as _;
use unlapse::tokio::TokioSpawn;

use super::pause;
use crate::broker::Inner;

/// What others need to hear soon, and what we need to hear from them.
const OFTEN: Duration = Duration::from_secs(1);

/// The rest.
const SELDOM: Duration = Duration::from_secs(60);

/// Between two parts of a sweep: others have their turn at the database.
const BREATH: Duration = Duration::from_millis(100);

/// Every round in which the clock is compared with the database's.
const CLOCK: u32 = 5;

/// Notes, circuits, apps and news, every second.
pub(super) async fn often(broker: &Arc<Inner>, mut stopped: watch::Receiver<bool>) {
    let mut round = 0_u32;
    while pause(broker, &mut stopped, OFTEN).await {
        if round.is_multiple_of(CLOCK) {
            let _ = broker.clock.correct(&broker.database).await;
            hear_of_nodes(broker).await;
        }
        round = round.wrapping_add(1);
        write_notes(broker).await;
        let _ = broker.circuits.share(&broker.tables).await;
        if let Ok(versions) = broker.tables.versions().await {
            let _ = broker.directory.follow(&broker.tables, &versions).await;
            if versions.events() > broker.heard() {
                hear(broker).await;
            }
        }
    }
}

/// What could not be saved, every second (R5). By itself: each of them may wait for its turn.
pub(super) async fn unsaved(broker: &Arc<Inner>, mut stopped: watch::Receiver<bool>) {
    while pause(broker, &mut stopped, OFTEN).await {
        broker.unsaved(broker.sources.save().await);
    }
}

/// Logins whose end a node that died could not tell of, leases that nobody knows of; and retention, until
/// nothing is left to remove: what comes in has no such bound. Once a minute.
pub(super) async fn seldom(broker: &Arc<Inner>, mut stopped: watch::Receiver<bool>) {
    while pause(broker, &mut stopped, SELDOM).await {
        broker.notes.look_for_ends();
        broker.store.look_for_lost();
        loop {
            match broker.tables.sweep(&broker.retention).await {
                Ok(true) if pause(broker, &mut stopped, BREATH).await => {}
                Ok(_) => break,
                Err(problem) => {
                    tracing::debug!(%problem, "sweep");
                    break;
                }
            }
        }
    }
}

/// Data keys that another node has made, as soon as one is missed.
pub(super) async fn keys(broker: &Arc<Inner>, mut stopped: watch::Receiver<bool>) {
    let envelope = broker.tables.envelope();
    loop {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = envelope.wanted() => {}
        }
        let _ = envelope.refresh().await;
        // What is missing for good is missed all the time.
        if !pause(broker, &mut stopped, OFTEN).await {
            return;
        }
    }
}

/// Before the process ends: nothing that is known is lost.
pub(super) async fn finish(broker: &Arc<Inner>) {
    if let Err(unfinished) = broker.sources.settle().await {
        tracing::warn!(%unfinished, "not everything could be saved");
    }
    write_notes(broker).await;
    broker.store.settle().await;
}

async fn write_notes(broker: &Inner) {
    match broker.notes.write(&broker.tables).await {
        Ok(seen) if !seen.is_empty() => {
            let _ = broker.store.touch(seen).await;
        }
        Ok(_) => {}
        Err(problem) => tracing::debug!(%problem, "notes"),
    }
}

async fn hear_of_nodes(broker: &Inner) {
    if let Ok(nodes) = broker.store.nodes().await {
        let names = nodes.into_iter().map(|node| node.to_string()).collect();
        broker.nodes.store(Arc::new(names));
    }
}

/// What other nodes have done to connections that are in memory here.
async fn hear(broker: &Arc<Inner>) {
    let after = broker.heard();
    let Ok(events) = broker.tables.events(None, after, 500).await else { return };
    for event in &events {
        broker.heard_of(event.number);
        // By itself: it waits for a renewal under way, and the next event does not.
        let (broker, id) = (Arc::clone(broker), event.what.id.clone());
        TokioSpawn.spawn(Box::pin(async move { broker.forget(&id).await }));
    }
}
