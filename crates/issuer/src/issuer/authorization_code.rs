//! A login in a browser becomes a session of a client, by an authorization code (RFC 6749 §4.1).

use unlapse_core::Secret;

use super::id_token::LoggedIn;
use super::{About, Issued, Issuer, Parts};
use crate::authorization_code::{
    AuthorizationCode, KIND, LIFETIME, PresentedCode, REMEMBERED, Redemption, redeem,
};
use crate::caller::Caller;
use crate::clients::GrantType;
use crate::denied::{Code, Denied};
use crate::random;
use crate::scopes::Scopes;
use crate::session::{RevokedBecause, SessionId};
use crate::tickets::{Ticket, TicketId};

impl Issuer {
    /// A code for what it says.
    pub(crate) async fn make_code(&self, code: &AuthorizationCode) -> Result<Secret, Denied> {
        let secret = random::secret();
        let now = self.now();
        let id = TicketId::of(KIND, secret.expose());
        let kept = self.parts.store.insert(id, &document(code), now.plus(LIFETIME), now).await;
        // 256 random bits are not there already.
        kept.map_err(|away| self.unavailable(away, About::default()))?;
        Ok(secret)
    }

    /// Opens the session that `code` stands for, once (RFC 6749 §4.1.3). A second use ends it.
    pub(crate) async fn redeem_code(
        &self,
        code: &Secret,
        redirect_uri: Option<&str>,
        verifier: &str,
        caller: &Caller,
    ) -> Result<Issued, Denied> {
        let about = About::caller(caller);
        self.check_grant(caller, GrantType::AuthorizationCode)?;
        let presented =
            PresentedCode { client: &caller.client.id, redirect_uri, verifier, jkt: caller.jkt };
        let id = TicketId::of(KIND, code.expose());
        let (ticket, kept) = self.find_code(id, about).await?;
        match redeem(&kept, presented) {
            Redemption::Spend => {}
            Redemption::RevokeReuse(session) => return Err(self.used_twice(session, about).await),
            Redemption::Refused(code) => return Err(self.refuse(code, about)),
        }
        // A scope that was granted a minute ago reads.
        let scopes = Scopes::parse(&kept.scope).unwrap_or_default();
        let login = LoggedIn {
            subject: &kept.subject,
            client: &kept.client,
            scopes: &scopes,
            auth_time: kept.auth_time,
            nonce: kept.nonce.as_deref(),
            alg: caller.client.id_token_alg,
        };
        let further = self.id_claims(&login).await?;
        // Opened before the code is spent: who finds it spent finds the session to end.
        let mut issued = self.open_for(&kept.subject, scopes.clone(), caller).await?;
        let unknown = Code::CodeUnknown;
        self.check_login(&kept.subject, kept.confirmed_at, &issued, unknown, about).await?;
        issued.id_token = further.map(|further| self.id_token(&login, further, &issued));
        let spent =
            AuthorizationCode { spent: issued.session.map(|session| session.to_string()), ..kept };
        let until = self.now().plus(REMEMBERED);
        let replaced = self.parts.store.replace(id, ticket.version, &document(&spent), until).await;
        match replaced {
            Ok(true) => Ok(issued.for_client(&caller.client)),
            Ok(false) => {
                self.end_unused(issued.session).await;
                let winner = self.find_code(id, about).await?.1.spent;
                let winner = winner.and_then(|session| session.parse().ok());
                Err(self.used_twice(winner, about).await)
            }
            Err(away) => {
                // Nobody will hear of the session, whether the code is spent or not.
                self.end_unused(issued.session).await;
                Err(self.unavailable(away, about))
            }
        }
    }

    async fn find_code(
        &self,
        id: TicketId,
        about: About<'_>,
    ) -> Result<(Ticket, AuthorizationCode), Denied> {
        let Parts { store, .. } = &*self.parts;
        let found = store.ticket(id, self.now()).await;
        let found = found.map_err(|away| self.unavailable(away, about))?;
        found
            .and_then(|ticket| {
                let code = serde_json::from_slice(&ticket.value).ok()?;
                Some((ticket, code))
            })
            .ok_or_else(|| self.refuse(Code::CodeUnknown, about))
    }

    async fn used_twice(&self, session: Option<SessionId>, about: About<'_>) -> Denied {
        if let Some(session) = session
            && let Err(denied) = self.revoke_session(session, RevokedBecause::CodeReuse).await
        {
            return denied;
        }
        self.refuse(Code::CodeReused, about)
    }

    /// Ends a session whose tokens were never given out, as well as it can.
    pub(super) async fn end_unused(&self, session: Option<SessionId>) {
        if let Some(session) = session {
            let ended = self.revoke_session(session, RevokedBecause::CodeReuse).await;
            if ended.is_err() {
                tracing::warn!(%session, "a session that nobody has tokens of goes on");
            }
        }
    }
}

fn document(code: &AuthorizationCode) -> Vec<u8> {
    serde_json::to_vec(code).expect("strings and numbers always make JSON")
}
