//! Looking at the store without its lease, for a newer token or for none any more (C7, K9).

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use unlapse_core::{Error, StoreError};

use crate::hold::Kept;
use crate::shared::Shared;

impl Shared {
    /// Looks at the store for a newer token, or for none any more (C7, K9). What this process could
    /// not save itself is not in the store, and is left to the next renewal or save.
    pub(crate) async fn look(&self) -> Result<(), Error> {
        let wait = self.renewer.policy.lease_wait;
        let seen = self.current.newest();
        let stored = tokio::select! {
            biased;
            stored = self.renewer.world.store.load(&self.renewer.key) => stored,
            () = self.renewer.clock.sleep(wait) => {
                return Err(Error::Deadline { key: self.renewer.key.clone(), waited: wait });
            }
        };
        if let Err(damage @ StoreError::Damaged { .. }) = &stored {
            // It has been set aside by now, and is met no more: kept for the first who asks for
            // what it has cost them.
            *self.damage.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Box::new(damage.clone()));
        }
        let unsaved = self.renewer.memory.unsaved();
        match stored? {
            Some(stored) => {
                let kept = Kept::found(stored.place);
                if unsaved.is_none_or(|unsaved| !unsaved.is_newer_than(&stored.record)) {
                    self.publish_record(Box::new(stored.record), kept);
                }
            }
            None if unsaved.is_none() => {
                self.current.replace(seen, None);
                #[cfg(feature = "metrics")]
                self.measure_unsaved();
            }
            None => {}
        }
        Ok(())
    }

    /// Looks at the store in a task of its own, unless one is looking.
    pub(crate) fn glance(self: &Arc<Self>) {
        if self.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        let looking = Looking(Arc::clone(self));
        self.renewer.world.spawn.spawn(Box::pin(async move {
            // A store that cannot be read now is read again when its time has come again.
            if let Err(error) = looking.0.look().await {
                looking.0.republish(&error);
            }
        }));
    }
}

/// A look under way, which ends in whatever way.
struct Looking(Arc<Shared>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.looking.store(false, Ordering::Release);
    }
}
