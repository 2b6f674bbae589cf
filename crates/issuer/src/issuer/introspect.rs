//! What a token is good for (RFC 7662).

use unlapse_verify::AccessClaims;

use super::{About, Issuer, Parts};
use crate::caller::Caller;
use crate::clients::Client;
use crate::denied::{Code, Denied};
use crate::introspected::Introspected;
use crate::refresh_token::RefreshToken;
use crate::succession::{Presented, Succession, decide};

impl Issuer {
    /// What is known of a token, for a client that has proved itself: `None` for a text that is no
    /// token of ours, one that cannot be used now, and one that the client may not see (§2.2).
    /// Public clients are refused: anybody could ask in their name (§2.1).
    ///
    /// A client may see what it was given itself, and access tokens for the audiences that it
    /// [serves](Client::serves). The session is looked at in the store: what another node has just
    /// revoked is not active.
    pub async fn introspect(
        &self,
        token: &str,
        caller: &Caller,
    ) -> Result<Option<Introspected>, Denied> {
        let about = About::caller(caller);
        self.count_introspection();
        if caller.client.is_public() {
            return Err(self.refuse(Code::ClientAuthenticationFailed, about));
        }
        match RefreshToken::parse(token, &self.parts.peppers) {
            Ok(token) => self.introspect_refresh_token(&token, caller).await,
            Err(_) => self.introspect_access_token(token, caller).await,
        }
    }

    async fn introspect_access_token(
        &self,
        token: &str,
        caller: &Caller,
    ) -> Result<Option<Introspected>, Denied> {
        let claims = self.read(token);
        let Some(claims) = claims.filter(|claims| may_see(&caller.client, claims)) else {
            return Ok(None);
        };
        if let Some(sid) = &claims.sid {
            let Ok(session) = sid.parse() else { return Ok(None) };
            let session = self.parts.store.load(session).await;
            let session = session.map_err(|away| self.unavailable(away, About::caller(caller)))?;
            if session.is_none_or(|session| session.revoked.is_some()) {
                return Ok(None);
            }
        }
        let token_type = if claims.cnf.is_some() { "DPoP" } else { "Bearer" };
        Ok(Some(Introspected::AccessToken { token_type, claims: Box::new(claims) }))
    }

    async fn introspect_refresh_token(
        &self,
        token: &RefreshToken,
        caller: &Caller,
    ) -> Result<Option<Introspected>, Denied> {
        let Parts { store, peppers, policy, url, .. } = &*self.parts;
        let about = About::caller(caller);
        self.limit_session(token.session(), about)?;
        let session = store.load(token.session()).await;
        let session = session.map_err(|away| self.unavailable(away, about))?;
        let Some(session) = session.filter(|session| token.is_of(session, peppers)) else {
            return Ok(None);
        };
        // As if the client used it, with whatever key it is bound to; and nothing comes of it.
        let presented = Presented {
            generation: token.generation(),
            client: &caller.client.id,
            jkt: session.jkt,
        };
        match decide(&session, presented, self.now(), policy) {
            Succession::Rotate | Succession::Replay => {}
            _ => return Ok(None),
        }
        Ok(Some(Introspected::RefreshToken {
            iss: url.clone(),
            scope: (!session.scopes.is_empty()).then(|| session.scopes.to_string()),
            iat: session.rotated_at.as_secs(),
            exp: session.idle_ends_at.min(session.ends_at).as_secs(),
            sid: session.id.to_string(),
            sub: session.subject,
            client_id: session.client,
        }))
    }
}

/// Whether `client` may see what an access token says.
pub(super) fn may_see(client: &Client, claims: &AccessClaims) -> bool {
    claims.client_id == client.id || client.serves.iter().any(|served| claims.aud.has(served))
}
