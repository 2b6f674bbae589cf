//! A client proves itself, and speaks for itself.

use std::sync::Arc;

use unlapse_core::Secret;

use super::{About, Holder, Issued, Issuer};
use crate::audit::Event;
use crate::caller::Caller;
use crate::clients::{Client, GrantType};
use crate::denied::{Code, Denied};
use crate::scopes::Scopes;

impl Issuer {
    /// The client of `id`, when `secret` proves that it asks (RFC 6749 §2.3).
    pub async fn authenticate(
        &self,
        id: &str,
        secret: Option<&Secret>,
    ) -> Result<Arc<Client>, Denied> {
        let client = self.find_client(id).await?;
        client
            .filter(|client| client.is_proved_by(secret))
            .ok_or_else(|| self.refuse(Code::ClientAuthenticationFailed, About::default()))
    }

    /// The client of `id`, whoever asks.
    pub(crate) async fn find_client(&self, id: &str) -> Result<Option<Arc<Client>>, Denied> {
        let login_client = &self.parts.login_client;
        if id == login_client.id {
            return Ok(Some(Arc::clone(login_client)));
        }
        let found = self.parts.clients.find(id).await;
        found.map_err(|away| self.unavailable(away, About::default()))
    }

    /// The client that the JSON endpoints speak for.
    pub(crate) fn login_client(&self) -> &Arc<Client> {
        &self.parts.login_client
    }

    /// Whether `client` may use `grant`.
    pub(crate) fn check_grant(&self, caller: &Caller, grant: GrantType) -> Result<(), Denied> {
        if caller.client.grants.contains(&grant) {
            return Ok(());
        }
        Err(self.refuse(Code::GrantNotAllowed, About::caller(caller)))
    }

    /// What `client` gets of the scopes it asks for: all of its own when it names none.
    pub(super) fn grant_scopes(
        &self,
        caller: &Caller,
        asked: Option<&Scopes>,
    ) -> Result<Scopes, Denied> {
        let scopes = &caller.client.scopes;
        let granted = asked.unwrap_or(scopes);
        if granted.is_subset_of(scopes) {
            return Ok(granted.clone());
        }
        Err(self.refuse(Code::ScopeNotAllowed, About::caller(caller)))
    }

    /// Grants a client an access token for itself (RFC 6749 §4.4): no session, no refresh token.
    pub fn grant_to_client(
        &self,
        caller: &Caller,
        scopes: Option<&Scopes>,
    ) -> Result<Issued, Denied> {
        self.check_grant(caller, GrantType::ClientCredentials)?;
        let scopes = self.grant_scopes(caller, scopes)?;
        let client = &caller.client.id;
        let holder = Holder {
            subject: client,
            client,
            scopes: &scopes,
            session: None,
            ends_at: None,
            jkt: caller.jkt,
            audience: None,
            act: None,
        };
        let issued = self.issue_access(&holder, self.now());
        self.note(Event::ClientGranted, About::caller(caller));
        Ok(issued)
    }
}
