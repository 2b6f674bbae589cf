//! How often a login may fail (J2).

use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse_core::UnixTime;

use unlapse_verify::sha256;

/// When failed logins of one account from one address make the next one from there wait.
///
/// A wait of whoever fails, never a lock: who knows the name of an account must not be able to shut
/// its owner out. Addresses are counted as [`RateLimits::peer`](crate::RateLimits::peer) says. The
/// wait does not double, and is `first_wait` at most:
///
/// - at an address from which the account was logged in since this process started: its owner may
///   share it;
/// - where addresses do not tell people apart: on the loopback, and for a client that has proved
///   itself, which hands over its people's passwords from its own address and has to limit them
///   itself;
/// - for all other addresses that are new to the account, once 20 times as many as `failures` have
///   failed in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginLimit {
    /// From so many failures on, the next attempt has to wait. 5.
    pub failures: u32,
    /// The first wait; it doubles with each further failure. 1 s.
    pub first_wait: Duration,
    /// The longest wait. 60 s.
    pub longest_wait: Duration,
    /// Failures are forgotten after so long without one. 15 min.
    pub forgotten_after: Duration,
}

impl Default for LoginLimit {
    fn default() -> Self {
        Self {
            failures: 5,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(60),
            forgotten_after: Duration::from_secs(900),
        }
    }
}

/// Failures of so many names are remembered at most: a few hundred KiB.
const ACCOUNTS: usize = 10_000;

/// Counts the failures of each account, known or not; or of whatever else has a name.
#[derive(Debug)]
pub(crate) struct LoginFailures {
    limit: LoginLimit,
    accounts: Mutex<HashMap<Account, Failures>>,
}

/// A digest of the name: people type their password there, too.
type Account = [u8; 32];

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: UnixTime,
}

impl LoginFailures {
    pub(crate) fn new(limit: LoginLimit) -> Self {
        Self { limit, accounts: Mutex::default() }
    }

    /// How long the account has to wait before its next attempt; `None` when it need not.
    pub(crate) fn wait(&self, username: &str, now: UnixTime) -> Option<Duration> {
        let failures = self.lock().get(&account(username)).copied()?;
        let since = now.since(failures.last);
        if since >= self.limit.forgotten_after {
            return None;
        }
        let over = failures.count.checked_sub(self.limit.failures)?;
        let wait = self.limit.first_wait.saturating_mul(1 << over.min(30));
        let left = wait.min(self.limit.longest_wait).saturating_sub(since);
        (!left.is_zero()).then_some(left)
    }

    /// Whether any attempt is remembered that failed.
    #[cfg(feature = "pages")]
    pub(crate) fn has_failed(&self, username: &str, now: UnixTime) -> bool {
        let failures = self.lock().get(&account(username)).copied();
        failures.is_some_and(|failures| now.since(failures.last) < self.limit.forgotten_after)
    }

    /// An attempt failed.
    pub(crate) fn failed(&self, username: &str, now: UnixTime) {
        let mut accounts = self.lock();
        let forgotten_after = self.limit.forgotten_after;
        let account = account(username);
        if accounts.len() >= ACCOUNTS && !accounts.contains_key(&account) {
            accounts.retain(|_, failures| now.since(failures.last) < forgotten_after);
            // Still full: somebody is trying names. Forgetting the oldest costs a thief's own
            // password check (35 ms) for each name forgotten.
            if accounts.len() >= ACCOUNTS {
                let oldest = accounts.iter().min_by_key(|(_, failures)| failures.last);
                if let Some(oldest) = oldest.map(|(account, _)| *account) {
                    accounts.remove(&oldest);
                }
            }
        }
        let failures = accounts.entry(account).or_insert(Failures { count: 0, last: now });
        if now.since(failures.last) >= forgotten_after {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    /// An attempt succeeded: the account starts anew.
    pub(crate) fn succeeded(&self, username: &str) {
        self.lock().remove(&account(username));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Account, Failures>> {
        // Counts only: nothing in here can be half changed.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn account(username: &str) -> Account {
    sha256(username.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn failed(times: u64) -> LoginFailures {
        let failures = LoginFailures::new(LoginLimit::default());
        (0..times).for_each(|_| failures.failed("ada", secs(1000)));
        failures
    }

    #[test]
    fn j2_the_wait_doubles_to_a_minute_and_is_per_account() {
        for (times, wait) in [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (10, 32), (11, 60), (99, 60)]
        {
            let expected = Some(Duration::from_secs(wait)).filter(|wait| !wait.is_zero());
            assert_eq!(failed(times).wait("ada", secs(1000)), expected, "{times}");
        }
        assert_eq!(failed(99).wait("bob", secs(1000)), None);
        assert_eq!(failed(99).wait("ada", secs(1059)), Some(Duration::from_secs(1)));
        assert_eq!(failed(99).wait("ada", secs(1060)), None);
    }

    #[test]
    fn j2_success_and_time_forget() {
        let failures = failed(99);
        failures.succeeded("ada");
        assert_eq!(failures.wait("ada", secs(1000)), None);
        let failures = failed(99);
        failures.failed("ada", secs(1900));
        assert_eq!(failures.wait("ada", secs(1900)), None, "the first failure of a new round");
    }

    #[test]
    fn j2_memory_is_bounded_and_the_oldest_goes_first() {
        let failures = failed(99);
        for name in 0..ACCOUNTS {
            failures.failed(&name.to_string(), secs(1001));
        }
        assert_eq!(failures.lock().len(), ACCOUNTS);
        assert_eq!(failures.wait("ada", secs(1001)), None);
    }
}
