//! A client proves itself, and speaks for itself.

use unlapse_core::Secret;

use super::{About, Holder, Issued, Issuer};
use crate::audit::Event;
use crate::clients::{Client, GrantType};
use crate::denied::{Code, Denied};
use crate::scopes::Scopes;

impl Issuer {
    /// The client of `id`, when `secret` proves that it asks (RFC 6749 §2.3).
    pub async fn authenticate(&self, id: &str, secret: Option<&Secret>) -> Result<Client, Denied> {
        let login_client = &self.parts.login_client;
        let client = if id == login_client.id {
            Some(login_client.clone())
        } else {
            let found = self.parts.clients.find(id).await;
            found.map_err(|away| self.unavailable(away, About::default()))?
        };
        client
            .filter(|client| client.is_proved_by(secret))
            .ok_or_else(|| self.refuse(Code::ClientAuthenticationFailed, About::default()))
    }

    /// The client that the JSON endpoints speak for.
    pub(crate) fn login_client(&self) -> &Client {
        &self.parts.login_client
    }

    /// Whether `client` may use `grant`.
    pub(crate) fn check_grant(&self, client: &Client, grant: GrantType) -> Result<(), Denied> {
        if client.grants.contains(&grant) {
            return Ok(());
        }
        Err(self.refuse(Code::GrantNotAllowed, About::client(&client.id)))
    }

    /// What `client` gets of the scopes it asks for: all of its own when it names none.
    pub(super) fn grant_scopes(
        &self,
        client: &Client,
        asked: Option<&Scopes>,
    ) -> Result<Scopes, Denied> {
        let granted = asked.unwrap_or(&client.scopes);
        if granted.is_subset_of(&client.scopes) {
            return Ok(granted.clone());
        }
        Err(self.refuse(Code::ScopeNotAllowed, About::client(&client.id)))
    }

    /// Grants `client` an access token for itself (RFC 6749 §4.4): no session, no refresh token.
    pub fn grant_to_client(
        &self,
        client: &Client,
        scopes: Option<&Scopes>,
    ) -> Result<Issued, Denied> {
        self.check_grant(client, GrantType::ClientCredentials)?;
        let scopes = self.grant_scopes(client, scopes)?;
        let (subject, client) = (&client.id, &client.id);
        let holder = Holder { subject, client, scopes: &scopes, session: None };
        let issued = self.issue_access(&holder, self.now());
        self.note(Event::ClientGranted, About::client(client));
        Ok(issued)
    }
}
