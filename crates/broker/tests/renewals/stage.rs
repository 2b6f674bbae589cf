//! A broker over a real database, and a provider that knows what it must never see.

use std::collections::BTreeMap;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use unlapse::unlapse_core::Secret;
use unlapse::unlapse_oauth::Endpoint;
use unlapse::unlapse_oauth::provider::Catalogue;
use unlapse_broker::{
    Actor, App, Broker, Brought, ConnectionId, MasterKeys, Name, Settings, Speed,
};
use unlapse_parts::{LoggedIn, Provider, Terms};

/// What a provider of one token endpoint looks like.
const CATALOGUE: &str = r#"
[acme]
name = "Acme"
sources = ["https://acme.example/docs"]
date = "2026-11-21"
reuse = "REUSE"
authorization = { url = "https://acme.example/authorize" }
token = { url = "https://node/token" }
revocation = { url = "https://node/revoke" }
"#;

pub(crate) struct Stage {
    pub(crate) provider: Provider,
    pub(crate) folder: TempDir,
    database: String,
    reuse: &'static str,
}

/// A node at work, until it is told to stop.
pub(crate) struct Working {
    pub(crate) broker: Broker,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn id(user: &str) -> ConnectionId {
    ConnectionId::new(name("shop"), user, name("acme"), "main").unwrap()
}

pub(crate) fn operator() -> Actor {
    Actor { tenant: None, name: "operator".to_owned() }
}

impl Stage {
    pub(crate) fn new(terms: Terms, reuse: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("broker.db").display().to_string();
        Self { provider: Provider::start(terms), folder, database, reuse }
    }

    pub(crate) fn over(self, database: String) -> Self {
        Self { database, ..self }
    }

    /// A node that does nothing by itself.
    pub(crate) async fn open(&self) -> Broker {
        let master = MasterKeys::file_or_new(&self.folder.path().join("master.key")).unwrap();
        let stand_in: Endpoint = self.provider.url().parse().unwrap();
        let catalogue = Catalogue::parse(&CATALOGUE.replace("REUSE", self.reuse)).unwrap();
        let mut settings = Settings::new(&*self.database, master);
        settings.catalogue = catalogue.rehearsed_at(&stand_in).unwrap();
        let broker = Broker::open(settings).await.unwrap();
        let tables = broker.tables();
        tables.put_tenant(&name("shop"), Speed::Eager).await.unwrap();
        let app = App {
            tenant: name("shop"),
            name: name("acme"),
            provider: name("acme"),
            client_id: "shop".to_owned(),
            client_secret: Some(Secret::new("app-secret")),
            scopes: vec!["read".to_owned()],
            params: BTreeMap::new(),
            return_to: Vec::new(),
            changed_at: broker.clock(),
        };
        tables.put_app(&app).await.unwrap();
        broker
    }

    pub(crate) async fn work(&self) -> Working {
        let broker = self.open().await;
        let (stop, stopped) = oneshot::channel::<()>();
        let node = broker.clone();
        let ended = tokio::spawn(async move {
            node.run(async {
                let _ = stopped.await;
            })
            .await;
        });
        Working { broker, stop: Some(stop), ended }
    }

    /// A user's login, brought to the broker.
    pub(crate) async fn bring(&self, broker: &Broker, user: &str) -> LoggedIn {
        let login = self.provider.log_in();
        let brought = Brought {
            access_token: Some(Secret::new(login.access_token.as_str())),
            refresh_token: Some(Secret::new(login.refresh_token.as_str())),
            expires_in: Some(login.expires_in),
            ..Brought::default()
        };
        broker.put(&id(user), brought, &operator()).await.unwrap();
        login
    }
}

impl Working {
    pub(crate) async fn stop(mut self) {
        drop(self.stop.take());
        let ended = tokio::time::timeout(Duration::from_secs(30), self.ended).await;
        ended.expect("a node ends in time").unwrap();
    }
}

/// Looks again and again, for 30 s at most.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    for _ in 0..300 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("in vain: {what}");
}
