//! What one file says.

use std::collections::BTreeMap;

use super::keys::{HttpKeys, LogKeys, LoginKeys, PolicyKeys, ProfileKeys, QueueKeys, StoreKeys};
use super::origin::Origin;
use super::section::Section as _;

/// What one source of the configuration sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layer {
    /// By name.
    pub(crate) profiles: BTreeMap<String, ProfileLayer>,
    /// `[store]`
    pub(crate) store: StoreKeys,
    /// `[http]`
    pub(crate) http: HttpKeys,
    /// `[queue]`
    pub(crate) queue: QueueKeys,
    /// `[log]`
    pub(crate) log: LogKeys,
}

/// What one source says of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProfileLayer {
    /// Where the profile is named.
    pub(crate) origin: Origin,
    /// `[profile.NAME]`
    pub(crate) keys: ProfileKeys,
    /// `[profile.NAME.login_endpoint]`, where there is one.
    pub(crate) login: Option<LoginKeys>,
    /// `[profile.NAME.policy]`
    pub(crate) policy: PolicyKeys,
}

impl Layer {
    /// What `self` sets, and for the rest what `lower` sets, key by key.
    #[must_use]
    pub(crate) fn over(self, lower: Self) -> Self {
        let mut profiles = lower.profiles;
        for (name, upper) in self.profiles {
            let merged = match profiles.remove(&name) {
                Some(lower) => upper.over(lower),
                None => upper,
            };
            profiles.insert(name, merged);
        }
        Self {
            profiles,
            store: self.store.over(lower.store),
            http: self.http.over(lower.http),
            queue: self.queue.over(lower.queue),
            log: self.log.over(lower.log),
        }
    }
}

impl ProfileLayer {
    /// A profile that is only named.
    pub(crate) fn named(origin: Origin) -> Self {
        Self { origin, keys: ProfileKeys::default(), login: None, policy: PolicyKeys::default() }
    }

    fn over(self, lower: Self) -> Self {
        Self {
            origin: self.origin,
            keys: self.keys.over(lower.keys),
            login: match (self.login, lower.login) {
                (Some(upper), Some(lower)) => Some(upper.over(lower)),
                (upper, lower) => upper.or(lower),
            },
            policy: self.policy.over(lower.policy),
        }
    }
}
