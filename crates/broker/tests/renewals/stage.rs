//! A broker over a real database, and a provider that knows what it must never see.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use unlapse_broker::Broker;
use unlapse_parts::{LoggedIn, Provider, Terms};

use crate::world::{Place, brought, id, operator};

pub(crate) struct Stage {
    pub(crate) provider: Provider,
    place: Place,
    _folder: TempDir,
}

/// A node at work, until it is told to stop.
pub(crate) struct Working {
    pub(crate) broker: Broker,
    stop: Option<oneshot::Sender<()>>,
    ended: JoinHandle<()>,
}

impl Stage {
    pub(crate) fn new(terms: Terms, reuse: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("broker.db").display().to_string();
        let provider = Provider::start(terms);
        let more = format!(
            "reuse = \"{reuse}\"\nrevocation = {{ url = \"{}\" }}",
            provider.revocation_endpoint("local")
        );
        let place = Place::new(database, provider.token_endpoint("local"), &more);
        Self { provider, place, _folder: folder }
    }

    pub(crate) fn over(mut self, database: String) -> Self {
        self.place.database = database;
        self
    }

    /// Its nodes renew so many at once.
    pub(crate) fn at_once(mut self, renewals: usize) -> Self {
        self.place.renewals = renewals;
        self
    }

    /// A node that does nothing by itself.
    pub(crate) async fn open(&self) -> Broker {
        self.place.open().await.unwrap()
    }

    /// A broker of its own, with a database in `folder` and another master key.
    pub(crate) async fn open_in(&self, folder: &Path) -> Broker {
        let mut place = self.place.clone();
        place.database = folder.join("broker.db").display().to_string();
        "second ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8".clone_into(&mut place.master);
        place.open().await.unwrap()
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
        broker.put(&id(user), brought(&login), &operator()).await.unwrap();
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
