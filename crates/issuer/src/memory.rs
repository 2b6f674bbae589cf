//! Sessions of one process.

use core::future::ready;
use core::time::Duration;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use unlapse_core::{BoxFuture, UnixTime};

use crate::session::{Revoked, RevokedBecause, Session, SessionId};
use crate::sessions::{Advance, Advanced, Sessions, Unavailable};
use crate::succession::{apply, decide};

/// Keeps sessions for as long as the process lives: for tests, demonstrations, and services whose
/// logins may end with them.
#[derive(Debug, Default)]
pub struct MemorySessions {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    sessions: HashMap<SessionId, Session>,
    /// Ended sessions are swept out when there are twice as many as after the last sweep, so that
    /// a sweep costs a constant time per session created.
    sweep_at: usize,
}

/// An ended session is kept for so long, to say why it ended rather than that it is unknown.
const REMEMBERED: Duration = Duration::from_secs(86_400);
const FIRST_SWEEP: usize = 1024;

impl MemorySessions {
    /// No sessions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many sessions are kept, ended ones among them.
    pub fn len(&self) -> usize {
        self.lock().sessions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Every change under the lock is one assignment: a panic elsewhere leaves nothing half.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn sweep(&mut self, now: UnixTime) {
        if self.sessions.len() < self.sweep_at.max(FIRST_SWEEP) {
            return;
        }
        self.sessions.retain(|_, session| {
            let ended = session.idle_ends_at.min(session.ends_at);
            now < ended.plus(REMEMBERED)
        });
        self.sweep_at = self.sessions.len() * 2;
    }
}

impl Sessions for MemorySessions {
    fn create<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), Unavailable>> {
        let mut kept = self.lock();
        kept.sweep(session.rotated_at);
        let created = match kept.sessions.entry(session.id) {
            Entry::Vacant(vacant) => {
                vacant.insert(session.clone());
                Ok(())
            }
            // 128 random bits twice: asking again draws others.
            Entry::Occupied(_) => Err(Unavailable { retry_after: Duration::from_secs(1) }),
        };
        Box::pin(ready(created))
    }

    fn advance<'a>(
        &'a self,
        advance: Advance<'a>,
    ) -> BoxFuture<'a, Result<Option<Advanced>, Unavailable>> {
        let Advance { session, presented, kid, now, policy } = advance;
        let mut kept = self.lock();
        let advanced = kept.sessions.get_mut(&session).map(|session| {
            let succession = decide(session, presented, now, policy);
            *session = apply(session.clone(), succession, now, policy, kid);
            Advanced { succession, session: session.clone() }
        });
        Box::pin(ready(Ok(advanced)))
    }

    fn revoke(
        &self,
        session: SessionId,
        because: RevokedBecause,
        now: UnixTime,
    ) -> BoxFuture<'_, Result<bool, Unavailable>> {
        let mut kept = self.lock();
        let ended = match kept.sessions.get_mut(&session) {
            Some(session) if session.revoked.is_none() => {
                session.revoked = Some(Revoked { at: now, because });
                true
            }
            _ => false,
        };
        Box::pin(ready(Ok(ended)))
    }

    fn load(&self, session: SessionId) -> BoxFuture<'_, Result<Option<Session>, Unavailable>> {
        let session = self.lock().sessions.get(&session).cloned();
        Box::pin(ready(Ok(session)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kid, Policy, Scopes};

    fn begin(now: UnixTime) -> Session {
        let kid = Kid::new("a").expect("valid");
        Session::begin("ada", "app", Scopes::default(), kid, now, &Policy::default())
    }

    #[tokio::test]
    async fn a_session_is_never_replaced_and_the_first_reason_stays() {
        let sessions = MemorySessions::new();
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
        let sessions = MemorySessions::new();
        let first = UnixTime::from_secs(1000);
        for _ in 0..FIRST_SWEEP {
            sessions.create(&begin(first)).await.expect("kept");
        }
        let later = first.plus(Policy::default().idle_lifetime).plus(REMEMBERED);
        sessions.create(&begin(later)).await.expect("kept");
        assert_eq!(sessions.len(), 1);
    }
}
