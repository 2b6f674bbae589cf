//! The data keys that this node has unwrapped.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::KeysAway;
use super::data_key::DataKey;
use crate::name::Name;
use crate::tables::WrappedKey;

/// Data keys by what they are asked for by. What it holds wipes itself.
#[derive(Default)]
pub(super) struct DataKeys {
    by_id: HashMap<String, Arc<DataKey>>,
    /// Of each tenant, the one that seals.
    newest: HashMap<Name, Arc<DataKey>>,
    /// Those that did not unwrap, and why.
    locked: HashMap<String, (WrappedKey, KeysAway)>,
    /// Every change up to this one has been read.
    pub(super) version: i64,
}

impl DataKeys {
    pub(super) fn by_id(&self, id: &str) -> Option<&Arc<DataKey>> {
        self.by_id.get(id)
    }

    /// The one that seals for `tenant`. `None` as well while a newer one that seals is locked: the older
    /// may be gone from the table at any time, and with it what it would seal now.
    pub(super) fn newest(&self, tenant: &Name) -> Option<&Arc<DataKey>> {
        let newest = self.newest.get(tenant)?;
        let is_newer = |(wrapped, _): &(WrappedKey, KeysAway)| {
            wrapped.is_in_use && wrapped.tenant == *tenant && wrapped.generation > newest.generation
        };
        (!self.locked.values().any(is_newer)).then_some(newest)
    }

    /// Forgets what is not among `ids`.
    pub(super) fn retain(&mut self, ids: &HashSet<String>) {
        self.by_id.retain(|id, _| ids.contains(id));
        self.locked.retain(|id, _| ids.contains(id));
        self.newest.retain(|_, key| ids.contains(&key.id));
    }

    /// Takes a key of the table up.
    pub(super) fn unlocked(&mut self, key: Arc<DataKey>, is_in_use: bool) {
        self.locked.remove(&key.id);
        let newer = |known: &Arc<DataKey>| known.generation < key.generation;
        if is_in_use && self.newest.get(&key.tenant).is_none_or(newer) {
            self.newest.insert(key.tenant.clone(), Arc::clone(&key));
        }
        self.by_id.insert(key.id.clone(), key);
    }

    /// A key of the table that does not unwrap.
    pub(super) fn locked(&mut self, wrapped: WrappedKey, why: KeysAway) {
        self.locked.insert(wrapped.id.clone(), (wrapped, why));
    }

    /// Those that may unwrap now, although they did not before.
    pub(super) fn to_try_again(&self) -> Vec<WrappedKey> {
        let may_pass = self.locked.values().filter(|(_, why)| why.may_pass());
        may_pass.map(|(wrapped, _)| wrapped.clone()).collect()
    }

    /// Why the key of that id is not here, where that is known.
    pub(super) fn why(&self, id: &str) -> Option<&KeysAway> {
        self.locked.get(id).map(|(_, why)| why)
    }

    /// Why `tenant` has no key here, although there is one in the table.
    pub(super) fn why_none_of(&self, tenant: &Name) -> Option<&KeysAway> {
        let of_tenant = |wrapped: &WrappedKey| wrapped.tenant == *tenant;
        self.locked.values().find(|(wrapped, _)| of_tenant(wrapped)).map(|(_, why)| why)
    }

    /// How many there are, and how many of them did not unwrap.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.by_id.len() + self.locked.len(), self.locked.len())
    }
}
