//! How fresh any token is, at any time (R10–R12).

use core::time::Duration;

use proptest::prelude::*;
use unlapse_core::{Freshness, Grant, Key, Now, Policy, Record, Secret, Token, assess};

use crate::any;

const MINUTE: Duration = Duration::from_secs(60);

fn lasting(lifetime: Duration, sent: Now) -> Token {
    let mut grant = Grant::bearer(Secret::new("at"));
    grant.expires_in = Some(lifetime);
    Token::from_grant(grant, sent, None)
}

/// Freshness only ever goes down.
fn rank(freshness: Freshness) -> u8 {
    match freshness {
        Freshness::Fresh { .. } => 0,
        Freshness::Due { .. } => 1,
        Freshness::Expired => 2,
    }
}

proptest! {
    #[test]
    fn r12_a_token_never_grows_younger(
        token in any::token(), policy in any::policy(), salt in any::<u64>(), moments in any::moments(8)
    ) {
        let born = token.obtained;
        let ranks: Vec<_> = moments
            .iter()
            .map(|moment| rank(assess(&token, &born.plus(*moment), &policy, salt)))
            .collect();
        prop_assert!(ranks.is_sorted(), "{ranks:?} at {moments:?}");
    }

    /// R11: by whichever clock says more.
    #[test]
    fn r11_valid_until_the_end_by_either_clock_and_never_after(
        token in any::token(), now in any::now(), policy in any::policy(), salt in any::<u64>()
    ) {
        let valid = assess(&token, &now, &policy, salt).is_valid();
        let Some(lifetime) = token.lifetime else {
            prop_assert!(valid);
            return Ok(());
        };
        let wall = now.wall.since(token.obtained.wall);
        let boot = now.boot.since(token.obtained.boot).unwrap_or_default();
        prop_assert_eq!(valid, wall < lifetime && boot < lifetime);
        let at = |age| assess(&token, &token.obtained.plus(age), &policy, salt).is_valid();
        prop_assert!(!at(lifetime));
        if let Some(before) = lifetime.checked_sub(Duration::from_millis(1)) {
            prop_assert!(at(before));
        }
    }

    /// I10: the five-minute threshold, with its jitter of 30 s at most.
    #[test]
    fn r12_an_hours_token_is_renewed_five_minutes_before_its_end(
        sent in any::now(), left in 0_u64..3_600_000, salt in any::<u64>()
    ) {
        let (hour, threshold, jitter) = (60 * MINUTE, 5 * MINUTE, MINUTE / 2);
        let bounds = [threshold, threshold + jitter + Duration::from_millis(1)];
        for left in [Duration::from_millis(left)].into_iter().chain(bounds) {
            let now = sent.plus(hour.saturating_sub(left));
            let freshness = assess(&lasting(hour, sent), &now, &Policy::default(), salt);
            let expected = match left {
                left if left.is_zero() => 2..=2,
                left if left <= threshold => 1..=1,
                left if left <= threshold + jitter => 0..=1,
                _ => 0..=0,
            };
            prop_assert!(expected.contains(&rank(freshness)), "{freshness:?}, {left:?} left");
        }
    }

    /// R12: at half the lifetime if that is later, a tenth of it earlier at most.
    #[test]
    fn r12_a_short_token_is_renewed_in_its_second_half(
        sent in any::now(), lifetime in 1000_u64..600_000, at in 0.0..1.0_f64, salt in any::<u64>()
    ) {
        let lifetime = Duration::from_millis(lifetime);
        let now = sent.plus(lifetime.mul_f64(at));
        let freshness = assess(&lasting(lifetime, sent), &now, &Policy::default(), salt);
        if at < 0.39 {
            prop_assert_eq!(rank(freshness), 0);
        }
        if at > 0.51 {
            prop_assert!(rank(freshness) > 0);
        }
    }

    #[test]
    fn r12_what_is_announced_comes_true(
        token in any::token(), policy in any::policy(), salt in any::<u64>()
    ) {
        let born = token.obtained;
        let Freshness::Fresh { due_in } = assess(&token, &born, &policy, salt) else { return Ok(()) };
        if token.lifetime.is_none() {
            prop_assert_eq!(due_in, Duration::MAX);
            return Ok(());
        }
        let millis = due_in.as_millis();
        let rounded = Duration::from_millis(u64::try_from(millis).expect("an hour or two"));
        let at = |span| rank(assess(&token, &born.plus(span), &policy, salt));
        prop_assert_eq!(at(rounded + Duration::from_millis(1)), 1);
        if let Some(before) = rounded.checked_sub(Duration::from_millis(1)) {
            prop_assert_eq!(at(before), 0);
        }
    }

    /// R12: the same in every process, and after a restart; two generations are spread.
    #[test]
    fn r12_the_same_salt_says_the_same(
        token in any::token(), now in any::now(), policy in any::policy(), salts in any::<[u64; 2]>()
    ) {
        let one = assess(&token, &now, &policy, salts[0]);
        prop_assert_eq!(one, assess(&token, &now, &policy, salts[0]));
        let two = assess(&token, &now, &policy, salts[1]);
        if let (Freshness::Fresh { due_in: one }, Freshness::Fresh { due_in: two }) = (one, two) {
            prop_assert!(one.abs_diff(two) <= MINUTE / 2);
        }
    }

    #[test]
    fn r12_fresh_for_more_is_fresh_for_less(
        record in any::record(), now in any::now(), policy in any::policy(), ttls in any::moments(3)
    ) {
        let key = Key::new("acme");
        let fresh = |record: &Record, ttl| record.is_fresh_for(ttl, &key, &now, &policy);
        if fresh(&record, ttls[1]) {
            prop_assert!(fresh(&record, ttls[0]));
            let token = record.token.as_ref().expect("a fresh one");
            prop_assert!(!token.is_expired(&now));
        }
    }
}
