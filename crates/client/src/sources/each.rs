//! The same for many keys, in tasks of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use unlapse_core::{BoxFuture, Cause, Error, Key};

use super::Sources;
use crate::shared::Shared;

/// Credentials that are cleared at once: each is a write or two that waits for the disk.
const CLEARED_AT_ONCE: usize = 16;

/// Tokens that are saved at once: each may wait for its lease, and holds up nothing else but for so many.
const SAVED_AT_ONCE: usize = 16;

/// What is done for one of them.
type Work<T> = fn(Sources, T) -> BoxFuture<'static, Result<(), Error>>;

/// Clears the records of `keys`, and returns what failed.
pub(super) async fn clear(sources: &Sources, keys: BTreeSet<Key>) -> Vec<(Key, Error)> {
    let keys = keys.into_iter().map(|key| (key.clone(), key)).collect();
    each(sources, keys, CLEARED_AT_ONCE, |sources, key| {
        Box::pin(async move {
            let source = sources.source(&key).await;
            source.clear().await?;
            sources.set.members.drop_unheld(source.shared());
            Ok(())
        })
    })
    .await
}

/// Settles these sources, and returns what failed.
pub(super) async fn settle(sources: &Sources, open: Vec<Arc<Shared>>) -> Vec<(Key, Error)> {
    // All at once: what hangs holds up nothing else (R17), and there are few.
    let at_once = open.len();
    each(sources, keyed(open), at_once, |_, shared| Box::pin(async move { shared.settle().await }))
        .await
}

/// Saves what these sources could not save before, and returns what failed.
pub(super) async fn save(sources: &Sources, open: Vec<Arc<Shared>>) -> Vec<(Key, Error)> {
    each(sources, keyed(open), SAVED_AT_ONCE, |_, shared| {
        Box::pin(async move { shared.save_unsaved().await })
    })
    .await
}

fn keyed(open: Vec<Arc<Shared>>) -> Vec<(Key, Arc<Shared>)> {
    open.into_iter().map(|shared| (shared.renewer.key.clone(), shared)).collect()
}

/// Does `work` for each of `items`, `at_once` of them at a time, and returns what failed, by their keys.
/// It goes on when whoever asked is gone (R6).
async fn each<T: Send + 'static>(
    sources: &Sources,
    items: Vec<(Key, T)>,
    at_once: usize,
    work: Work<T>,
) -> Vec<(Key, Error)> {
    let mut open: BTreeMap<usize, Key> =
        items.iter().map(|(key, _)| key.clone()).enumerate().collect();
    let mut failed = Vec::new();
    let workers = at_once.min(items.len());
    let left = Arc::new(Mutex::new(items.into_iter().enumerate()));
    let (told, mut ended) = mpsc::unbounded_channel();
    for _ in 0..workers {
        let (sources, left, told) = (sources.clone(), Arc::clone(&left), told.clone());
        let spawn = Arc::clone(&sources.set.world.spawn);
        spawn.spawn(Box::pin(async move {
            loop {
                let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((nth, (_, item))) = next else { return };
                let outcome = work(sources.clone(), item).await;
                // Nobody waits for it any more, and it has been done all the same.
                let _ = told.send((nth, outcome));
            }
        }));
    }
    drop(told);
    while let Some((nth, outcome)) = ended.recv().await {
        if let (Some(key), Err(error)) = (open.remove(&nth), outcome) {
            failed.push((key, error));
        }
    }
    // A worker that died said nothing (R20).
    failed.extend(open.into_values().map(|key| {
        let cause = Cause::Interrupted;
        (key.clone(), Error::Temporary { key, cause, attempts: 0, retry_at: None })
    }));
    failed.sort_by(|(one, _), (other, _)| one.cmp(other));
    failed
}
