//! A session goes on.

use super::{About, Issued, Issuer, Parts};
use crate::audit::Event;
use crate::caller::Caller;
use crate::denied::{Code, Denied};
use crate::refresh_token::{BadRefreshToken, RefreshToken};
use crate::scopes::Scopes;
use crate::session::{RevokedBecause, Session};
use crate::sessions::{Advance, Advanced};
use crate::succession::{Presented, Refusal, Succession};

impl From<Refusal> for Code {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SessionRevoked => Self::SessionRevoked,
            Refusal::SessionExpired => Self::SessionExpired,
            Refusal::RefreshTokenExpired => Self::RefreshTokenExpired,
            Refusal::ClientMismatch => Self::ClientMismatch,
            Refusal::DpopMismatch => Self::DpopMismatch,
        }
    }
}

impl From<BadRefreshToken> for Code {
    fn from(bad: BadRefreshToken) -> Self {
        match bad {
            BadRefreshToken::Malformed => Self::RefreshTokenMalformed,
            BadRefreshToken::UnknownPepper => Self::RefreshTokenUnknown,
        }
    }
}

impl Issuer {
    /// Answers a refresh token with its successor and a fresh access token (RFC 6749 §6), for
    /// `scopes` when some are named. One statement of the store, however many ask at once.
    pub async fn refresh(
        &self,
        refresh_token: &str,
        caller: &Caller,
        scopes: Option<&Scopes>,
    ) -> Result<Issued, Denied> {
        let Parts { peppers, store, policy, .. } = &*self.parts;
        let about = About::caller(caller);
        let token = RefreshToken::parse(refresh_token, peppers)
            .map_err(|bad| self.refuse(bad.into(), about))?;
        self.limit_session(token.session(), about)?;
        if let Some(scopes) = scopes {
            self.check_scopes(&token, scopes, about).await?;
        }
        let now = self.now();
        let presented = Presented {
            generation: token.generation(),
            client: &caller.client.id,
            jkt: caller.jkt,
        };
        let kid = peppers.newest().kid();
        let advance = Advance { session: token.session(), presented, kid, now, policy };
        let advanced = store.advance(advance).await;
        let advanced = advanced.map_err(|away| self.unavailable(away, about))?;
        let Some(Advanced { succession, session }) = advanced else {
            return Err(self.refuse(Code::RefreshTokenUnknown, about));
        };
        let about = about.session(&session);
        // At once, before anything waits: a caller that is gone must not keep it from happening.
        if succession == Succession::RevokeReuse {
            self.ended(&session, RevokedBecause::Reuse, about);
        }
        let Some(key) = token.session_key(&session, peppers) else {
            return Err(self.forged(&session, about).await);
        };
        match succession {
            Succession::Rotate => self.note(Event::Rotated, about),
            Succession::Replay => self.note(Event::Replayed, about),
            Succession::RevokeReuse => return Err(self.refuse(Code::RefreshTokenReused, about)),
            Succession::FromTheFuture => {
                return Err(self.refuse(Code::RefreshTokenUnknown, about));
            }
            Succession::Refused(refusal) => return Err(self.refuse(refusal.into(), about)),
        }
        let successor = RefreshToken::mint_with(&session, peppers, Some(key));
        self.issue(&session, successor, scopes, caller.jkt, now, about)
    }

    /// Scopes are named by few clients, and never change: they are looked at before the token is
    /// spent, so that asking for too much costs nothing but the answer.
    async fn check_scopes(
        &self,
        token: &RefreshToken,
        scopes: &Scopes,
        about: About<'_>,
    ) -> Result<(), Denied> {
        let session = self.parts.store.load(token.session()).await;
        match session.map_err(|away| self.unavailable(away, about))? {
            Some(session) if !scopes.is_subset_of(&session.scopes) => {
                Err(self.refuse(Code::ScopeNotAllowed, about))
            }
            // An unknown session is told by the refresh itself.
            _ => Ok(()),
        }
    }

    /// The token passed the pepper and is not the session's: whoever made it holds the pepper. The
    /// session may have been moved on by it, so it ends.
    async fn forged(&self, session: &Session, about: About<'_>) -> Denied {
        tracing::error!(session = %session.id, "a forged refresh token: replace the pepper");
        let ended = self.revoke_session(session.id, RevokedBecause::Forgery).await;
        match ended {
            Ok(_) => self.refuse(Code::RefreshTokenMalformed, about),
            Err(denied) => denied,
        }
    }
}
