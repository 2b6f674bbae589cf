//! People look at their own sessions, and end them.

use unlapse_verify::AccessClaims;

use super::{About, Issuer, Parts};
use crate::audit::Event;
use crate::denied::{Code, Denied};
use crate::logins_ended::end_logins;
use crate::scopes::Scopes;
use crate::session::{RevokedBecause, Session, SessionId};

/// The scope that lets a client show a person's sessions, and end them.
pub(crate) const SESSIONS: &str = "sessions";

impl Issuer {
    /// The live sessions of `subject`, the newest first.
    pub async fn sessions_of(&self, subject: &str) -> Result<Vec<Session>, Denied> {
        let about = About { subject: Some(subject), ..About::default() };
        let found = self.parts.store.of_subject(subject, self.now()).await;
        found.map_err(|away| self.unavailable(away, about))
    }

    /// Ends a session, as its owner wants: not that of anybody else.
    pub async fn end_session(&self, subject: &str, session: SessionId) -> Result<(), Denied> {
        let about = About { subject: Some(subject), ..About::default() };
        let found = self.parts.store.load(session).await;
        let found = found.map_err(|away| self.unavailable(away, about))?;
        let own = |found: &Session| found.subject == subject && found.is_live(self.now());
        if !found.as_ref().is_some_and(own) {
            return Err(self.refuse(Code::SessionUnknown, about));
        }
        self.revoke_session(session, RevokedBecause::Owner).await?;
        Ok(())
    }

    /// Ends every session of `subject` but `keep`, as their owner wants; returns how many. Logins
    /// that have not become sessions end as well: those in browsers, codes that are on their way,
    /// and devices that were approved. To be called when a password has changed. Logins of a host's
    /// own page are the host's to end.
    pub async fn end_sessions(
        &self,
        subject: &str,
        keep: Option<SessionId>,
    ) -> Result<usize, Denied> {
        let about = About { subject: Some(subject), ..About::default() };
        let Parts { store, .. } = &*self.parts;
        let because = RevokedBecause::Owner;
        // First: a login that becomes a session meanwhile is found here, or its session below.
        let logins = end_logins(&**store, subject, self.now()).await;
        logins.map_err(|away| self.unavailable(away, about))?;
        let ended = store.revoke_subject(subject, keep, because, self.now()).await;
        let ended = ended.map_err(|away| self.unavailable(away, about))?;
        for session in &ended {
            self.deny(&session.to_string());
            self.note(Event::Revoked(because), About { session: Some(*session), ..about });
        }
        Ok(ended.len())
    }

    /// Whether who holds this access token may see and end its owner's sessions: a client of the
    /// first party, or one that was granted `sessions`. Returns the token's own session; a token
    /// without one speaks for no person.
    pub(crate) async fn check_owner(&self, claims: &AccessClaims) -> Result<SessionId, Denied> {
        let about = About { subject: Some(&claims.sub), ..About::default() };
        let session = claims.sid.as_deref().and_then(|sid| sid.parse().ok());
        let session = session.ok_or_else(|| self.refuse(Code::TokenInvalid, about))?;
        let scopes = Scopes::parse(claims.scope.as_deref().unwrap_or_default());
        if scopes.is_ok_and(|scopes| scopes.contains(SESSIONS)) {
            return Ok(session);
        }
        let client = self.find_client(&claims.client_id).await?;
        // People type their password into the client of the JSON pair: it is trusted with more.
        let own = client
            .is_some_and(|client| client.first_party || client.id == self.parts.login_client.id);
        own.then_some(session).ok_or_else(|| self.refuse(Code::ScopeInsufficient, about))
    }
}
