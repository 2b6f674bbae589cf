//! Who logged in is told to a client (OpenID Connect Core).

use serde_json::{Map, Value};
use unlapse_core::{Secret, UnixTime};
use unlapse_verify::{AccessClaims, Algorithm};

use super::housekeeping::KEYS;
use super::{About, Issued, Issuer};
use crate::access_token::span;
use crate::claims::{Place, Wanted, sayable};
use crate::denied::{Code, Denied};
use crate::id_token::{IdToken, at_hash};
use crate::scopes::Scopes;
use crate::store::Unavailable;

/// The scope that asks for an ID token.
pub(crate) const OPENID: &str = "openid";

/// A login that becomes a session.
pub(super) struct LoggedIn<'a> {
    pub(super) subject: &'a str,
    pub(super) client: &'a str,
    pub(super) scopes: &'a Scopes,
    pub(super) auth_time: UnixTime,
    pub(super) nonce: Option<&'a str>,
    /// What its client wants ID tokens signed with.
    pub(super) alg: Option<Algorithm>,
}

impl LoggedIn<'_> {
    fn wanted(&self, place: Place) -> Wanted<'_> {
        Wanted { subject: self.subject, client: self.client, scopes: self.scopes, place }
    }
}

impl Issuer {
    /// What an ID token will say besides; `None` when none was asked for. Asked before a session
    /// is opened, as the host may be away, and a key of the client's algorithm not active yet.
    pub(super) async fn id_claims(
        &self,
        login: &LoggedIn<'_>,
    ) -> Result<Option<Map<String, Value>>, Denied> {
        if !login.scopes.contains(OPENID) {
            return Ok(None);
        }
        if self.parts.ring.load().signer_for(login.alg).is_none() {
            let about = About { client: Some(login.client), ..About::default() };
            tracing::error!(
                client = login.client,
                "no key signs what it wants ID tokens signed with"
            );
            return Err(self.unavailable(Unavailable { retry_after: KEYS }, about));
        }
        self.claims_of(login.wanted(Place::IdToken)).await.map(Some)
    }

    /// The ID token of a session that was just opened.
    pub(super) fn id_token(
        &self,
        login: &LoggedIn<'_>,
        further: Map<String, Value>,
        issued: &Issued,
    ) -> Secret {
        let ring = self.parts.ring.load();
        // It was there a moment ago; keys that are given up in between are the rare exception.
        let key = ring.signer_for(login.alg).unwrap_or_else(|| ring.signer());
        let (iat, exp) = span(self.now(), self.parts.access_lifetime);
        let token = IdToken {
            iss: self.url(),
            sub: login.subject,
            aud: login.client,
            exp,
            iat,
            auth_time: login.auth_time.as_secs(),
            nonce: login.nonce,
            at_hash: at_hash(key.algorithm(), &issued.access_token),
            sid: issued.session.map(|session| session.to_string()),
            further,
        };
        token.sign(key)
    }

    /// The scopes that are published.
    pub(crate) fn scopes_supported(&self) -> &Scopes {
        &self.parts.pages.scopes
    }

    /// What a client may know of the person that its access token speaks for (§5.3). A token
    /// without a session speaks for no person: that of a client itself has the client's name for
    /// its subject, which may be a person's as well.
    pub(crate) async fn user_info(
        &self,
        claims: &AccessClaims,
    ) -> Result<Map<String, Value>, Denied> {
        let about = About { subject: Some(&claims.sub), ..About::default() };
        if claims.sid.is_none() {
            return Err(self.refuse(Code::TokenInvalid, about));
        }
        let scopes = Scopes::parse(claims.scope.as_deref().unwrap_or_default());
        let scopes = scopes.unwrap_or_default();
        if !scopes.contains(OPENID) {
            return Err(self.refuse(Code::ScopeInsufficient, about));
        }
        let wanted = Wanted {
            subject: &claims.sub,
            client: &claims.client_id,
            scopes: &scopes,
            place: Place::UserInfo,
        };
        let mut said = self.claims_of(wanted).await?;
        said.insert("sub".to_owned(), claims.sub.clone().into());
        Ok(said)
    }

    async fn claims_of(&self, wanted: Wanted<'_>) -> Result<Map<String, Value>, Denied> {
        let Some(host) = &self.parts.pages.claims else { return Ok(Map::new()) };
        let about = About { subject: Some(wanted.subject), ..About::default() };
        let said = host.of(wanted).await.map_err(|away| self.unavailable(away, about))?;
        Ok(sayable(said))
    }
}
