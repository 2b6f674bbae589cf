//! The providers, from a file.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{AuthMethod, Endpoints, Exchange, LoginRung, Policy, Secret, Server, ServerExchange};
use unlapse_core::Reuse;
use unlapse_oauth::Endpoint;

use crate::connection_id::is_name;

/// Somebody whose API is called for users.
pub struct Provider {
    /// Where its API is.
    pub(crate) api: Endpoint,
    /// Speaks to its API: with a pool of its own, and through no proxy to this machine.
    pub(crate) http: reqwest::Client,
    /// Speaks to its token endpoint.
    pub(crate) exchange: Arc<dyn Exchange>,
    pub(crate) policy: Arc<Policy>,
    /// It gives tokens to us, and not to users.
    pub(crate) is_ours: bool,
}

/// Every provider by its name.
pub struct Providers {
    named: BTreeMap<String, Provider>,
    /// Speaks to nobody: for connections of a provider that is none any more.
    nobody: Arc<dyn Exchange>,
    base: Arc<Policy>,
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.named.keys()).finish()
    }
}

/// The file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadProviders(String);

/// A provider as the file has it.
#[derive(Deserialize)]
struct Entry {
    api: String,
    #[serde(flatten)]
    way: Way,
}

/// How a provider gives tokens.
#[derive(Deserialize)]
#[serde(tag = "grant", rename_all = "snake_case")]
enum Way {
    /// To users, with refresh tokens (RFC 6749 §6).
    RefreshToken {
        token_endpoint: String,
        client_id: String,
        client_secret_env: Option<String>,
        #[serde(default)]
        reuse: Reuse,
    },
    /// To us (RFC 6749 §4.4).
    ClientCredentials { token_endpoint: String, client_id: String, client_secret_env: String },
    /// To users, once and for all.
    Stable,
}

impl Providers {
    /// Reads the file's text: an object with a member for each provider. Secrets are in variables that
    /// it names, which `variable` reads. `base` is what is not a matter of the provider.
    pub fn parse(
        text: &str,
        base: &Policy,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, BadProviders> {
        let bad =
            |name: &str, what: &dyn std::fmt::Display| BadProviders(format!("{name}: {what}"));
        let entries: BTreeMap<String, Entry> =
            serde_json::from_str(text).map_err(|error| bad("the providers", &error))?;
        // A try is one request: how often to try is said with each refresh.
        let base = Policy { attempts: 1, ..base.clone() };
        let http = Arc::new(ReqwestHttp::new(HttpSettings::default()));
        let clock = Arc::new(TokioClock::new());
        let exchange = |server| -> Arc<dyn Exchange> {
            Arc::new(ServerExchange::new(server, http.clone(), clock.clone()))
        };
        let mut named = BTreeMap::new();
        for (name, entry) in entries {
            if !is_name(&name) {
                return Err(bad(&name, &"a name has letters, digits or `._-@+`, 64 at most"));
            }
            let url = |text: &str| Endpoint::parse(text).map_err(|error| bad(&name, &error));
            let secret = |variable_name: &str| {
                let found = variable(variable_name).map(Secret::from);
                found.ok_or_else(|| bad(&name, &format!("{variable_name} is not set")))
            };
            let (server, reuse) = entry.way.server(url, secret)?;
            let is_ours = server.login == LoginRung::ClientCredentials;
            let policy = Arc::new(Policy { reuse, ..base.clone() });
            let api = url(&entry.api)?;
            let http = HttpSettings::default().build_for(api.uri());
            let http = http.map_err(|error| bad(&name, &error))?;
            let provider = Provider { api, http, exchange: exchange(server), policy, is_ours };
            named.insert(name, provider);
        }
        let nobody = exchange(Server::public("", Endpoints::default()));
        Ok(Self { named, nobody, base: Arc::new(base) })
    }

    /// The provider of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Provider> {
        self.named.get(name)
    }

    pub(crate) fn exchange(&self, name: &str) -> Arc<dyn Exchange> {
        let found = self.named(name).map(|provider| &provider.exchange);
        Arc::clone(found.unwrap_or(&self.nobody))
    }

    pub(crate) fn policy(&self, name: &str) -> Arc<Policy> {
        Arc::clone(self.named(name).map_or(&self.base, |provider| &provider.policy))
    }
}

impl Way {
    fn server(
        self,
        url: impl Fn(&str) -> Result<Endpoint, BadProviders>,
        secret: impl Fn(&str) -> Result<Secret, BadProviders>,
    ) -> Result<(Server, Reuse), BadProviders> {
        let at = |endpoint: &str| {
            Ok::<_, BadProviders>(Endpoints { token: Some(url(endpoint)?), ..Endpoints::default() })
        };
        Ok(match self {
            Self::RefreshToken { token_endpoint, client_id, client_secret_env, reuse } => {
                let client_secret = client_secret_env.as_deref().map(secret).transpose()?;
                let auth =
                    if client_secret.is_some() { AuthMethod::Basic } else { AuthMethod::None };
                let server = Server::public(client_id, at(&token_endpoint)?);
                (Server { auth, client_secret, ..server }, reuse)
            }
            Self::ClientCredentials { token_endpoint, client_id, client_secret_env } => {
                let server = Server {
                    auth: AuthMethod::Basic,
                    client_secret: Some(secret(&client_secret_env)?),
                    login: LoginRung::ClientCredentials,
                    ..Server::public(client_id, at(&token_endpoint)?)
                };
                (server, Reuse::Unknown)
            }
            Self::Stable => (Server::public("", Endpoints::default()), Reuse::Stable),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Providers, String> {
        let secret = |name: &str| (name == "SECRET").then(|| "s".to_owned());
        Providers::parse(text, &Policy::default(), secret).map_err(|error| error.to_string())
    }

    #[test]
    fn a_row_for_each_way() {
        let providers = parse(
            r#"{
                "mail": { "api": "https://mail.example", "grant": "refresh_token", "reuse": "strict",
                    "token_endpoint": "https://mail.example/token", "client_id": "us" },
                "files": { "api": "https://files.example", "grant": "client_credentials",
                    "token_endpoint": "https://files.example/token", "client_id": "us",
                    "client_secret_env": "SECRET" },
                "notes": { "api": "https://notes.example", "grant": "stable" }
            }"#,
        );
        let providers = providers.expect("good");
        assert_eq!(providers.policy("mail").reuse, Reuse::Strict);
        assert_eq!(providers.policy("mail").attempts, 1);
        let ours = |name| providers.named(name).expect("it is there").is_ours;
        assert_eq!((ours("mail"), ours("files"), ours("notes")), (false, true, false));
        assert!(providers.named("gone").is_none());
        assert!(!providers.exchange("gone").rungs(None).refresh);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let rows = [
            ("[]", "the providers: "),
            (r#"{"a b": {"api": "https://a.example", "grant": "stable"}}"#, "a b: a name has"),
            (r#"{"a": {"api": "http://a.example", "grant": "stable"}}"#, "a: "),
            (r#"{"a": {"api": "https://a.example", "grant": "magic"}}"#, "unknown variant `magic`"),
            (
                r#"{"a": {"api": "https://a.example", "grant": "client_credentials", "client_id": "c",
                    "token_endpoint": "https://a.example/t", "client_secret_env": "NONE"}}"#,
                "a: NONE is not set",
            ),
        ];
        for (text, expected) in rows {
            let error = parse(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
    }
}
