//! A login at the server.

use std::time::Duration;

use unlapse_core::Reuse;
use unlapse_issuer::{
    Kid, Policy, Presented, Salt, Scopes, Session, SessionId, Succession, apply, decide,
};

use crate::host::true_wall;

/// A login, and how far its refresh tokens have come.
///
/// A server that is strict, or forgives for a while, is our own issuer: its table decides. The two
/// kinds that it never is are decided here.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) ended: Option<End>,
    session: Session,
    policy: Policy,
    class: Reuse,
}

/// How a login ended at the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A refresh token was used twice.
    Reuse,
    /// Somebody revoked it: an administrator, or the user by logging out.
    Revoked,
}

/// The one client there is.
const CLIENT: &str = "client";
/// No world lasts so long: sessions end here by what is done to them, not by age.
const NEVER: Duration = Duration::from_secs(3650 * 86_400);

impl Family {
    pub(crate) fn open(class: Reuse, now: Duration) -> Self {
        let grace = if let Reuse::Grace(window) = class { window } else { Duration::ZERO };
        let policy =
            Policy { grace, idle_lifetime: NEVER, absolute_lifetime: NEVER, ..Policy::default() };
        let now = true_wall(now);
        let ends_at = now.plus(NEVER);
        let session = Session {
            id: SessionId::from_bytes([0; 16]),
            subject: "ada".to_owned(),
            client: CLIENT.to_owned(),
            scopes: Scopes::default(),
            jkt: None,
            label: None,
            opened_at: now,
            seen_at: now,
            generation: 1,
            kid: kid(),
            rotated_at: now,
            replays: 0,
            idle_ends_at: ends_at,
            ends_at,
            revoked: None,
            salt: Salt::from_bytes([0; 16]),
        };
        Self { ended: None, session, policy, class }
    }

    /// The number of the refresh token that is current.
    pub(crate) fn current(&self) -> u64 {
        self.session.generation
    }

    /// What becomes of the refresh token of that number, if it is presented now.
    pub(crate) fn decide(&self, number: u64, now: Duration) -> Succession {
        let presented = Presented { generation: number, client: CLIENT, jkt: None };
        match self.class {
            Reuse::Stable if number == self.current() => Succession::Replay,
            Reuse::UntilUsed if number + 1 == self.current() => Succession::Replay,
            _ => decide(&self.session, presented, true_wall(now), &self.policy),
        }
    }

    /// It is presented.
    pub(crate) fn present(&mut self, number: u64, now: Duration) -> Succession {
        let succession = self.decide(number, now);
        let now = true_wall(now);
        self.session = apply(self.session.clone(), succession, now, &self.policy, &kid());
        if succession == Succession::RevokeReuse {
            self.ended = Some(End::Reuse);
        }
        succession
    }
}

fn kid() -> Kid {
    Kid::new("a").expect("a letter is a name")
}
