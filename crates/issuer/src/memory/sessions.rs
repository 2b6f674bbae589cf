//! Sessions in memory.

use core::time::Duration;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use unlapse_core::{BoxFuture, UnixTime};

use super::{MemoryStore, done};
use crate::denials::Denial;
use crate::session::{Revoked, RevokedBecause, Session, SessionId};
use crate::sessions::{Advance, Advanced, MOST_SESSIONS, Sessions};
use crate::store::Unavailable;
use crate::succession::{Succession, apply, decide};

#[derive(Debug, Default)]
pub(super) struct KeptSessions {
    pub(super) sessions: HashMap<SessionId, Session>,
    /// Ended sessions are swept out when there are twice as many as after the last sweep, so that
    /// a sweep costs a constant time per session created.
    sweep_at: usize,
}

/// An ended session is kept for so long, to say why it ended rather than that it is unknown.
const REMEMBERED: Duration = Duration::from_secs(86_400);
/// Nothing but a clock that went wrong is so far ahead of the last refresh of all: no session is
/// deleted by it. Where nobody came for as long, the next refresh lets it go on.
const AHEAD: Duration = Duration::from_secs(86_400);
const FIRST_SWEEP: usize = 1024;

impl KeptSessions {
    /// Forgets what ended long ago; returns how many.
    pub(super) fn sweep(&mut self, now: UnixTime) -> usize {
        let before = self.sessions.len();
        let newest = self.sessions.values().map(|session| session.seen_at).max();
        if newest.is_none_or(|newest| now.minus(AHEAD) >= newest) {
            return 0;
        }
        self.sessions.retain(|_, session| {
            let ended = session.idle_ends_at.min(session.ends_at);
            now < ended.plus(REMEMBERED)
        });
        before - self.sessions.len()
    }

    fn sweep_when_full(&mut self, now: UnixTime) {
        if self.sessions.len() >= self.sweep_at.max(FIRST_SWEEP) {
            self.sweep(now);
            self.sweep_at = self.sessions.len() * 2;
        }
    }
}

impl MemoryStore {
    /// How many sessions are kept, ended ones among them.
    pub fn len(&self) -> usize {
        self.sessions().sessions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn denied_now(&self, id: SessionId, at: UnixTime) {
        self.add_denial(Denial { id: id.to_string(), at });
    }
}

impl Sessions for MemoryStore {
    fn create<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), Unavailable>> {
        let mut kept = self.sessions();
        kept.sweep_when_full(session.rotated_at);
        let created = match kept.sessions.entry(session.id) {
            Entry::Vacant(vacant) => {
                vacant.insert(session.clone());
                Ok(())
            }
            // 128 random bits twice: asking again draws others.
            Entry::Occupied(_) => Err(Unavailable { retry_after: Duration::from_secs(1) }),
        };
        Box::pin(core::future::ready(created))
    }

    fn advance<'a>(
        &'a self,
        advance: Advance<'a>,
    ) -> BoxFuture<'a, Result<Option<Advanced>, Unavailable>> {
        let Advance { session: id, presented, kid, now, policy } = advance;
        let mut kept = self.sessions();
        let advanced = kept.sessions.get_mut(&id).map(|session| {
            let succession = decide(session, presented, now, policy);
            *session = apply(session.clone(), succession, now, policy, kid);
            Advanced { succession, session: session.clone() }
        });
        drop(kept);
        if advanced.as_ref().is_some_and(|found| found.succession == Succession::RevokeReuse) {
            self.denied_now(id, now);
        }
        done(advanced)
    }

    fn revoke(
        &self,
        id: SessionId,
        because: RevokedBecause,
        now: UnixTime,
    ) -> BoxFuture<'_, Result<bool, Unavailable>> {
        let ended = match self.sessions().sessions.get_mut(&id) {
            Some(session) if session.revoked.is_none() => {
                session.revoked = Some(Revoked { at: now, because });
                true
            }
            _ => false,
        };
        if ended {
            self.denied_now(id, now);
        }
        done(ended)
    }

    fn load(&self, session: SessionId) -> BoxFuture<'_, Result<Option<Session>, Unavailable>> {
        done(self.sessions().sessions.get(&session).cloned())
    }

    fn of_subject<'a>(
        &'a self,
        subject: &'a str,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<Session>, Unavailable>> {
        let kept = self.sessions();
        let live = |session: &&Session| session.subject == subject && session.is_live(now);
        let mut found: Vec<_> = kept.sessions.values().filter(live).cloned().collect();
        found.sort_unstable_by_key(|session| (core::cmp::Reverse(session.opened_at), session.id));
        found.truncate(MOST_SESSIONS);
        done(found)
    }

    fn revoke_subject<'a>(
        &'a self,
        subject: &'a str,
        keep: Option<SessionId>,
        because: RevokedBecause,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<SessionId>, Unavailable>> {
        let mut ended = Vec::new();
        for session in self.sessions().sessions.values_mut() {
            if session.subject == subject && session.is_live(now) && Some(session.id) != keep {
                session.revoked = Some(Revoked { at: now, because });
                ended.push(session.id);
            }
        }
        for id in &ended {
            self.denied_now(*id, now);
        }
        done(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kid, Opening, Policy};

    fn begin(now: UnixTime) -> Session {
        let kid = Kid::new("a").expect("valid");
        let opening = Opening { subject: "ada", client: "app", ..Opening::default() };
        Session::begin(opening, kid, now, &Policy::default())
    }

    #[tokio::test]
    async fn a_session_is_never_replaced_and_the_first_reason_stays() {
        let sessions = MemoryStore::new();
        let now = UnixTime::from_secs(1000);
        let session = begin(now);
        assert_eq!(sessions.create(&session).await, Ok(()));
        assert!(sessions.create(&session).await.is_err());
        assert_eq!(sessions.revoke(session.id, RevokedBecause::Client, now).await, Ok(true));
        assert_eq!(sessions.revoke(session.id, RevokedBecause::Reuse, now).await, Ok(false));
        let kept = sessions.load(session.id).await.expect("there").expect("known");
        assert_eq!(kept.revoked.map(|revoked| revoked.because), Some(RevokedBecause::Client));
        let nobody = begin(now).id;
        assert_eq!(sessions.revoke(nobody, RevokedBecause::Client, now).await, Ok(false));
        assert_eq!(sessions.load(nobody).await, Ok(None));
    }

    #[tokio::test]
    async fn ended_sessions_do_not_pile_up() {
        let sessions = MemoryStore::new();
        let first = UnixTime::from_secs(1000);
        for _ in 1..FIRST_SWEEP {
            sessions.create(&begin(first)).await.expect("kept");
        }
        let later = first.plus(Policy::default().idle_lifetime).plus(REMEMBERED);
        for len in [FIRST_SWEEP, 2] {
            sessions.create(&begin(later)).await.expect("kept");
            assert_eq!(sessions.len(), len);
        }
    }
}
