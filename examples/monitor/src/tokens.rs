//! Every token that there is, and where they rest.

use std::sync::Arc;

use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{
    Builder, Endpoints, Event, Http, Key, LoginRung, Policy, Secret, Server, ServerExchange,
    TokenSource,
};
use unlapse_core::Store;
use unlapse_oauth::Endpoint;
use unlapse_store::custody::Machine;
use unlapse_store::{FileStore, Layout, MemoryStore};
use url::Url;

use crate::account;
use crate::failure::Failure;
use crate::scope::Scope;
use crate::session::Session;
use crate::settings::Settings;

/// What the records are sealed for, besides this machine.
const PROJECT: &str = "monitor";
/// `client_id`.
const CLIENT: &str = "monitor";

/// The tokens of every account and scope at one server.
pub(crate) struct Tokens {
    server: Url,
    /// What the server is called in the store.
    name: String,
    endpoints: Endpoints,
    store: Arc<dyn Store>,
    http: Arc<dyn Http>,
    api_key: Option<Secret>,
}

impl Tokens {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Failure> {
        let bad = |_| Failure::Usage("MONITOR_ENDPOINT is no https URL".to_owned());
        let endpoint = Endpoint::parse(&settings.endpoint).map_err(bad)?;
        let at = |path: &str| endpoint.join_path(path).map_err(bad);
        let endpoints = Endpoints {
            token: Some(at("/token")?),
            revocation: Some(at("/revoke")?),
            ..Endpoints::default()
        };
        let server = endpoint.url().clone();
        let name = server.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            server,
            name,
            endpoints,
            store: store(settings),
            http: Arc::new(ReqwestHttp::new(HttpSettings::default())),
            api_key: settings.api_key.clone(),
        })
    }

    /// The accounts that something is kept of.
    pub(crate) async fn accounts(&self) -> Result<Vec<String>, Failure> {
        let kept = self.store.list().await?;
        Ok(account::accounts(&kept, &self.name))
    }

    /// The tokens of the account that was named, or of the only one that there is. With an API key,
    /// nobody need have logged in.
    pub(crate) async fn session(&self, named: Option<String>) -> Result<Session, Failure> {
        let account = account::choose(named, self.accounts().await?)?.unwrap_or_default();
        let mut sources = Vec::new();
        for scope in Scope::ALL {
            let key = Key::new(&self.name).account(&account).scope(scope.as_str());
            sources.push((scope, self.source(key).await));
        }
        Ok(Session::new(self.server.clone(), account, sources))
    }

    /// Forgets every account here: something has happened (K3).
    pub(crate) async fn clear(&self) -> Result<(), Failure> {
        for key in self.store.list().await? {
            self.source(key).await.clear().await?;
        }
        Ok(())
    }

    async fn source(&self, key: Key) -> TokenSource {
        let server = Server {
            scope: Some(key.scope.clone()),
            login: LoginRung::Password,
            ..Server::public(CLIENT, self.endpoints.clone())
        };
        let http = Arc::clone(&self.http);
        let exchange = ServerExchange::new(server, http, Arc::new(TokioClock::new()));
        let policy = Policy { api_key_while_away: true, ..Policy::default() };
        let mut builder = Builder::new(key, Arc::clone(&self.store), Arc::new(exchange))
            .policy(policy)
            .observer(Arc::new(|_, event| warn(event)));
        if let Some(api_key) = self.api_key.clone() {
            builder = builder.api_key(api_key);
        }
        builder.build().await
    }
}

/// Sealed under a key of this machine (K3); or nowhere.
fn store(settings: &Settings) -> Arc<dyn Store> {
    if settings.no_store {
        return Arc::new(MemoryStore::new());
    }
    let machine = match &settings.machine_id {
        Some(file) => Machine::reading([file.clone()]),
        None => Machine::new(),
    };
    let layout = Layout::Directory(settings.state_dir.join("tokens"));
    let store = FileStore::new(layout, PROJECT, Arc::new(machine));
    Arc::new(store.fallbacks(settings.aside.clone()))
}

/// Says what somebody should know, although everything goes on.
#[expect(clippy::print_stderr, reason = "it talks to a person")]
fn warn(event: &Event) {
    match event {
        Event::StoreAway { error } | Event::Unsaved { error, .. } => eprintln!("warning: {error}"),
        _ => {}
    }
}
