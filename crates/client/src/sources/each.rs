//! The same for many keys, in tasks of their own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use unlapse_core::{BoxFuture, Cause, Error, Key};

use super::Sources;

/// Credentials that are cleared at once: each is a write or two that waits for the disk.
const CLEARED_AT_ONCE: usize = 16;

/// What is done for one key.
type Work = fn(Sources, Key) -> BoxFuture<'static, Result<(), Error>>;

/// Clears the records of `keys`, and returns what failed.
pub(super) async fn clear(sources: &Sources, keys: BTreeSet<Key>) -> Vec<(Key, Error)> {
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

/// Settles the sources of `keys`, and returns what failed.
pub(super) async fn settle(sources: &Sources, keys: BTreeSet<Key>) -> Vec<(Key, Error)> {
    // All at once: what hangs holds up nothing else (R17), and there are few.
    let at_once = keys.len();
    each(sources, keys, at_once, |sources, key| {
        Box::pin(async move { sources.source(&key).await.shared().settle().await })
    })
    .await
}

/// Does `work` for each of `keys`, `at_once` of them at a time, and returns what failed. It goes on
/// when whoever asked is gone (R6).
async fn each(
    sources: &Sources,
    keys: BTreeSet<Key>,
    at_once: usize,
    work: Work,
) -> Vec<(Key, Error)> {
    let mut open = keys.clone();
    let mut failed = Vec::new();
    let workers = at_once.min(keys.len());
    let left = Arc::new(Mutex::new(keys));
    let (told, mut ended) = mpsc::unbounded_channel();
    for _ in 0..workers {
        let (sources, left, told) = (sources.clone(), Arc::clone(&left), told.clone());
        let spawn = Arc::clone(&sources.set.world.spawn);
        spawn.spawn(Box::pin(async move {
            loop {
                let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop_first();
                let Some(key) = next else { return };
                let outcome = work(sources.clone(), key.clone()).await;
                // Nobody waits for it any more, and it has been done all the same.
                let _ = told.send((key, outcome));
            }
        }));
    }
    drop(told);
    while let Some((key, outcome)) = ended.recv().await {
        open.remove(&key);
        if let Err(error) = outcome {
            failed.push((key, error));
        }
    }
    // A worker that died said nothing (R20).
    failed.extend(open.into_iter().map(|key| {
        let cause = Cause::Interrupted;
        (key.clone(), Error::Temporary { key, cause, attempts: 0, retry_at: None })
    }));
    failed.sort_by(|(one, _), (other, _)| one.cmp(other));
    failed
}
