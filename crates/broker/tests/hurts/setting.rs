//! A provider, a database, and brokers over it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use unlapse_broker::{Broker, Connection, Problem, TokenWanted};
use unlapse_parts::{Cable, LoggedIn, Postgres, Provider, Rotation, Terms};

use crate::world::{Place, brought, id, operator};

/// A provider and a database; brokers come and go.
pub(crate) struct Setting {
    pub(crate) provider: Arc<Provider>,
    pub(crate) place: Place,
    _folder: tempfile::TempDir,
}

/// A broker at work.
pub(crate) struct Node {
    pub(crate) broker: Broker,
    /// Whoever has it ends the work.
    work: Option<AbortHandle>,
}

impl Drop for Node {
    /// As a crash ends it: nothing is given back.
    fn drop(&mut self) {
        if let Some(work) = &self.work {
            work.abort();
        }
    }
}

/// Grace of half a minute, an hour.
pub(crate) fn terms() -> Terms {
    Terms { rotation: Rotation::Grace(Duration::from_secs(30)), ..Terms::default() }
}

/// A refresh token is good once.
pub(crate) fn strict() -> Terms {
    Terms { rotation: Rotation::Strict, ..terms() }
}

/// The test on SQLite, and on PostgreSQL in the full run. `more`: of the provider's table.
pub(crate) fn on_both(terms: Terms, more: &str, test: impl AsyncFnOnce(&Setting) + Copy) {
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("broker.db").to_string_lossy().into_owned();
    let postgres = Postgres::shared().map(Postgres::fresh_database);
    for database in [Some(file), postgres].into_iter().flatten() {
        block_on(test(&Setting::new(terms, more, database)));
    }
}

/// A database at the end of a cable; in the full run.
pub(crate) fn cut_off(terms: Terms) -> Option<(Setting, Cable)> {
    let postgres = Postgres::shared()?;
    let (cable, database) = cabled(postgres, &postgres.fresh_database());
    Some((Setting::new(terms, "", database), cable))
}

/// A cable to the database, and its URL through it.
pub(crate) fn cabled(postgres: &Postgres, database: &str) -> (Cable, String) {
    let cable = Cable::to(postgres.port());
    let (direct, through) = (format!(":{}/", postgres.port()), format!(":{}/", cable.port()));
    let database = database.replace(&direct, &through);
    (cable, database)
}

pub(crate) fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(test);
}

impl Setting {
    pub(crate) fn new(terms: Terms, more: &str, database: String) -> Self {
        let provider = Arc::new(Provider::start(terms));
        let reuse = match terms.rotation {
            Rotation::Stable => "stable".to_owned(),
            Rotation::UntilUsed => "until_used".to_owned(),
            Rotation::Grace(grace) => format!("grace:{}s", grace.as_secs()),
            Rotation::Strict => "strict".to_owned(),
        };
        let more = format!("reuse = \"{reuse}\"\n{more}");
        let folder = tempfile::tempdir().expect("a directory");
        let mut place = Place::new(database, provider.token_endpoint("local"), &more);
        place.spool = Some(folder.path().join("spool"));
        Self { provider, place, _folder: folder }
    }

    /// Another node.
    pub(crate) async fn node(&self) -> Node {
        self.node_at(&self.place).await
    }

    /// One whose place differs.
    pub(crate) async fn node_at(&self, place: &Place) -> Node {
        let broker = place.open().await.expect("a broker");
        let node = broker.clone();
        let work = tokio::spawn(async move { node.run(std::future::pending()).await });
        Node { broker, work: Some(work.abort_handle()) }
    }

    /// Nothing has happened that may not.
    pub(crate) fn nothing_was_lost(&self, logins: &[&LoggedIn]) {
        let tally = self.provider.tally();
        assert_eq!((tally.doubles, tally.families_revoked), (0, 0), "{tally:?}");
        for login in logins {
            assert!(self.provider.is_alive(login.family));
        }
    }
}

impl Node {
    /// For a task of its own.
    pub(crate) fn handle(&self) -> Self {
        Self { broker: self.broker.clone(), work: None }
    }

    pub(crate) async fn put(&self, user: &str, login: &LoggedIn) {
        self.broker.put(&id(user), brought(login), &operator()).await.expect("it is kept");
    }

    /// The token that a caller is given.
    pub(crate) async fn token(&self, user: &str) -> String {
        let token = self.broker.token(&id(user), TokenWanted::default(), &operator()).await;
        token.expect("a token").access_token.expose().to_owned()
    }

    /// A new one.
    pub(crate) async fn forced(&self, user: &str) -> Result<String, Problem> {
        let forced = TokenWanted { force: true, ..TokenWanted::default() };
        let token = self.broker.token(&id(user), forced, &operator()).await?;
        Ok(token.access_token.expose().to_owned())
    }

    pub(crate) async fn connection(&self, user: &str) -> Connection {
        self.broker.connection(&id(user)).await.expect("it is there")
    }
}
