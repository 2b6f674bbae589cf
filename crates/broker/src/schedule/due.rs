//! When a connection is looked at next.

use core::time::Duration;

use unlapse::unlapse_core::{Failure, Intent, Key, Record, State, Token, UnixTime, spread};
use unlapse::unlapse_oauth::provider::AccessTtl;
use unlapse_store::sql::Next;

use super::backoff::backoff;
use super::facts::Facts;
use super::standing::code_of;
use crate::tenant::Speed;

/// A token whose expiry nobody states is taken to live for so long.
const USUAL: Duration = Duration::from_secs(3600);

/// Of connections that nobody uses, those of a tenant that asked for it are renewed this seldom.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// A token has ended so long after its end by the clock of any node.
const ENDED: Duration = Duration::from_secs(1);

/// The least that is left of a token when it is renewed, where its provider lets us.
const MARGIN: Duration = Duration::from_secs(60);

/// When `record` is to be looked at next, and under which code it stands until then. `due` is `None`
/// where nothing but a person, or nothing at all, is of use. Of a renewal under way, it is when the
/// record would be looked at without it: should its node die, the store sees to it.
pub(crate) fn due(key: &Key, record: &Record, facts: &Facts) -> Next {
    let due = active(key, record, facts);
    // What cannot be renewed ends when it ends, whoever uses it.
    let renewable = record.token.as_ref().filter(|token| token.refresh_token.is_some());
    let unused = due.zip(renewable).filter(|_| facts.speed == Speed::OnDemand);
    let unused = unused.map(|(due, token)| due.max(seldom(key, record, token, facts)));
    Next { due, unused, code: code_of(record, facts).map(crate::Code::as_str) }
}

fn active(key: &Key, record: &Record, facts: &Facts) -> Option<UnixTime> {
    let token = record.token.as_ref().filter(|_| record.state == State::Active)?;
    let ends_at = token.expires_at();
    if token.refresh_token.is_none() {
        // Its user is asked for then, and not when somebody happens to want a token.
        return ends_at.map(|end| end.plus(ENDED));
    }
    if let Some(intent) = record.intent.filter(|intent| intent.in_doubt) {
        return Some(in_doubt(key, record, intent, ends_at, facts));
    }
    let fresh = || fresh(key, record, token, facts);
    Some(record.failure.map_or_else(fresh, |failure| backed_off(key, record, failure, ends_at)))
}

/// When a request whose outcome is not known is repeated: first in line, once, while the server still
/// takes the same token again; else when the old access token has ended, and there is nothing left to
/// lose (R7). A provider that goes on failing is asked no oftener for a doubt than for anything else.
fn in_doubt(
    key: &Key,
    record: &Record,
    intent: Intent,
    ends_at: Option<UnixTime>,
    facts: &Facts,
) -> UnixTime {
    let failed_at = record.failure.map_or(record.stored_at, |failure| failure.at.wall);
    let soon = failed_at.plus(Duration::from_secs(1));
    let later = record.failure.map_or(soon, |failure| backed_off(key, record, failure, ends_at));
    // However often it had failed before: the window is short.
    let is_first = intent.attempt <= 1 && record.failure.is_none_or(|it| it.retry_at.is_none());
    let next = if is_first { soon } else { later };
    let Some(window) = record.reuse(facts.reuse).window() else { return next };
    if intent.replays == 0 && next.since(intent.since.wall) < window {
        return next;
    }
    match ends_at {
        Some(end) => end.max(next),
        // It has no end to wait for.
        None => later.max(intent.since.wall.plus(window)),
    }
}

/// When a renewal that has failed is tried again.
fn backed_off(key: &Key, record: &Record, failure: Failure, ends_at: Option<UnixTime>) -> UnixTime {
    let at = failure.at.wall;
    let is_valid = ends_at.is_none_or(|end| end > at);
    let number = record.generation.wrapping_add(u64::from(failure.count) << 32);
    let wait = backoff(failure.count, is_valid, spread(key, number));
    failure.retry_at.map_or(at, |asked| asked.max(at)).plus(wait)
}

