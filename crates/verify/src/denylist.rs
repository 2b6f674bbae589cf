//! What was revoked and has access tokens that have not yet expired.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;
use unlapse_core::UnixTime;

/// Ids of sessions, and of tokens without one, that are accepted no more.
///
/// Each is kept until the last access token that could carry it has expired.
#[derive(Debug)]
pub struct Denylist {
    denied: RwLock<Denied>,
    /// How often an id was added. A token that was not denied at one count is not denied as long
    /// as it stands there.
    additions: AtomicU64,
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Denied {
    ids: HashMap<Arc<str>, Entry>,
    /// In the order of their addition. An id that was added again is in it twice, and one that was
    /// swept may be in it still: `ids` says which counts.
    order: VecDeque<(UnixTime, Arc<str>)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    until: UnixTime,
    added_at: UnixTime,
}

/// An id that is accepted no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedId {
    /// The session, or the token.
    pub id: Arc<str>,
    /// When the last access token that could carry it has expired.
    pub until: UnixTime,
    /// When it was added to this list.
    pub added_at: UnixTime,
}

impl Default for Denylist {
    fn default() -> Self {
        Self {
            denied: RwLock::default(),
            additions: AtomicU64::new(0),
            news: watch::Sender::new(0),
        }
    }
}

impl Denylist {
    /// Denies `id` until then, at least.
    pub fn deny(&self, id: &str, until: UnixTime, now: UnixTime) {
        {
            let mut denied = self.denied.write().unwrap_or_else(PoisonError::into_inner);
            if denied.ids.get(id).is_some_and(|known| known.until >= until) {
                return;
            }
            denied.add(id, until, now);
        }
        // After the id: whoever sees this count finds it.
        let additions = self.additions.fetch_add(1, Ordering::Release) + 1;
        self.news.send_replace(additions);
    }

    /// Whether `id` is denied.
    pub fn denies(&self, id: &str) -> bool {
        let denied = self.denied.read().unwrap_or_else(PoisonError::into_inner);
        denied.ids.contains_key(id)
    }

    /// What was added at or after `then`, in that order. Ask again from the last `added_at` that
    /// you have: an id may come twice, and none is left out.
    pub fn since(&self, then: UnixTime) -> Vec<DeniedId> {
        let denied = self.denied.read().unwrap_or_else(PoisonError::into_inner);
        let start = denied.order.partition_point(|(added_at, _)| *added_at < then);
        let known = |(added_at, id): &(UnixTime, Arc<str>)| {
            let entry = denied.ids.get(id).filter(|entry| entry.added_at == *added_at)?;
            Some(DeniedId { id: Arc::clone(id), until: entry.until, added_at: *added_at })
        };
        denied.order.range(start..).filter_map(known).collect()
    }

    /// Is told whenever an id was added.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// How often an id was added.
    pub(crate) fn additions(&self) -> u64 {
        self.additions.load(Ordering::Acquire)
    }
}

impl Denied {
    fn add(&mut self, id: &str, until: UnixTime, now: UnixTime) {
        // Swept when one of them would grow, so that a sweep costs a constant time per entry.
        if self.ids.len() == self.ids.capacity() || self.order.len() == self.order.capacity() {
            self.ids.retain(|_, entry| entry.until > now);
            let ids = &self.ids;
            let counts = |(added_at, id): &(UnixTime, Arc<str>)| {
                ids.get(id).is_some_and(|entry| entry.added_at == *added_at)
            };
            self.order.retain(counts);
        }
        // A clock that is set back changes no order.
        let added_at = self.order.back().map_or(now, |(last, _)| now.max(*last));
        let id: Arc<str> = id.into();
        self.ids.insert(Arc::clone(&id), Entry { until, added_at });
        self.order.push_back((added_at, id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(at: u64) -> UnixTime {
        UnixTime::from_secs(at)
    }

    #[test]
    fn j1_a_denied_id_stays_denied_and_old_ones_do_not_pile_up() {
        let denylist = Denylist::default();
        denylist.deny("kept", secs(2_000_000), secs(0));
        denylist.deny("kept", secs(1), secs(0));
        for at in 0..100_000 {
            denylist.deny(&at.to_string(), secs(at + 10), secs(at));
        }
        assert!(denylist.denies("kept") && denylist.denies("99999"));
        assert!(!denylist.denies("never"));
        let denied = denylist.denied.read().expect("no panic held it");
        assert!(denied.ids.len() < 1000, "{}", denied.ids.len());
        assert!(denied.order.len() < 1000, "{}", denied.order.len());
    }

    #[test]
    fn j1_additions_are_told_in_order_and_none_is_left_out() {
        let denylist = Denylist::default();
        let mut news = denylist.news();
        denylist.deny("a", secs(100), secs(10));
        denylist.deny("b", secs(100), secs(20));
        // The clock was set back; the order is not.
        denylist.deny("c", secs(100), secs(5));
        // Said again, and no longer: no news.
        denylist.deny("a", secs(50), secs(30));
        // Said again, and longer.
        denylist.deny("b", secs(200), secs(40));
        let since = |at| {
            let denied = denylist.since(secs(at));
            let text = |one: DeniedId| format!("{}@{}", one.id, one.until.as_secs());
            denied.into_iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(since(0), ["a@100", "c@100", "b@200"]);
        assert_eq!(since(20), ["c@100", "b@200"]);
        assert_eq!(since(41), [""; 0]);
        assert_eq!(*news.borrow_and_update(), 4);
    }
}
