//! What keeps one credential alive, and when: decided from values alone (K2, R12, R15).

use std::time::Duration;

use unlapse_core::{Error, Freshness, Key, Now, Policy, Record, StoreError};

/// What the keeper does when it wakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    /// Look whether another process has renewed or logged out (C7, K9).
    Look,
    /// Renew.
    Renew,
    /// Try again to save (R5).
    Save,
}

/// Between attempts to save what could not be saved, at first; doubles to the policy's maximum.
const FIRST_SAVE: Duration = Duration::from_secs(1);

/// However little a policy trusts memory, the store is not read all the time.
const LEAST_LOOK: Duration = Duration::from_secs(1);

/// How long after a renewal that came to nothing the next is tried. A lease that somebody else holds
/// says nothing of the server: whoever holds it may have died over a request whose outcome can be
/// asked for again only for a while (R7).
pub(crate) fn pause(error: &Error, policy: &Policy) -> Duration {
    match error {
        Error::Store(StoreError::Busy { .. }) => LEAST_LOOK,
        _ => policy.round,
    }
}

/// When to wake and what for. `unsaved` counts the saves that failed, if one is due; `failed` is
/// when the keeper last tried to renew in vain, and how long to leave it at that.
pub(crate) fn next(
    record: Option<&Record>,
    unsaved: Option<u32>,
    failed: Option<(Now, Duration)>,
    now: &Now,
    policy: &Policy,
    key: &Key,
) -> (Duration, Chore) {
    let look = (policy.trust.max(LEAST_LOOK), Chore::Look);
    let save = unsaved.map(|failed| {
        let wait = FIRST_SAVE.saturating_mul(1 << failed.min(16));
        (wait.min(policy.max_delay.max(FIRST_SAVE)), Chore::Save)
    });
    let renew = record.and_then(|record| {
        let due = match record.freshness(key, now, policy)? {
            Freshness::Fresh { due_in } => due_in,
            Freshness::Due { .. } | Freshness::Expired => Duration::ZERO,
        };
        // While it fails: every round, or when the server said, and no sooner (R15).
        let asked = record.failure.and_then(|failure| failure.retry_at);
        let asked = asked.map(|at| at.since(now.wall).min(policy.max_delay));
        let round = failed.map(|(at, again)| again.max(LEAST_LOOK).saturating_sub(now.since(&at)));
        Some((due.max(round.unwrap_or_default()).max(asked.unwrap_or_default()), Chore::Renew))
    });
    [renew, save, Some(look)].into_iter().flatten().min_by_key(|(wait, _)| *wait).unwrap_or(look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse_core::{BootTime, Cause, Grant, Secret, UnixTime};

    const BIRTH: Now =
        Now { wall: UnixTime::from_secs(1_000_000), boot: BootTime { boot: 1, millis: 0 } };

    fn record(lifetime: u64) -> Record {
        let mut grant = Grant::bearer(Secret::new("at"));
        grant.expires_in = Some(Duration::from_secs(lifetime));
        Record::default().granted(grant, BIRTH)
    }

    fn at(
        secs: u64,
        record: Option<&Record>,
        unsaved: Option<u32>,
        failed: Option<u64>,
    ) -> (u64, Chore) {
        let now = BIRTH.plus(Duration::from_secs(secs));
        let policy = Policy::default();
        let failed = failed.map(|secs| (BIRTH.plus(Duration::from_secs(secs)), policy.round));
        let (wait, chore) = next(record, unsaved, failed, &now, &policy, &Key::new("acme"));
        (wait.as_secs(), chore)
    }

    #[test]
    fn k2_a_row_for_each_chore() {
        let hour = record(3600);
        // Far from due: look at the store as often as memory is trusted.
        assert_eq!(at(0, Some(&hour), None, None), (60, Chore::Look));
        assert_eq!(at(0, None, None, None), (60, Chore::Look));
        // Due soon: an exact timer; due: at once.
        let (wait, chore) = at(3290, Some(&hour), None, None);
        assert!(wait < 60 && chore == Chore::Renew);
        assert_eq!(at(3300, Some(&hour), None, None), (0, Chore::Renew));
        // Failing: a round later; asked to wait: as long as asked.
        assert_eq!(at(3310, Some(&hour), None, Some(3300)), (20, Chore::Renew));
        let now = BIRTH.plus(Duration::from_secs(3300));
        let asked = Some(Duration::from_secs(45));
        let limited = hour.failed(hour.failure(Cause::Status(429), now, asked));
        assert_eq!(at(3300, Some(&limited), None, Some(3300)), (45, Chore::Renew));
    }

    #[test]
    fn r7_a_busy_lease_is_tried_again_before_a_window_closes() {
        let policy = Policy::default();
        let busy = StoreError::Busy { key: Key::new("acme"), holder: None };
        assert!(pause(&Error::Store(busy), &policy) <= Duration::from_secs(1));
        assert_eq!(pause(&Error::Store(StoreError::Fenced), &policy), policy.round);
    }

    #[test]
    fn r5_an_unsaved_token_is_saved_with_backoff_and_renewed_when_due() {
        let hour = record(3600);
        assert_eq!(at(0, Some(&hour), Some(0), None), (1, Chore::Save));
        assert_eq!(at(0, Some(&hour), Some(3), None), (8, Chore::Save));
        assert_eq!(at(0, Some(&hour), Some(30), None), (60, Chore::Save));
        assert_eq!(at(3300, Some(&hour), Some(0), None), (0, Chore::Renew));
    }
}
