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
    rotations: AtomicU64,
    replays: AtomicU64,
    reuse_revocations: AtomicU64,
    families_revoked: AtomicU64,
    rejections: AtomicU64,
    limited: AtomicU64,
    unavailable: AtomicU64,
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
    /// Refresh tokens that were succeeded by the next.
    pub rotations: u64,
    /// Refresh tokens that were answered with the successor they already had.
    pub replays: u64,
    /// Sessions revoked because a refresh token was reused.
    pub reuse_revocations: u64,
    /// Sessions revoked for any reason, reuse among them.
    pub families_revoked: u64,
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

    pub(crate) fn count(&self, event: Event) {
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
            Event::Exchanged
            | Event::DeviceApproved
            | Event::DeviceRefused
            | Event::AccessTokenRevoked
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
            rotations: self.rotations.load(Relaxed),
            replays: self.replays.load(Relaxed),
            reuse_revocations: self.reuse_revocations.load(Relaxed),
            families_revoked: self.families_revoked.load(Relaxed),
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
