//! An account's tokens.

use std::time::Duration;

use reqwest_middleware::ClientBuilder;
use unlapse::reqwest::{Authorize, HttpSettings};
use unlapse::{Info, LoggedIn, Login, Origin, RequestPolicy, Revoked, Secret, TokenSource};
use unlapse_core::{BreakerPolicy, Credentials};
use unlapse_oauth::Endpoint;

use crate::api::Api;
use crate::failure::Failure;
use crate::scope::Scope;

/// An account's tokens, one for each scope, kept alive.
pub(crate) struct Session {
    server: Endpoint,
    account: String,
    sources: Vec<(Scope, TokenSource)>,
}

impl Session {
    pub(crate) fn new(
        server: Endpoint,
        account: String,
        sources: Vec<(Scope, TokenSource)>,
    ) -> Self {
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

    /// The server, to requests that carry the token for this (K7). The token goes nowhere else.
    pub(crate) fn api(&self, scope: Scope) -> Result<Api, Failure> {
        let origin = Origin::of(self.server.uri()).map_err(std::io::Error::other)?;
        let authorize = Authorize::new(self.of(scope).clone()).policy(requests()).only_to([origin]);
        let http = HttpSettings::default().build_for(self.server.uri());
        let http = http.map_err(std::io::Error::other)?;
        let http = ClientBuilder::new(http).with(authorize).build();
        Ok(Api::new(http, self.server.url().clone()))
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

/// Whoever watches wants to see again soon after the server is back: an API that failed too often is
/// tried again after five seconds.
fn requests() -> RequestPolicy {
    let policy = RequestPolicy::default();
    let breaker = BreakerPolicy { open_for: Duration::from_secs(5), ..policy.breaker };
    RequestPolicy { breaker, ..policy }
}
