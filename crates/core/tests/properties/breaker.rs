//! A breaker in any life that it can lead (C11, R16).

use core::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use unlapse_core::{Admission, Breaker, UnixTime};

use crate::any;

/// What happens to an endpoint.
#[derive(Clone, Copy, Debug)]
enum Event {
    Succeeds,
    Fails,
    AsksToWait,
    /// Nobody reports: the process that asked has died.
    Dies,
}

fn events() -> impl Strategy<Value = Vec<(Event, Duration)>> {
    let event = prop_oneof![
        1 => Just(Event::Succeeds),
        6 => Just(Event::Fails),
        1 => Just(Event::AsksToWait),
        1 => Just(Event::Dies),
    ];
    vec((event, any::span(0..900)), 1..40)
}

proptest! {
    /// R16: five failures in a row and no fewer; never for longer than it may be; and one trial at
    /// a time.
    #[test]
    fn r16_in_any_life(policy in any::policy(), events in events()) {
        let policy = policy.breaker;
        let mut breaker = Breaker::default();
        let mut now = UnixTime::from_secs(1_000_000);
        let (mut in_a_row, mut was_open) = (0_u32, false);
        for (event, wait) in events {
            now = now.plus(wait);
            let admission = breaker.admit(now);
            match admission {
                Admission::Closed => prop_assert!(in_a_row < policy.failures),
                Admission::Trial => prop_assert!(was_open),
                Admission::Open { until } => {
                    prop_assert!(was_open && until > now);
                    let most = policy.open_at_most.max(policy.open_for).max(Duration::from_secs(60));
                    prop_assert!(until.since(now) <= most);
                    continue;
                }
            }
            if admission == Admission::Trial {
                breaker = breaker.trying(now);
                prop_assert!(matches!(breaker.admit(now), Admission::Open { .. }), "two trials");
            }
            match event {
                Event::Succeeds => {
                    breaker = breaker.succeeded();
                    (in_a_row, was_open) = (0, false);
                    prop_assert_eq!(breaker.admit(now), Admission::Closed);
                }
                Event::Fails => {
                    breaker = breaker.failed(now, &policy);
                    in_a_row += 1;
                    was_open |= in_a_row >= policy.failures;
                    let open = matches!(breaker.admit(now), Admission::Open { .. });
                    prop_assert_eq!(open, was_open);
                }
                Event::AsksToWait => {
                    breaker = breaker.answered();
                    if admission == Admission::Trial {
                        (in_a_row, was_open) = (0, false);
                    }
                }
                Event::Dies => {}
            }
        }
    }
}
