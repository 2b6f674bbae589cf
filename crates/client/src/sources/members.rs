//! The sources that a set holds.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use unlapse_core::{Key, Now};

use crate::shared::Shared;

/// The sources of a set by their keys. It holds each until nobody has asked for it for a while.
pub(crate) struct Members {
    sources: Mutex<HashSet<Member>>,
    /// For so long a source stays that nobody holds or asks for.
    pub(super) idle: Duration,
    /// So many stay.
    at_most: usize,
}

/// A source, found by its key, which is there once.
struct Member(Arc<Shared>);

impl Borrow<Key> for Member {
    fn borrow(&self) -> &Key {
        &self.0.renewer.key
    }
}

impl Hash for Member {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.renewer.key.hash(state);
    }
}

impl PartialEq for Member {
    fn eq(&self, other: &Self) -> bool {
        self.0.renewer.key == other.0.renewer.key
    }
}

impl Eq for Member {}

impl Members {
    pub(super) fn new(idle: Duration, at_most: usize) -> Self {
        Self { sources: Mutex::default(), idle, at_most }
    }

    fn sources(&self) -> MutexGuard<'_, HashSet<Member>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source of `key`, if the set holds one.
    pub(super) fn hold(&self, key: &Key) -> Option<Arc<Shared>> {
        self.sources().get(key).map(|member| Arc::clone(&member.0))
    }

    /// Holds `shared` from `now` on, and less of the others where there are too many.
    pub(super) fn add(&self, shared: &Arc<Shared>, now: &Now) {
        let mut sources = self.sources();
        sources.insert(Member(Arc::clone(shared)));
        if sources.len() > self.at_most {
            make_room(&mut sources, self.at_most, now);
        }
    }

    /// Every source.
    pub(super) fn all(&self) -> Vec<Arc<Shared>> {
        self.sources().iter().map(|member| Arc::clone(&member.0)).collect()
    }

    /// Every key.
    pub(super) fn keys(&self) -> Vec<Key> {
        self.sources().iter().map(|member| member.0.renewer.key.clone()).collect()
    }

    /// Holds `shared` no more, unless there is something of it that nobody else has; says whether.
    pub(super) fn remove(&self, shared: &Arc<Shared>) -> bool {
        let mut sources = self.sources();
        let is_held =
            sources.get(&shared.renewer.key).is_some_and(|member| Arc::ptr_eq(&member.0, shared));
        if is_held && !shared.is_settled() {
            return false;
        }
        if is_held {
            sources.remove(&shared.renewer.key);
        }
        true
    }

    /// Holds `shared` no more, if only the set and whoever asks do, and nothing of it would be lost.
    pub(super) fn drop_unheld(&self, shared: &Arc<Shared>) {
        let mut sources = self.sources();
        let is_held =
            sources.get(&shared.renewer.key).is_some_and(|member| Arc::ptr_eq(&member.0, shared));
        if is_held && Arc::strong_count(shared) <= 2 && shared.is_settled() {
            sources.remove(&shared.renewer.key);
        }
    }

    /// Lets go of `shared`, which only the set and whoever asks hold, when it was last held or asked
    /// for long enough ago; says whether. It comes back from the store.
    pub(crate) fn let_go(&self, shared: &Arc<Shared>, now: &Now) -> bool {
        // Who holds it can be more only by way of the set, which is locked meanwhile.
        let mut sources = self.sources();
        let Some(member) = sources.get(&shared.renewer.key) else { return false };
        if !Arc::ptr_eq(&member.0, shared) {
            return false;
        }
        if Arc::strong_count(shared) > 2 {
            shared.touch(*now);
            return false;
        }
        if shared.untouched(now) < self.idle || !shared.is_settled() {
            return false;
        }
        sources.remove(&shared.renewer.key);
        true
    }
}

/// Lets go of an eighth more than there are too many, so that the next to come find room: of those that
/// nobody else holds and that have nothing to lose, the ones that were asked for least lately.
#[expect(clippy::mutable_key_type, reason = "by its key alone it is found, which never changes")]
fn make_room(sources: &mut HashSet<Member>, at_most: usize, now: &Now) {
    let too_many = sources.len() - at_most + at_most / 8;
    let mut idle: Vec<_> = sources
        .iter()
        .filter(|Member(shared)| Arc::strong_count(shared) == 1 && shared.is_settled())
        .map(|Member(shared)| (shared.untouched(now), shared.renewer.key.clone()))
        .collect();
    if too_many < idle.len() {
        idle.select_nth_unstable_by(too_many, |one, other| other.0.cmp(&one.0));
        idle.truncate(too_many);
    }
    for (_, key) in idle {
        sources.remove(&key);
    }
}
