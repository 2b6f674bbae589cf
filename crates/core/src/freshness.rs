//! How fresh a token is.

use core::time::Duration;

use crate::key::Key;
use crate::policy::Policy;
use crate::time::Now;
use crate::token::Token;

/// What a token is good for at one moment (R10–R12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Valid, and renewal is not due before so long.
    Fresh {
        /// Time until renewal starts; [`Duration::MAX`] for a token without expiry.
        due_in: Duration,
    },
    /// Valid, and renewal is due. It is served at once all the same (R10).
    Due {
        /// Time until it expires.
        left: Duration,
    },
    /// Ended: it must not be used.
    Expired,
}

impl Freshness {
    /// Whether the token may be put on a request.
    pub fn is_valid(self) -> bool {
        self != Self::Expired
    }
}

/// Holds `token` against the clocks. `salt` moves the start of the renewal a little, the same way
/// in every process and after every restart, so that many tokens do not come due together (R12).
pub fn assess(token: &Token, now: &Now, policy: &Policy, salt: u64) -> Freshness {
    let (Some(lifetime), Some(left)) = (token.lifetime, token.left(now)) else {
        return Freshness::Fresh { due_in: Duration::MAX };
    };
    if left.is_zero() {
        return Freshness::Expired;
    }
    if clock_went_back(token, now, policy.skew) {
        return Freshness::Due { left };
    }
    match left.checked_sub(margin(lifetime, policy, salt)) {
        Some(due_in) if !due_in.is_zero() => Freshness::Fresh { due_in },
        _ => Freshness::Due { left },
    }
}

/// The time before expiry at which renewal starts: `refresh_ahead`, never less than the skew, and
/// earlier by the jitter; never more than half the lifetime in all, or a short token would be due
/// from its birth.
fn margin(lifetime: Duration, policy: &Policy, salt: u64) -> Duration {
    let most = Duration::from_secs(30).min(lifetime / 10);
    let jitter = most.mul_f64(fraction(salt));
    (policy.refresh_ahead.max(policy.skew).min(lifetime / 2) + jitter).min(lifetime)
}

/// Whether the clock is before the token's birth and no boot-time clock can tell its age. Then the
/// age is not known: the token is served and renewed.
fn clock_went_back(token: &Token, now: &Now, skew: Duration) -> bool {
    now.boot.since(token.obtained.boot).is_none() && now.wall.plus(skew) < token.obtained.wall
}

/// The salt of a key's generation (FNV-1a over both).
pub(crate) fn salt(identity: &[u8], generation: u64) -> u64 {
    identity.iter().chain(&generation.to_be_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A number in 0..1 that belongs to `key` and `number`, such as its generation: what spreads things
/// that would happen together, the same way in every process and after every restart.
pub fn spread(key: &Key, number: u64) -> f64 {
    fraction(salt(&key.identity(), number))
}

/// `salt` as a fraction in 0..1.
fn fraction(salt: u64) -> f64 {
    // The upper 32 bits: FNV mixes them best, and u32 converts without loss.
    f64::from(u32::try_from(salt >> 32).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::time::{BootTime, UnixTime};
    use crate::token::Grant;
    use proptest::prelude::*;

    const SENT: Now =
        Now { wall: UnixTime::from_secs(1_000_000), boot: BootTime { boot: 1, millis: 1_000_000 } };

    fn token(lifetime: Option<Duration>) -> Token {
        let mut grant = Grant::bearer(Secret::new("at"));
        grant.expires_in = lifetime;
        Token::from_grant(grant, SENT, None)
    }

    fn after(lifetime: u64, elapsed: u64) -> Freshness {
        let now = SENT.plus(Duration::from_secs(elapsed));
        assess(&token(Some(Duration::from_secs(lifetime))), &now, &Policy::default(), 0)
    }

    #[test]
    fn r12_a_row_for_each_zone() {
        let secs = Duration::from_secs;
        let rows = [
            // lifetime, elapsed, expected: an hour is renewed 300 s before its end
            (3600, 0, Freshness::Fresh { due_in: secs(3300) }),
            (3600, 3299, Freshness::Fresh { due_in: secs(1) }),
            (3600, 3300, Freshness::Due { left: secs(300) }),
            (3600, 3599, Freshness::Due { left: secs(1) }),
            (3600, 3600, Freshness::Expired),
            // … and a short one at half its life.
            (10, 4, Freshness::Fresh { due_in: secs(1) }),
            (10, 5, Freshness::Due { left: secs(5) }),
            (10, 10, Freshness::Expired),
            (0, 0, Freshness::Expired),
        ];
        for (lifetime, elapsed, expected) in rows {
            assert_eq!(after(lifetime, elapsed), expected, "{lifetime} s, {elapsed} s on");
        }
    }

    #[test]
    fn r12_no_expiry_is_never_due() {
        let now = SENT.plus(Duration::from_secs(1 << 40));
        let freshness = assess(&token(None), &now, &Policy::default(), 7);
        assert_eq!(freshness, Freshness::Fresh { due_in: Duration::MAX });
    }

    #[test]
    fn r11_a_clock_set_back_hides_no_expiry() {
        let token = token(Some(Duration::from_secs(60)));
        let mut now = SENT.plus(Duration::from_secs(60));
        now.wall = UnixTime::from_secs(5);
        assert_eq!(assess(&token, &now, &Policy::default(), 0), Freshness::Expired);
        // On another boot its age cannot be known: served, and renewed.
        now.boot.boot = 2;
        let freshness = assess(&token, &now, &Policy::default(), 0);
        assert!(matches!(freshness, Freshness::Due { .. }));
    }

    #[test]
    fn r12_jitter_is_the_same_after_a_restart() {
        assert_eq!(salt(b"acme", 4), salt(b"acme", 4));
        assert_ne!(salt(b"acme", 4) >> 32, salt(b"acme", 5) >> 32);
    }

    proptest! {
        #[test]
        fn r10_valid_until_the_end_and_never_after(
            lifetime in 1_u64..10_000_000, elapsed in 0_u64..20_000_000, salt in any::<u64>()
        ) {
            let token = token(Some(Duration::from_millis(lifetime)));
            let now = SENT.plus(Duration::from_millis(elapsed));
            let valid = assess(&token, &now, &Policy::default(), salt).is_valid();
            prop_assert_eq!(valid, elapsed < lifetime);
        }

        #[test]
        fn r12_jitter_is_at_most_a_tenth_and_thirty_seconds(
            lifetime in 1_000_u64..100_000_000, salt in any::<u64>()
        ) {
            let lifetime = Duration::from_millis(lifetime);
            let policy = Policy::default();
            let base = policy.refresh_ahead.min(lifetime / 2);
            let margin = margin(lifetime, &policy, salt);
            prop_assert!(margin >= base);
            prop_assert!(margin.saturating_sub(base) <= (lifetime / 10).min(Duration::from_secs(30)));
        }
    }
}
