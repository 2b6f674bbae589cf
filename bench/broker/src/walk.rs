//! Workers that go through the shards, one shard after the other, until there is enough at hand.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::rows::{AT_HAND, SHARDS};

/// Where the workers are. A round ends with [`AT_HAND`] rows or when every shard was found empty; the
/// next goes on where it was.
#[derive(Default)]
pub(crate) struct Walk {
    shard: AtomicU64,
    found: AtomicUsize,
    empty: AtomicU64,
}

impl Walk {
    /// Another round begins.
    pub(crate) fn begin(&self) {
        self.found.store(0, Ordering::Relaxed);
        self.empty.store(0, Ordering::Relaxed);
    }

    /// The shard that is next for whoever asks; `None` when the round is over.
    pub(crate) fn next(&self) -> Option<u64> {
        let is_over = self.found.load(Ordering::Relaxed) >= AT_HAND
            || self.empty.load(Ordering::Relaxed) >= SHARDS;
        (!is_over).then(|| self.shard.fetch_add(1, Ordering::Relaxed) % SHARDS)
    }

    /// So many rows of a shard were claimed.
    pub(crate) fn found(&self, rows: usize) {
        self.found.fetch_add(rows, Ordering::Relaxed);
        if rows == 0 {
            self.empty.fetch_add(1, Ordering::Relaxed);
        } else {
            self.empty.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_ends_with_enough_or_with_nothing() {
        let walk = Walk::default();
        assert_eq!((walk.next(), walk.next()), (Some(0), Some(1)));
        walk.found(AT_HAND);
        assert_eq!(walk.next(), None, "there is enough");
        walk.begin();
        for shard in 2..SHARDS + 2 {
            assert_eq!(walk.next(), Some(shard % SHARDS));
            walk.found(0);
        }
        assert_eq!(walk.next(), None, "there is nothing");
    }
}
