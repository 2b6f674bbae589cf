//! Sources outside of the set, for as long as they have anything to do or to lose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use unlapse_core::{Key, Secret};

use super::Members;
use crate::renew::Renewer;
use crate::shared::Shared;

/// Sources that the set does not hold, or not yet: at work, or with a token that is nowhere else (R5).
#[derive(Default)]
pub(super) struct Strays(Mutex<HashMap<Key, Vec<Stray>>>);

struct Stray {
    shared: Arc<Shared>,
    /// Whoever brought it in still needs it.
    is_needed: bool,
}

impl Stray {
    fn may_go(&self) -> bool {
        !self.is_needed && self.shared.is_settled()
    }
}

/// A source among the strays. When this is dropped, it stays there only while it has anything to lose.
pub(super) struct Stay {
    strays: Arc<Strays>,
    pub(super) shared: Arc<Shared>,
}

impl Strays {
    fn by_key(&self) -> MutexGuard<'_, HashMap<Key, Vec<Stray>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new source, which has in mind what any other of its key could not save: the successor of a
    /// refresh token must be found by whoever would send that token again (R5). In one stroke with
    /// being found itself, so that of two that come at once the later finds the earlier.
    pub(super) fn enter(
        self: &Arc<Self>,
        members: &Members,
        mut renewer: Renewer,
        api_key: Option<Secret>,
    ) -> Stay {
        let key = renewer.key.clone();
        let mut by_key = self.by_key();
        let stray = by_key.get(&key).and_then(|strays| strays.first());
        let other = stray.map(|stray| Arc::clone(&stray.shared)).or_else(|| members.hold(&key));
        if let Some(other) = other {
            renewer.memory = other.renewer.memory.clone();
        }
        let shared = Shared::new(renewer, api_key);
        let stray = Stray { shared: Arc::clone(&shared), is_needed: true };
        by_key.entry(key).or_default().push(stray);
        Stay { strays: Arc::clone(self), shared }
    }

    pub(super) fn all(&self) -> Vec<Arc<Shared>> {
        self.by_key().values().flatten().map(|stray| Arc::clone(&stray.shared)).collect()
    }

    /// Lets go of those that have nothing to do or to lose any more.
    pub(super) fn sort_out(&self) {
        self.by_key().retain(|_, strays| {
            strays.retain(|stray| !stray.may_go());
            !strays.is_empty()
        });
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let mut by_key = self.strays.by_key();
        let Some(strays) = by_key.get_mut(&self.shared.renewer.key) else { return };
        for stray in strays.iter_mut().filter(|stray| Arc::ptr_eq(&stray.shared, &self.shared)) {
            stray.is_needed = false;
        }
        strays.retain(|stray| !stray.may_go());
        if strays.is_empty() {
            by_key.remove(&self.shared.renewer.key);
        }
    }
}
