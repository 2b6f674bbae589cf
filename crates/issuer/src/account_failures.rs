//! Failed logins of each account, by where they came from (J2).

use core::time::Duration;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse_core::UnixTime;
use unlapse_verify::sha256;

use crate::login_limit::{LoginFailures, LoginLimit};
use crate::rate_limits::Counted;

/// Who fails waits, and not the account: a stranger who fails at it on and on must not keep its
/// owner out, who comes from elsewhere.
#[derive(Debug)]
pub(crate) struct AccountFailures {
    /// Of one account from one address: the wait doubles.
    apart: LoginFailures,
    /// Of one account from where its owner comes from, too, or may come from: a short wait.
    together: LoginFailures,
    /// Of one account from everywhere: a short wait for those addresses that are new to it, so
    /// that thousands of them are no faster than one guess at a time.
    in_all: LoginFailures,
    known: Mutex<Known>,
}

/// So many times the failures that are free at one address are free in all.
const ADDRESSES: u32 = 20;

/// Where accounts were logged in from, in two halves: those that are not used for the longest time
/// are forgotten first.
#[derive(Debug, Default)]
struct Known {
    newer: HashSet<Place>,
    older: HashSet<Place>,
}

/// A digest of an account and an address.
type Place = [u8; 32];

/// So many places are in one half: some 4 MiB when both are full.
const HALF: usize = 50_000;

impl AccountFailures {
    pub(crate) fn new(limit: LoginLimit) -> Self {
        let short = LoginLimit { longest_wait: limit.first_wait, ..limit };
        let failures = limit.failures.saturating_mul(ADDRESSES);
        Self {
            apart: LoginFailures::new(limit),
            together: LoginFailures::new(short),
            in_all: LoginFailures::new(LoginLimit { failures, ..short }),
            known: Mutex::default(),
        }
    }

    /// How long the next attempt at the account from there has to wait; `None` when it need not.
    /// `from` is `None` where addresses do not tell people apart.
    pub(crate) fn wait(
        &self,
        username: &str,
        from: Option<Counted<'_>>,
        now: UnixTime,
    ) -> Option<Duration> {
        let place = name(username, from);
        if from.is_none() || self.is_known(username, from) {
            return self.together.wait(&place, now);
        }
        self.apart.wait(&place, now).max(self.in_all.wait(username, now))
    }

    /// An attempt failed.
    pub(crate) fn failed(&self, username: &str, from: Option<Counted<'_>>, now: UnixTime) {
        let place = name(username, from);
        if from.is_none() || self.is_known(username, from) {
            return self.together.failed(&place, now);
        }
        self.apart.failed(&place, now);
        self.in_all.failed(username, now);
    }

    /// An attempt succeeded: the account starts anew there, and is known there from now on. What
    /// others did from elsewhere stays counted.
    pub(crate) fn succeeded(&self, username: &str, from: Option<Counted<'_>>) {
        let place = name(username, from);
        self.together.succeeded(&place);
        self.apart.succeeded(&place);
        if from.is_some() {
            self.known().add(sha256(place.as_bytes()));
        }
    }

    /// Whether the account was logged in from there before.
    pub(crate) fn is_known(&self, username: &str, from: Option<Counted<'_>>) -> bool {
        let place = sha256(name(username, from).as_bytes());
        let known = self.known();
        known.newer.contains(&place) || known.older.contains(&place)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Digests only: nothing in here can be half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn add(&mut self, place: Place) {
        if self.newer.len() >= HALF && !self.newer.contains(&place) {
            self.older = core::mem::take(&mut self.newer);
        }
        self.newer.insert(place);
    }
}

/// The address first: a name can be anything.
fn name(username: &str, from: Option<Counted<'_>>) -> String {
    format!("{from:?} {username}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1000);
    const SECOND: Option<Duration> = Some(Duration::from_secs(1));
    const MINUTE: Option<Duration> = Some(Duration::from_secs(60));

    fn address(last: u8) -> Option<Counted<'static>> {
        Counted::peer(Some([203, 0, 113, last].into()))
    }

    fn failed(failures: &AccountFailures, from: Option<Counted<'_>>, times: u32) {
        (0..times).for_each(|_| failures.failed("ada", from, NOW));
    }

    #[test]
    fn j2_who_fails_waits_and_the_owner_elsewhere_does_not() {
        let failures = AccountFailures::new(LoginLimit::default());
        failed(&failures, address(1), 99);
        assert_eq!(failures.wait("ada", address(1), NOW), MINUTE);
        assert_eq!(failures.wait("ada", address(2), NOW), None);
        assert_eq!(failures.wait("bob", address(1), NOW), None);
    }

    #[test]
    fn j2_many_addresses_make_new_ones_wait_for_a_second_and_known_ones_not_at_all() {
        let failures = AccountFailures::new(LoginLimit::default());
        failures.succeeded("ada", address(200));
        (0..100).for_each(|stranger| failed(&failures, address(stranger), 2));
        assert_eq!(failures.wait("ada", address(201), NOW), SECOND);
        assert_eq!(failures.wait("ada", address(201), NOW.plus(Duration::from_secs(1))), None);
        assert_eq!(failures.wait("ada", address(200), NOW), None);
        // Nor does a success elsewhere give the strangers new guesses.
        failures.succeeded("ada", address(200));
        assert_eq!(failures.wait("ada", address(201), NOW), SECOND);
    }

    #[test]
    fn j2_where_people_are_not_told_apart_the_wait_is_short() {
        for known in [None, address(1)] {
            let failures = AccountFailures::new(LoginLimit::default());
            failures.succeeded("ada", known);
            failed(&failures, known, 4);
            assert_eq!(failures.wait("ada", known, NOW), None);
            failed(&failures, known, 95);
            assert_eq!(failures.wait("ada", known, NOW), SECOND);
            failures.succeeded("ada", known);
            assert_eq!(failures.wait("ada", known, NOW), None);
        }
    }

    #[test]
    fn j2_a_name_is_never_taken_for_another_at_another_address() {
        let failures = AccountFailures::new(LoginLimit::default());
        let trick = format!("{:?} ada", address(2));
        (0..99).for_each(|_| failures.failed(&trick, address(1), NOW));
        assert_eq!(failures.wait("ada", address(2), NOW), None);
    }

    #[test]
    fn j2_memory_of_places_is_bounded() {
        let mut known = Known::default();
        for place in 0..u64::try_from(HALF * 3).expect("small") {
            known.add(sha256(&place.to_be_bytes()));
            assert!(known.newer.len() <= HALF && known.older.len() <= HALF);
        }
    }
}
