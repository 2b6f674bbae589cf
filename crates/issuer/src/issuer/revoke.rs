//! A session ends before its time.

use core::time::Duration;

use super::{About, Issuer, Parts};
use crate::access_token::LONGEST_ACCESS;
use crate::audit::Event;
use crate::caller::Caller;
use crate::denied::{Code, Denied};
use crate::refresh_token::RefreshToken;
use crate::session::{RevokedBecause, Session, SessionId};

/// Somebody may have read the clock, waited, and signed an access token since: what is denied
/// stays denied for so long beyond the life of an access token.
pub(super) const MARGIN: Duration = Duration::from_secs(120);

impl Issuer {
    /// Ends a session: its refresh token everywhere and, for [`verify`](Self::verify) in this
    /// process, its access tokens, both at once; for other nodes that share the store, those end
    /// within a second ([`housekeeping`](Self::housekeeping)). Returns whether this call ended it.
    pub async fn revoke_session(
        &self,
        session: SessionId,
        because: RevokedBecause,
    ) -> Result<bool, Denied> {
        let about = About { session: Some(session), ..About::default() };
        let revoked = self.parts.store.revoke(session, because, self.now()).await;
        let ended = revoked.map_err(|away| self.unavailable(away, about))?;
        // Also when it was revoked before: that call may not have come as far as this.
        self.deny(&session.to_string());
        if ended {
            self.note(Event::Revoked(because), about);
        }
        Ok(ended)
    }

    /// Revokes a token that `client` holds (RFC 7009): a refresh token or an access token of a
    /// session ends the session; an access token without one ends alone. A text that is no token
    /// of ours, or not any more, is revoked already.
    pub async fn revoke_token(&self, token: &str, caller: &Caller) -> Result<(), Denied> {
        if let Ok(token) = RefreshToken::parse(token, &self.parts.peppers) {
            return self.revoke_refresh_token(&token, caller).await;
        }
        let Some(claims) = self.read(token) else { return Ok(()) };
        let about = About::caller(caller);
        if claims.client_id != caller.client.id {
            return Err(self.refuse(Code::ClientMismatch, about));
        }
        if let Some(session) = claims.sid.as_deref().and_then(|sid| sid.parse().ok()) {
            self.revoke_session(session, RevokedBecause::Client).await?;
        } else {
            let denied = self.parts.store.deny(&claims.jti, self.now()).await;
            denied.map_err(|away| self.unavailable(away, about))?;
            self.deny(&claims.jti);
            let subject = Some(claims.sub.as_str());
            self.note(Event::AccessTokenRevoked, About { subject, ..about });
        }
        Ok(())
    }

    async fn revoke_refresh_token(
        &self,
        token: &RefreshToken,
        caller: &Caller,
    ) -> Result<(), Denied> {
        let Parts { store, peppers, .. } = &*self.parts;
        let about = About::caller(caller);
        self.limit_session(token.session(), about)?;
        let session = store.load(token.session()).await;
        let session = session.map_err(|away| self.unavailable(away, about))?;
        let Some(session) = session.filter(|session| token.is_of(session, peppers)) else {
            return Ok(());
        };
        if session.client != caller.client.id {
            return Err(self.refuse(Code::ClientMismatch, about.session(&session)));
        }
        self.revoke_session(session.id, RevokedBecause::Client).await?;
        Ok(())
    }

    /// The store has ended `session`: its access tokens end with it.
    pub(super) fn ended(&self, session: &Session, because: RevokedBecause, about: About<'_>) {
        self.deny(&session.id.to_string());
        self.note(Event::Revoked(because), about);
    }

    pub(super) fn deny(&self, id: &str) {
        let now = self.now();
        self.parts.denylist.deny(id, now.plus(LONGEST_ACCESS).plus(MARGIN), now);
    }
}