/// When a good token is renewed: where in its life is its own affair, so that those which were bought
/// together do not come due together.
fn fresh(key: &Key, record: &Record, token: &Token, facts: &Facts) -> UnixTime {
    let born = token.obtained.wall;
    let spread = spread(key, record.generation);
    let alive = keep_alive(token, facts).map(|idle| born.plus(idle.mul_f64(0.5 + spread / 10.0)));
    let lifetime = match (token.lifetime, facts.access_ttl) {
        (Some(said), _) | (None, AccessTtl::Usually(said)) => Some(said),
        (None, AccessTtl::Unknown) => Some(USUAL),
        (None, AccessTtl::Endless) => None,
    };
    let due = lifetime.map(|lifetime| {
        let (from, width) = if facts.refresh_revokes_access { (0.92, 0.05) } else { (0.70, 0.15) };
        let margin = MARGIN.min(lifetime / 10).min(if facts.refresh_revokes_access {
            lifetime / 40
        } else {
            lifetime
        });
        let earliest = facts.min_age.min(lifetime);
        let latest = lifetime.saturating_sub(margin).max(earliest);
        born.plus(lifetime.mul_f64(from + width * spread).clamp(earliest, latest))
    });
    match (due, alive) {
        (Some(due), Some(alive)) => due.min(alive),
        (Some(only), None) | (None, Some(only)) => only,
        // For ever, and so is its refresh token as far as anybody knows.
        (None, None) => born.plus(WEEK.mul_f64(3.0 + spread)),
    }
}

/// When a connection that nobody uses is renewed so that it lives on.
fn seldom(key: &Key, record: &Record, token: &Token, facts: &Facts) -> UnixTime {
    let spread = spread(key, record.generation);
    let week = WEEK.mul_f64(0.9 + spread / 10.0);
    let most = keep_alive(token, facts).map_or(week, |idle| week.min(idle.mul_f64(0.6)));
    token.obtained.wall.plus(most)
}

