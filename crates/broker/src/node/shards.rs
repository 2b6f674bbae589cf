//! Which shards a node looks at first: a preference, on which nothing depends.

use core::hash::{BuildHasher as _, Hasher as _};
use std::collections::hash_map::DefaultHasher;
use std::hash::BuildHasherDefault;

/// Shards that the schedule is split into.
pub(crate) const SHARDS: u16 = 64;

/// The shards that `me` looks at first, of `nodes` that are alive (rendezvous hashing): when one comes
/// or goes, only its own change hands. A node that is not listed yet prefers all.
pub(crate) fn preferred<N: AsRef<str>>(me: &str, nodes: &[N]) -> Vec<u16> {
    let mine = |shard: &u16| {
        let weight = weight(me, *shard);
        nodes.iter().all(|node| node.as_ref() == me || self::weight(node.as_ref(), *shard) < weight)
    };
    if nodes.iter().all(|node| node.as_ref() != me) {
        return (0..SHARDS).collect();
    }
    (0..SHARDS).filter(mine).collect()
}

/// Begins with another one in each round: where there is not room for all that is due, none waits for
/// those before it.
pub(crate) fn in_turn(mut shards: Vec<u16>, round: u32) -> Vec<u16> {
    let count = shards.len().max(1);
    shards.rotate_left(round as usize % count);
    shards
}

/// The same in every process: the hasher has no seed.
fn weight(node: &str, shard: u16) -> u64 {
    let mut hasher = BuildHasherDefault::<DefaultHasher>::default().build_hasher();
    hasher.write(node.as_bytes());
    hasher.write_u16(shard);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_is_preferred_by_one_node() {
        let nodes = ["a", "b", "c"];
        let mut all: Vec<_> = nodes.iter().flat_map(|node| preferred(node, &nodes)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..SHARDS).collect::<Vec<_>>());
    }

    #[test]
    fn only_the_shards_of_a_node_that_goes_change_hands() {
        let before = preferred("a", &["a", "b", "c"]);
        let after = preferred("a", &["a", "b"]);
        assert!(before.iter().all(|shard| after.contains(shard)));
        let all = preferred("a", &["a"]);
        assert_eq!(all.len(), usize::from(SHARDS));
    }

    #[test]
    fn i8_each_shard_is_the_first_in_its_turn() {
        let first: Vec<_> = (7..10).map(|round| in_turn(vec![3, 5, 8], round)[0]).collect();
        assert_eq!(first, [5, 8, 3]);
        assert_eq!(in_turn(vec![3, 5, 8], 2), [8, 3, 5]);
        assert!(in_turn(Vec::new(), 2).is_empty());
    }

    #[test]
    fn a_node_that_is_not_listed_yet_prefers_all() {
        assert_eq!(preferred("a", &["b"]).len(), usize::from(SHARDS));
        assert_eq!(preferred::<&str>("a", &[]).len(), usize::from(SHARDS));
    }
}
