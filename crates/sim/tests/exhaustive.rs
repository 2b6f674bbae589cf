//! Every scenario of the hardest class, struck once after every step.

use unlapse_sim::{Outcome, exhaustive};

/// The server forgives nothing, and the client was not told so.
const CLASS: &str = "strict known as unknown";

#[test]
fn no_single_fault_breaks_a_promise_to_a_strict_server_of_unknown_class() {
    let mut runs = 0;
    for case in exhaustive::cases(None) {
        if !case.name().contains(CLASS) {
            continue;
        }
        case.run(|struck, outcome| {
            // The pairs are for `cargo xtask sim`.
            if struck.0.len() > 1 {
                return false;
            }
            runs += 1;
            let Outcome { violations, .. } = outcome;
            assert!(violations.is_empty(), "{}, {struck}: {violations:?}", case.name());
            true
        });
    }
    assert!(runs > 1_000, "only {runs} runs: where are the cases?");
}
