//! An account's tokens.

use unlapse::reqwest::HttpSettings;
use unlapse::{Info, LoggedIn, Login, Revoked, Secret, TokenSource};
use unlapse_core::Credentials;
use url::Url;

use crate::api::Api;
use crate::failure::Failure;
use crate::scope::Scope;

/// An account's tokens, one for each scope, kept alive.
pub(crate) struct Session {
    server: Url,
    account: String,
    sources: Vec<(Scope, TokenSource)>,
}

impl Session {
    pub(crate) fn new(server: Url, account: String, sources: Vec<(Scope, TokenSource)>) -> Self {
        Self { server, account, sources }
    }

    /// Whose they are.
    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    /// Logs in for every scope. Name and password stay with the tokens, sealed.
    pub(crate) async fn log_in(&self, password: &Secret) -> Result<(), Failure> {
        for (_, source) in &self.sources {
            match source.log_in(self.login(password)).await? {
                LoggedIn::Granted(_) => {}
                LoggedIn::Kept(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Keeps name and password for when a token is needed, and asks nobody.
    pub(crate) async fn bring(&self, password: &Secret) -> Result<(), Failure> {
        for (_, source) in &self.sources {
            let login = self.login(password);
            source.edit(move |record, now| login.brought_to(&record, now)).await?;
        }
        Ok(())
    }

    fn login(&self, password: &Secret) -> Login {
        let credentials = Credentials {
            username: Some(self.account.clone()),
            password: Some(password.clone()),
            ..Credentials::default()
        };
        Login { credentials, ..Login::default() }
    }

    /// The server, with the token for this.
    pub(crate) fn api(&self, scope: Scope) -> Result<Api, Failure> {
        let client = unlapse::reqwest::client(self.of(scope).clone(), &HttpSettings::default());
        Ok(Api::new(client.map_err(std::io::Error::other)?, self.server.clone()))
    }

    fn of(&self, scope: Scope) -> &TokenSource {
        let source = self.sources.iter().find(|(known, _)| *known == scope);
        &source.expect("invariant: a session has a source for every scope").1
    }

    /// How each token stands.
    pub(crate) async fn status(&self) -> Result<Vec<(Scope, Info)>, Failure> {
        let mut status = Vec::new();
        for (scope, source) in &self.sources {
            status.push((*scope, source.info().await?));
        }
        Ok(status)
    }

    /// Renews every token now, whoever has just done so (K8).
    pub(crate) async fn renew(&self) -> Result<(), Failure> {
        for (_, source) in &self.sources {
            source.force_refresh().await?;
        }
        Ok(())
    }

    /// Ends every session of the account at the server, and forgets it here (K9).
    pub(crate) async fn revoke(&self) -> Result<(), Failure> {
        for (_, source) in &self.sources {
            if let Revoked::Failed(cause) = source.log_out().await? {
                return Err(Failure::NotRevoked(cause));
            }
        }
        Ok(())
    }
}
