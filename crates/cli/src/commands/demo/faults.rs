//! What is thrown at the token endpoint.

use std::sync::{Mutex, PoisonError};

use axum::http::StatusCode;
use unlapse_core::Dice;

use crate::commands::embedded::{Fault, Gate};

/// Draws faults, at most two in a row, so that a token that lives for five seconds can be renewed
/// in time.
pub(super) struct Faults {
    state: Mutex<State>,
}

struct State {
    dice: Dice,
    in_a_row: u8,
    counts: FaultCounts,
}

/// How many there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FaultCounts {
    pub(crate) unavailable: u64,
    pub(crate) firewall: u64,
    pub(crate) lost_replies: u64,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        let counts = FaultCounts::default();
        Self { state: Mutex::new(State { dice: Dice::new(seed), in_a_row: 0, counts }) }
    }

    fn next(&self) -> Fault {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let roll = state.dice.roll() % 100;
        let fault = match roll {
            _ if state.in_a_row >= 2 => Fault::None,
            0..15 => Fault::Unavailable,
            15..22 => Fault::Firewall(StatusCode::FORBIDDEN),
            22..37 => Fault::LostReply,
            _ => Fault::None,
        };
        state.in_a_row = if fault == Fault::None { 0 } else { state.in_a_row + 1 };
        match fault {
            Fault::Unavailable => state.counts.unavailable += 1,
            Fault::Firewall(_) => state.counts.firewall += 1,
            Fault::LostReply => state.counts.lost_replies += 1,
            Fault::None | Fault::Hang | Fault::Slow(_) => {}
        }
        fault
    }

    pub(super) fn counts(&self) -> FaultCounts {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).counts
    }
}

impl Gate for Faults {
    fn fault(&self) -> Fault {
        self.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_and_never_three_in_a_row() {
        let draw = |seed| {
            let faults = Faults::new(seed);
            (0..2000).map(|_| faults.next()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        assert!(draw(7).windows(3).all(|three| three.contains(&Fault::None)));
    }
}
