//! Every token that there is, and where they rest.

use std::sync::Arc;

use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::tokio::TokioClock;
use unlapse::{
    Endpoints, Event, Exchange, Http, Key, LoginRung, Policy, Server, ServerExchange, Sources,
};
use unlapse_core::Store;
use unlapse_oauth::Endpoint;
use unlapse_store::custody::Machine;
use unlapse_store::{FileStore, Layout, MemoryStore};

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
    server: Endpoint,
    /// What the server is called in the store.
    name: String,
    store: Arc<dyn Store>,
    /// Whether the store outlives the process.
    pub(crate) is_kept: bool,
    sources: Sources,
}

impl Tokens {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Failure> {
        let bad = |_| Failure::Usage("MONITOR_ENDPOINT is no https URL".to_owned());
        let endpoint = Endpoint::parse(&settings.endpoint).map_err(bad)?;
        let at = |path: &str| endpoint.join_path(path).map_err(bad);
        let token = match settings.environment.endpoint() {
            Some(token) => token.clone(),
            None => at("/token")?,
        };
        let endpoints = Endpoints {
            token: Some(token),
            revocation: Some(at("/revoke")?),
            ..Endpoints::default()
        };
        let server = Server { login: LoginRung::Password, ..Server::public(CLIENT, endpoints) };
        let is_kept = settings.environment.persistence().unwrap_or_default().is_on(&server, None);
        let store = if is_kept { kept(settings) } else { Arc::new(MemoryStore::new()) };

        let http: Arc<dyn Http> = Arc::new(ReqwestHttp::new(HttpSettings::default()));
        let policy = Policy { api_key_while_away: true, ..Policy::default() };
        let api_key = settings.api_key.clone();
        let sources =
            Sources::builder(Arc::clone(&store), move |key| exchange(&server, key, &http))
                .policy(settings.environment.policy(policy))
                .api_keys(move |_| api_key.clone())
                .observer(Arc::new(|_, event| warn(event)))
                .build();
        let name = endpoint.url().as_str().trim_end_matches('/').to_owned();
        Ok(Self { server: endpoint, name, store, is_kept, sources })
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
            sources.push((scope, self.sources.source(&key).await));
        }
        Ok(Session::new(self.server.clone(), account, sources))
    }

    /// Forgets every account of every server here: something has happened (K3).
    pub(crate) async fn clear(&self) -> Result<(), Failure> {
        Ok(self.sources.clear().await?)
    }

    /// Finishes what is under way, and saves what could not be saved (R5, R6).
    pub(crate) async fn settle(&self) -> Result<(), Failure> {
        Ok(self.sources.settle().await?)
    }
}

/// Speaks to the server about the scope of `key` alone.
fn exchange(server: &Server, key: &Key, http: &Arc<dyn Http>) -> Arc<dyn Exchange> {
    let server = Server { scope: Some(key.scope.clone()), ..server.clone() };
    Arc::new(ServerExchange::new(server, Arc::clone(http), Arc::new(TokioClock::new())))
}

/// Sealed under a key of this machine (K3).
fn kept(settings: &Settings) -> Arc<dyn Store> {
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
