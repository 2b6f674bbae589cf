//! What was revoked and has access tokens that have not yet expired.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use unlapse_core::UnixTime;

/// Ids of sessions, and of tokens without one, that are accepted no more.
///
/// Each is kept until the last access token that could carry it has expired.
#[derive(Debug, Default)]
pub(crate) struct Denylist {
    denied: RwLock<HashMap<Box<str>, UnixTime>>,
}

impl Denylist {
    /// Denies `id` until then, at least.
    pub(crate) fn deny(&self, id: &str, until: UnixTime, now: UnixTime) {
        let mut denied = self.denied.write().unwrap_or_else(PoisonError::into_inner);
        // Swept when the map would grow, so that a sweep costs a constant time per entry.
        if denied.len() == denied.capacity() {
            denied.retain(|_, until| *until > now);
        }
        let kept = denied.entry(id.into()).or_insert(until);
        *kept = until.max(*kept);
    }

    /// Whether `id` is denied.
    pub(crate) fn denies(&self, id: &str) -> bool {
        let denied = self.denied.read().unwrap_or_else(PoisonError::into_inner);
        denied.contains_key(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j1_a_denied_id_stays_denied_and_old_ones_do_not_pile_up() {
        let denylist = Denylist::default();
        let secs = UnixTime::from_secs;
        denylist.deny("kept", secs(2_000_000), secs(0));
        denylist.deny("kept", secs(1), secs(0));
        for at in 0..100_000 {
            denylist.deny(&at.to_string(), secs(at + 10), secs(at));
        }
        assert!(denylist.denies("kept") && denylist.denies("99999"));
        assert!(!denylist.denies("never"));
        let denied = denylist.denied.read().expect("no panic held it");
        assert!(denied.len() < 1000, "{}", denied.len());
    }
}
