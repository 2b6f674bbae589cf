//! Breakers of one process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use unlapse_core::Breaker;

use crate::effects::Breakers;

/// Beyond so many endpoints in trouble, the half that was longest without news is forgotten: whoever
/// follows other people's links meets dead hosts without end.
const MOST: usize = 4096;

/// Breakers of one process: those of the last few thousand endpoints that are in trouble.
#[derive(Debug, Default)]
pub struct MemoryBreakers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// Changes so far: each breaker is kept beside the number of its last.
    changes: u64,
    endpoints: HashMap<String, (u64, Breaker)>,
}

impl Kept {
    fn forget_half(&mut self) {
        let mut changes: Vec<u64> = self.endpoints.values().map(|(change, _)| *change).collect();
        let middle = changes.len() / 2;
        let (_, middle, _) = changes.select_nth_unstable(middle);
        let middle = *middle;
        self.endpoints.retain(|_, (change, _)| *change > middle);
    }
}

impl Breakers for MemoryBreakers {
    fn read(&self, endpoint: &str) -> Breaker {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.endpoints.get(endpoint).map_or_else(Breaker::default, |(_, breaker)| *breaker)
    }

    fn update(&self, endpoint: &str, change: &mut dyn FnMut(Breaker) -> Breaker) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.endpoints.get(endpoint).map(|(_, breaker)| *breaker);
        let after = change(before.unwrap_or_default());
        if after == Breaker::default() {
            kept.endpoints.remove(endpoint);
            return;
        }
        if before.is_none() && kept.endpoints.len() >= MOST {
            kept.forget_half();
        }
        kept.changes += 1;
        let changed = (kept.changes, after);
        kept.endpoints.insert(endpoint.to_owned(), changed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse_core::{BreakerPolicy, UnixTime};

    fn fail(breakers: &MemoryBreakers, endpoint: &str) {
        let now = UnixTime::from_secs(1);
        breakers.update(endpoint, &mut |breaker| breaker.failed(now, &BreakerPolicy::default()));
    }

    #[test]
    fn r16_dead_hosts_without_end_leave_those_that_were_heard_of_last() {
        let breakers = MemoryBreakers::default();
        fail(&breakers, "once");
        for number in 0..5 * MOST {
            fail(&breakers, &number.to_string());
            if number % 1000 == 0 {
                fail(&breakers, "again and again");
            }
        }
        let kept = breakers.0.lock().expect("sound").endpoints.len();
        assert!(kept <= MOST, "{kept}");
        assert_eq!(breakers.read("once"), Breaker::default());
        assert_eq!(breakers.read(&(5 * MOST - 1).to_string()).failures, 1);
        assert!(breakers.read("again and again").failures > 20);
    }

    #[test]
    fn r16_one_that_is_well_again_takes_no_room() {
        let breakers = MemoryBreakers::default();
        fail(&breakers, "api");
        breakers.update("api", &mut Breaker::succeeded);
        assert!(breakers.0.lock().expect("sound").endpoints.is_empty());
    }
}
