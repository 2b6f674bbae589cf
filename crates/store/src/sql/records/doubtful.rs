//! Shards in which there may be leases of this node that nobody in it knows of.

use core::sync::atomic::{AtomicU64, Ordering};

/// A set of shards.
#[derive(Debug, Default)]
pub(super) struct Doubtful(AtomicU64);

impl Doubtful {
    pub(super) fn add(&self, shard: u16) {
        self.0.fetch_or(1 << (shard % 64), Ordering::SeqCst);
    }

    pub(super) fn add_all(&self) {
        self.0.store(u64::MAX, Ordering::SeqCst);
    }

    /// Whether it was in the set, which it is not any more.
    pub(super) fn take(&self, shard: u16) -> bool {
        let bit = 1 << (shard % 64);
        self.0.fetch_and(!bit, Ordering::SeqCst) & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_taken_once() {
        let doubtful = Doubtful::default();
        assert!(!doubtful.take(63));
        doubtful.add(63);
        doubtful.add(0);
        assert!(doubtful.take(63) && !doubtful.take(63) && doubtful.take(0));
        doubtful.add_all();
        assert!((0..64).all(|shard| doubtful.take(shard) && !doubtful.take(shard)));
    }
}
