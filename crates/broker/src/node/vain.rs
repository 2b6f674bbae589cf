//! Renewals that came to nothing and of which nothing could be kept: no record says when they are
//! tried again.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use unlapse::unlapse_core::{Key, spread};

use crate::schedule::backoff;

/// So many keys are known at most; beyond it, all begin anew.
const MOST: usize = 100_000;

/// How often in a row that was so, of each key.
#[derive(Default)]
pub(crate) struct Vain(Mutex<HashMap<Key, u32>>);

impl Vain {
    /// It has come to nothing once more: how long it is left alone.
    pub(super) fn again(&self, key: &Key) -> Duration {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MOST && !counts.contains_key(key) {
            counts.clear();
        }
        let count = counts.entry(key.clone()).or_default();
        *count = count.saturating_add(1);
        backoff(count.saturating_add(1), true, spread(key, u64::from(*count)))
    }

    /// It has come to something.
    pub(super) fn over(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i8_what_comes_to_nothing_is_left_alone_for_longer_each_time() {
        let (vain, key) = (Vain::default(), Key::new("acme/google"));
        let longest = (0..20).map(|_| vain.again(&key)).max().expect("some");
        assert!(longest > Duration::from_secs(60) && longest <= Duration::from_secs(900));
        vain.over(&key);
        assert!(vain.again(&key) <= Duration::from_secs(20), "begins anew");
        assert_eq!(vain.0.lock().expect("no panic").len(), 1);
    }
}
