//! Brokers over real databases, and a provider that watches them.
#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use unlapse::unlapse_core::{Secret, UnixTime};
use unlapse::unlapse_oauth::provider::Catalogue;
use unlapse_broker::{
    Actor, App, BadStart, Broker, Brought, ConnectionId, MasterKeys, Name, Settings, Speed,
};
use unlapse_parts::LoggedIn;

/// The line that every node has, so that each opens what the others have sealed.
pub(crate) const MASTER: &str = "first AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

/// Where a broker's parts are.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// A URL, or the path of a file.
    pub(crate) database: String,
    /// The providers, each with an app of the same name.
    pub(crate) providers: Vec<Provided>,
    /// What is not in the database yet.
    pub(crate) spool: Option<PathBuf>,
    /// So many renewals at once.
    pub(crate) renewals: usize,
    /// So many connections' tokens in memory.
    pub(crate) in_memory: usize,
    /// The master keys, a line each.
    pub(crate) master: String,
}

/// A provider of the catalogue.
#[derive(Clone, Debug)]
pub(crate) struct Provided {
    pub(crate) name: &'static str,
    pub(crate) token_endpoint: String,
    /// Further lines of its table.
    pub(crate) more: String,
}

impl Place {
    /// The provider `local`, over this database.
    pub(crate) fn new(database: impl Into<String>, token_endpoint: String, more: &str) -> Self {
        let more = more.to_owned();
        let providers = vec![Provided { name: "local", token_endpoint, more }];
        Self {
            database: database.into(),
            providers,
            spool: None,
            renewals: 64,
            in_memory: 100_000,
            master: MASTER.to_owned(),
        }
    }

    fn catalogue(&self) -> Catalogue {
        let table = |Provided { name, token_endpoint, more }: &Provided| {
            format!(
                "[{name}]\nname = \"{name}\"\nsources = [\"https://provider.example/docs\"]\n\
                 date = \"2026-11-21\"\ntoken = {{ url = \"{token_endpoint}\" }}\n{more}\n"
            )
        };
        let text: String = self.providers.iter().map(table).collect();
        Catalogue::parse(&text).expect("a catalogue")
    }

    /// Opens a broker, with the tenant `acme` and its apps.
    pub(crate) async fn open(&self) -> Result<Broker, BadStart> {
        let master = MasterKeys::parse(&self.master).expect("master keys");
        let mut settings = Settings::new(self.database.clone(), master);
        settings.catalogue = self.catalogue();
        settings.spool.clone_from(&self.spool);
        settings.renewals = self.renewals;
        settings.in_memory = self.in_memory;
        let broker = Broker::open(settings).await?;
        let tables = broker.tables();
        if tables.tenant(&name("acme")).await?.is_none() {
            tables.put_tenant(&name("acme"), Speed::Eager).await?;
        }
        for provided in &self.providers {
            if tables.app(&name("acme"), &name(provided.name)).await?.is_none() {
                tables.put_app(&app(provided.name)).await?;
            }
        }
        Ok(broker)
    }
}

pub(crate) fn app(provider: &str) -> App {
    App {
        tenant: name("acme"),
        name: name(provider),
        provider: name(provider),
        client_id: "client".to_owned(),
        client_secret: Some(Secret::new("its secret")),
        scopes: Vec::new(),
        params: BTreeMap::new(),
        return_to: Vec::new(),
        changed_at: UnixTime::default(),
    }
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

/// A connection of that user at `local`.
pub(crate) fn id(user: &str) -> ConnectionId {
    id_at("local", user)
}

pub(crate) fn id_at(provider: &str, user: &str) -> ConnectionId {
    ConnectionId::new(name("acme"), user, name(provider), "main").expect("a connection")
}

pub(crate) fn operator() -> Actor {
    Actor { tenant: None, name: "operator".to_owned() }
}

/// A login, as it is brought.
pub(crate) fn brought(login: &LoggedIn) -> Brought {
    Brought {
        access_token: Some(Secret::new(login.access_token.clone())),
        refresh_token: Some(Secret::new(login.refresh_token.clone())),
        expires_in: Some(login.expires_in),
        ..Brought::default()
    }
}

/// Looks again and again, for half a minute.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(seen) = look().await {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}")
}

/// The same, until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    eventually(what, async || is_so().await.then_some(())).await;
}
