//! What a presented refresh token leads to: the table, as a pure function.
//!
//! A store runs the same table as one conditional statement ([`Sessions::advance`]); this is its
//! specification, and what the in-memory store runs.
//!
//! [`Sessions::advance`]: crate::Sessions::advance

use unlapse_core::UnixTime;

use crate::pepper::Kid;
use crate::policy::Policy;
use crate::session::{Revoked, RevokedBecause, Session};
use unlapse_verify::Thumbprint;

/// What a request presents, once the refresh token's MAC was found genuine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented<'a> {
    /// The generation of the refresh token.
    pub generation: u64,
    /// The client that presents it, authenticated.
    pub client: &'a str,
    /// The key that the request was proved with (RFC 9449), where it was.
    pub jkt: Option<Thumbprint>,
}

/// What it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// It is the current one: the next generation begins.
    Rotate,
    /// It is the one before, within its grace: the current one is given out again.
    Replay,
    /// It was used after its successor was in use: the session is revoked.
    RevokeReuse,
    /// It is newer than the store knows: the store was restored from a backup. Nothing is revoked.
    FromTheFuture,
    /// It is refused, and nothing changes.
    Refused(Refusal),
}

/// Why a genuine refresh token is refused without any change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The session was revoked.
    SessionRevoked,
    /// The session's absolute lifetime has passed.
    SessionExpired,
    /// The session was not refreshed for its idle lifetime.
    RefreshTokenExpired,
    /// It was given to another client (RFC 6749 §6).
    ClientMismatch,
    /// It is bound to a key that the request was not proved with (RFC 9449 §5).
    DpopMismatch,
}

/// Decides. The session's own state is looked at first, then whose token it is, then which.
pub fn decide(
    session: &Session,
    presented: Presented<'_>,
    now: UnixTime,
    policy: &Policy,
) -> Succession {
    if session.revoked.is_some() {
        return Succession::Refused(Refusal::SessionRevoked);
    }
    if now >= session.ends_at {
        return Succession::Refused(Refusal::SessionExpired);
    }
    if now >= session.idle_ends_at {
        return Succession::Refused(Refusal::RefreshTokenExpired);
    }
    if presented.client != session.client {
        return Succession::Refused(Refusal::ClientMismatch);
    }
    if session.jkt.is_some() && presented.jkt != session.jkt {
        return Succession::Refused(Refusal::DpopMismatch);
    }
    if presented.generation > session.generation {
        return Succession::FromTheFuture;
    }
    match session.generation - presented.generation {
        0 => Succession::Rotate,
        // Counted from the rotation, not from the last replay: the window does not slide. Less
        // than, so that a grace of zero is strict. However often: whoever is told to come back
        // later comes after the grace, and would be taken for a thief.
        1 if now.since(session.rotated_at) < policy.grace => Succession::Replay,
        _ => Succession::RevokeReuse,
    }
}

/// The session after `succession`; `kid` is the pepper that a next generation is made under.
#[must_use]
pub fn apply(
    mut session: Session,
    succession: Succession,
    now: UnixTime,
    policy: &Policy,
    kid: &Kid,
) -> Session {
    match succession {
        Succession::Rotate => {
            session.generation += 1;
            session.kid = kid.clone();
            session.rotated_at = now;
            session.seen_at = now;
            session.replays = 0;
            session.idle_ends_at = now.plus(policy.idle_lifetime).min(session.ends_at);
        }
        Succession::Replay if session.replays < policy.replay_cap => {
            session.replays += 1;
            session.seen_at = now;
        }
        Succession::RevokeReuse => {
            session.revoked = Some(Revoked { at: now, because: RevokedBecause::Reuse });
        }
        // Beyond the cap a replay is answered, and nothing is written.
        Succession::Replay | Succession::FromTheFuture | Succession::Refused(_) => {}
    }
    session
}

#[cfg(test)]
#[path = "succession_tests.rs"]
mod tests;