fn keep_alive(token: &Token, facts: &Facts) -> Option<Duration> {
    token.refresh_idle.or(facts.refresh_idle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unlapse::unlapse_core::{BootTime, Cause, Grant, LoginReason, Now, Reuse, Secret};

    const BORN: UnixTime = UnixTime::from_secs(1_000_000);

    fn now(secs: u64) -> Now {
        Now { wall: BORN.plus(Duration::from_secs(secs)), boot: BootTime { boot: 1, millis: 0 } }
    }

    fn record(lifetime: Option<u64>) -> Record {
        let mut grant = Grant::bearer(Secret::new("at"));
        grant.refresh_token = Some(Secret::new("rt"));
        grant.expires_in = lifetime.map(Duration::from_secs);
        let mut record = Record::default().logged_in(grant, now(0));
        record.stored_at = BORN;
        record
    }

    /// In seconds after its birth.
    fn after(record: &Record, facts: &Facts) -> Option<u64> {
        due(&Key::new("acme/google"), record, facts).due.map(|due| due.since(BORN).as_secs())
    }

    #[test]
    fn i8_a_row_for_each_kind_of_record() {
        let facts = Facts::default();
        assert_eq!(after(&Record::default(), &facts), None, "nothing to renew");
        let mut without = record(Some(3600));
        without.token.as_mut().expect("a token").refresh_token = None;
        assert_eq!(after(&without, &facts), Some(3601), "nothing to renew it with");
        let on_demand = Facts { speed: Speed::OnDemand, ..facts };
        assert_eq!(
            due(&Key::new("acme"), &without, &on_demand).unused,
            None,
            "it ends all the same"
        );
        without.token.as_mut().expect("a token").lifetime = None;
        assert_eq!(after(&without, &facts), None, "nor has it an end");
        let ended = record(Some(3600)).ended(LoginReason::RefreshRejected);
        assert_eq!(after(&ended, &facts), None, "only its user can help");
        let good = record(Some(3600));
        let sent = good.intend(now(2700), false);
        assert_eq!(after(&sent, &facts), after(&good, &facts), "under way: the store sees to it");
    }

    #[test]
    fn r7_what_is_in_doubt_is_first_in_line_while_that_is_of_use() {
        let doubt = |replay: bool| {
            let sent = record(Some(3600)).intend(now(2700), false);
            let sent = if replay { sent.intend(now(2702), true) } else { sent };
            sent.in_doubt(sent.failure(Cause::Timeout, now(2705), None))
        };
        let facts = |reuse| Facts { reuse, ..Facts::default() };
        let grace = Reuse::Grace(Duration::from_secs(10));
        for (reuse, replayed, expected) in [
            (Reuse::Unknown, false, 2706),
            (grace, false, 2706),
            (Reuse::Stable, false, 2706),
            // Once is enough: the old token serves to its end.
            (grace, true, 3600),
            (Reuse::Strict, false, 3600),
        ] {
            assert_eq!(after(&doubt(replayed), &facts(reuse)), Some(expected), "{reuse}");
        }
        // Where it does no harm, it is a failure like any other.
        let stable = after(&doubt(true), &facts(Reuse::Stable)).expect("due");
        assert!((2710..=2725).contains(&stable), "{stable}");
    }

    #[test]
    fn r7_a_doubt_on_a_token_without_an_end_waits_for_its_window_and_not_for_ever() {
        let sent = record(None).intend(now(2700), false).intend(now(2702), true);
        let doubt = sent.in_doubt(sent.failure(Cause::Timeout, now(2705), None));
        let facts = |reuse| Facts { reuse, ..Facts::default() };
        assert_eq!(after(&doubt, &facts(Reuse::Unknown)), Some(2730));
        let strict = after(&doubt, &facts(Reuse::Strict)).expect("due");
        assert!((2710..=2715).contains(&strict), "{strict}");
    }

    #[test]
    fn r7_a_doubt_is_left_alone_like_any_failure_while_its_provider_fails() {
        let doubt = |lifetime, failures: u64, retry_at| {
            let mut doubt = record(Some(lifetime)).intend(now(2700), false);
            doubt = doubt.in_doubt(doubt.failure(Cause::Timeout, now(2705), None));
            for number in 1..failures {
                let sent = doubt.intend(now(2705 + number), true);
                let failure = sent.failure(Cause::Status(503), now(2705 + number), None);
                doubt = sent.failed(Failure { retry_at, ..failure });
            }
            doubt
        };
        let facts = |reuse| Facts { reuse, ..Facts::default() };
        let due = |doubt: &Record, reuse| after(doubt, &facts(reuse)).expect("due");
        // Harmless at any time: with backoff all the same.
        let stable = due(&doubt(3600, 2, None), Reuse::Stable);
        assert!((2711..=2726).contains(&stable), "{stable}");
        // Inside the window still, where that is so after the backoff; else at the token's end.
        let hour = Reuse::Grace(Duration::from_secs(3600));
        let inside = due(&doubt(36_000, 4, None), hour);
        assert!((2713..=2788).contains(&inside), "{inside}");
        assert_eq!(due(&doubt(36_000, 4, None), Reuse::Grace(Duration::from_secs(9))), 36_000);
        // The token has ended: no oftener than any other that fails.
        let mut soonest = u64::MAX;
        for reuse in [Reuse::Strict, Reuse::Unknown, Reuse::Grace(Duration::from_secs(10))] {
            soonest = soonest.min(due(&doubt(2000, 5, None), reuse));
        }
        assert!(soonest >= 2709 + 5, "{soonest}");
        // What has failed before is no reason to miss the window.
        let mut lost = record(Some(3600));
        for at in [2600, 2610, 2630] {
            lost = lost.failed(lost.failure(Cause::Status(503), now(at), None));
        }
        let lost = lost.intend(now(2700), false);
        let lost = lost.in_doubt(lost.failure(Cause::Timeout, now(2705), None));
        assert_eq!(due(&lost, Reuse::Unknown), 2706);
        // Whoever asks to wait is obeyed.
        let asked = Some(now(3000).wall);
        for reuse in [Reuse::Stable, Reuse::Strict, hour] {
            assert!(due(&doubt(2000, 2, asked), reuse) >= 3005, "{reuse}");
        }
    }

    #[test]
    fn i8_a_provider_that_asks_to_wait_is_obeyed() {
        let failure =
            |retry_at| Failure { cause: Cause::Status(429), at: now(2700), retry_at, count: 1 };
        let record = |retry_at| record(Some(3600)).failed(failure(retry_at));
        let early = after(&record(None), &Facts::default()).expect("due");
        assert!((2705..=2710).contains(&early), "{early}");
        let asked = Some(now(3300).wall);
        let late = after(&record(asked), &Facts::default()).expect("due");
        assert!((3305..=3310).contains(&late), "{late}");
    }

    #[test]
    fn a_token_without_an_expiry_is_renewed_all_the_same() {
        let unknown = after(&record(None), &Facts::default()).expect("due");
        assert!((2520..=3060).contains(&unknown), "{unknown}");
        let fixed = AccessTtl::Usually(Duration::from_secs(7200));
        let fixed = after(&record(None), &Facts { access_ttl: fixed, ..Facts::default() });
        assert!((5040..=6120).contains(&fixed.expect("due")));
        let endless = Facts { access_ttl: AccessTtl::Endless, ..Facts::default() };
        let keep_alive = Facts { refresh_idle: Some(Duration::from_secs(1000)), ..endless };
        assert!((500..=600).contains(&after(&record(None), &keep_alive).expect("due")));
        assert!(after(&record(None), &endless).expect("due") >= 3 * 7 * 86_400);
    }

    #[test]
    fn a_refresh_that_kills_tokens_in_use_comes_late() {
        let facts = Facts { refresh_revokes_access: true, ..Facts::default() };
        let late = after(&record(Some(28_800)), &facts).expect("due");
        assert!((26_496..=28_080).contains(&late), "{late}");
    }

    #[test]
    fn a_provider_that_refuses_to_renew_young_tokens_is_not_asked_before() {
        let min_age = Duration::from_secs(570);
        let facts = Facts { min_age, ..Facts::default() };
        let late = after(&record(Some(600)), &facts).expect("due");
        assert!((570..=600).contains(&late), "{late}");
    }

    #[test]
    fn i8_what_nobody_uses_is_renewed_once_a_week() {
        let facts = Facts { speed: Speed::OnDemand, ..Facts::default() };
        let next = due(&Key::new("acme"), &record(Some(3600)), &facts);
        assert!(next.due.expect("due") < BORN.plus(Duration::from_secs(3600)));
        let unused = next.unused.expect("due").since(BORN);
        assert!(unused <= WEEK && unused >= WEEK.mul_f64(0.9), "{unused:?}");
        let eager = due(&Key::new("acme"), &record(Some(3600)), &Facts::default());
        assert_eq!(eager.unused, None);
        // A refresh token that dies sooner is kept alive.
        let facts = Facts { refresh_idle: Some(Duration::from_secs(86_400)), ..facts };
        let unused = due(&Key::new("acme"), &record(Some(3600)), &facts).unused.expect("due");
        assert!(unused.since(BORN) < Duration::from_secs(86_400));
    }

    proptest! {
        #[test]
        fn i10_a_good_token_is_renewed_within_its_life(
            lifetime in 1_u64..10_000_000,
            account in "[a-z]{1,8}",
            min_age in 0_u64..1_000_000,
            kills: bool,
        ) {
            let facts = Facts {
                min_age: Duration::from_secs(min_age),
                refresh_revokes_access: kills,
                ..Facts::default()
            };
            let key = Key::new("acme/google").account(account);
            let due = due(&key, &record(Some(lifetime)), &facts).due.expect("due");
            let age = due.since(BORN);
            prop_assert!(age <= Duration::from_secs(lifetime));
            prop_assert!(age >= Duration::from_secs(min_age.min(lifetime)));
        }

        #[test]
        fn i10_what_is_alive_is_never_forgotten(
            lifetime in proptest::option::of(0_u64..1_000_000),
            count in 0_u32..40,
            on_demand: bool,
            endless: bool,
        ) {
            let facts = Facts {
                speed: if on_demand { Speed::OnDemand } else { Speed::Eager },
                access_ttl: if endless { AccessTtl::Endless } else { AccessTtl::Unknown },
                ..Facts::default()
            };
            let mut record = record(lifetime);
            for _ in 0..count {
                let failure = record.failure(Cause::Connect, now(100), None);
                record = record.failed(failure);
            }
            let next = due(&Key::new("acme"), &record, &facts);
            prop_assert!(next.due.is_some());
            prop_assert_eq!(next.unused.is_some(), on_demand);
        }
    }
}
