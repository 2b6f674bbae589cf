//! One at a time reads a key's record for the first time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;
use unlapse_core::Key;

/// Whose first reading is under way.
#[derive(Default)]
pub(super) struct Loading(Mutex<HashMap<Key, Arc<tokio::sync::Mutex<()>>>>);

/// The turn to read one key. Given up in whatever way, it is the next one's.
pub(super) struct Turn<'a> {
    loading: &'a Loading,
    key: &'a Key,
    /// `None` once it is given up.
    held: Option<OwnedMutexGuard<()>>,
}

impl Loading {
    /// Waits for the turn to read `key`.
    pub(super) async fn turn<'a>(&'a self, key: &'a Key) -> Turn<'a> {
        let turns = {
            let mut loading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(loading.entry(key.clone()).or_default())
        };
        // Here already, so that a caller who is dropped while it waits leaves nothing behind.
        let mut turn = Turn { loading: self, key, held: None };
        turn.held = Some(turns.lock_owned().await);
        turn
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut loading = self.loading.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.held = None;
        // Who waits for a turn holds it too, and can begin to only under this lock.
        if loading.get(self.key).is_some_and(|turns| Arc::strong_count(turns) == 1) {
            loading.remove(self.key);
        }
    }
}
