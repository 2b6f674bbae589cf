//! Sessions that somebody has ended before their time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use unlapse::unlapse_core::UnixTime;

/// So many are remembered at most: a few MiB.
const MOST: usize = 20_000;

/// The ids of sessions that were signed out of, until they would have ended: a copy of their cookie
/// opens nothing more on this node.
#[derive(Debug, Default)]
pub(super) struct Ended(Mutex<HashMap<String, UnixTime>>);

impl Ended {
    /// This one, which would have lived until `ends_at`.
    pub(super) fn add(&self, id: &str, ends_at: UnixTime, now: UnixTime) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.retain(|_, ends_at| *ends_at > now);
        }
        if all.len() >= MOST {
            // The one that does the least harm.
            let soonest = all.iter().min_by_key(|(_, ends_at)| **ends_at).map(|(id, _)| id.clone());
            soonest.map(|id| all.remove(&id));
        }
        all.insert(id.to_owned(), ends_at);
    }

    /// Whether it was.
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_the_last_to_end_are_remembered() {
        let ended = Ended::default();
        let (first, now) = (UnixTime::from_secs(1000), UnixTime::from_secs(10));
        ended.add("first", first, now);
        for number in 0..MOST {
            ended.add(&number.to_string(), UnixTime::from_secs(2000), now);
        }
        assert!(!ended.has("first") && ended.has("0"));
        ended.add("last", UnixTime::from_secs(9000), UnixTime::from_secs(2000));
        assert!(ended.has("last") && !ended.has("0"));
        assert_eq!(ended.0.lock().expect("not poisoned").len(), 1);
    }
}
