//! The simulator can fail: each planted bug is found, soon.

use unlapse_sim::{Planted, look_for};

/// Runs that a bug may take until it is found. Most take less than a hundred; a clock that is believed
/// does harm only when the server is away as well.
const SOON: u64 = 6_000;

#[test]
fn every_planted_bug_is_found_soon() {
    for bug in Planted::ALL {
        let proof = look_for(bug, 2_000);
        assert!(proof.found.is_some(), "{bug:?}: not in {} runs", proof.runs);
        assert!(proof.runs <= SOON, "{bug:?}: only after {} runs", proof.runs);
    }
}
