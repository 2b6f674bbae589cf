//! How often what happened.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::audit::Event;
use crate::denied::Code;
use crate::session::RevokedBecause;

/// Counters, which only grow.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    requests: AtomicU64,
    logins: AtomicU64,
    login_failures: AtomicU64,
    sessions_opened: AtomicU64,
    client_grants: AtomicU64,
    exchanges: AtomicU64,
    rotations: AtomicU64,
    replays: AtomicU64,
    reuse_revocations: AtomicU64,
    families_revoked: AtomicU64,
    access_tokens_revoked: AtomicU64,
    introspections: AtomicU64,
    rejections: AtomicU64,
    limited: AtomicU64,
    unavailable: AtomicU64,
    /// By their code.
    refusals: Refusals,
}

/// A counter for each code, in the order of [`Code::ALL`].
#[derive(Debug)]
struct Refusals([AtomicU64; Code::ALL.len()]);

impl Default for Refusals {
    fn default() -> Self {
        Self(core::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// What the counters of an issuer say at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// HTTP requests of any kind.
    pub requests: u64,
    /// Logins with a password that succeeded.
    pub logins: u64,
    /// Logins with a wrong name or password.
    pub login_failures: u64,
    /// Sessions that began.
    pub sessions_opened: u64,
    /// Tokens granted to clients for themselves.
    pub client_grants: u64,
    /// Tokens given for another token (RFC 8693) or for an assertion (RFC 7523).
    pub exchanges: u64,
    /// Refresh tokens that were succeeded by the next.
    pub rotations: u64,
    /// Refresh tokens that were answered with the successor they already had.
    pub replays: u64,
    /// Sessions revoked because a refresh token was reused.
    pub reuse_revocations: u64,
    /// Sessions revoked for any reason, reuse among them.
    pub families_revoked: u64,
    /// Access tokens without a session that were revoked.
    pub access_tokens_revoked: u64,
    /// Questions what a token is good for (RFC 7662).
    pub introspections: u64,
    /// Requests refused with a verdict (4xx but 429), failed logins among them.
    pub rejections: u64,
    /// Requests told to wait (429).
    pub limited: u64,
    /// Requests that could not be judged (503).
    pub unavailable: u64,
    /// Entries that an audit log lacks, as there was no room for them while it was away.
    pub audit_lost: u64,
}

impl Stats {
    pub(crate) fn request(&self) {
        add(&self.requests);
    }

    pub(crate) fn introspection(&self) {
        add(&self.introspections);
    }

    /// How often each code was told.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (Code, u64)> {
        Code::ALL.into_iter().zip(self.refusals.0.iter().map(|told| told.load(Relaxed)))
    }

    pub(crate) fn count(&self, event: Event) {
        if let Event::Refused(code) = event {
            // A code that is not listed is a fault that the test below finds.
            self.refusals.0.get(code as usize).into_iter().for_each(add);
        }
        match event {
            Event::LoggedIn => add(&self.logins),
            Event::SessionOpened => add(&self.sessions_opened),
            Event::ClientGranted => add(&self.client_grants),
            Event::Rotated => add(&self.rotations),
            Event::Replayed => add(&self.replays),
            Event::Revoked(because) => {
                add(&self.families_revoked);
                if because == RevokedBecause::Reuse {
                    add(&self.reuse_revocations);
                }
            }
            Event::Exchanged => add(&self.exchanges),
            Event::AccessTokenRevoked => add(&self.access_tokens_revoked),
            Event::DeviceApproved
            | Event::DeviceRefused
            | Event::KeyRotated
            | Event::KeyRevoked => {}
            Event::Refused(Code::RateLimited) => add(&self.limited),
            Event::Refused(Code::TemporarilyUnavailable) => add(&self.unavailable),
            Event::Refused(code) => {
                add(&self.rejections);
                if code == Code::LoginFailed {
                    add(&self.login_failures);
                }
            }
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Relaxed),
            logins: self.logins.load(Relaxed),
            login_failures: self.login_failures.load(Relaxed),
            sessions_opened: self.sessions_opened.load(Relaxed),
            client_grants: self.client_grants.load(Relaxed),
            exchanges: self.exchanges.load(Relaxed),
            rotations: self.rotations.load(Relaxed),
            replays: self.replays.load(Relaxed),
            reuse_revocations: self.reuse_revocations.load(Relaxed),
            families_revoked: self.families_revoked.load(Relaxed),
            access_tokens_revoked: self.access_tokens_revoked.load(Relaxed),
            introspections: self.introspections.load(Relaxed),
            rejections: self.rejections.load(Relaxed),
            limited: self.limited.load(Relaxed),
            unavailable: self.unavailable.load(Relaxed),
            // Counted where they are lost.
            audit_lost: 0,
        }
    }
}

/// Each counter stands for itself: nothing is ordered by them.
fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j2_every_code_is_counted_by_its_own_name() {
        for code in Code::ALL {
            let stats = Stats::default();
            stats.count(Event::Refused(code));
            let told: Vec<_> = stats.refusals().filter(|(_, told)| *told > 0).collect();
            assert_eq!(told, [(code, 1)]);
        }
    }
}
