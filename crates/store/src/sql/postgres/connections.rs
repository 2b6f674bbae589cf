//! The connections to the server, and what becomes of a call that it does not answer.

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime,
    TimeoutType,
};
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::bad_server::BadServer;
use super::outage::Outage;
use crate::sql::{Away, Options};

/// What a statement is given.
pub type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A pool of connections, bounded in number and in every wait.
pub struct Connections {
    pool: Pool,
    patience: Duration,
    outage: Mutex<Outage>,
    started: Instant,
}

/// When to ask again.
pub const AWAY: Away = Away { retry_after: Duration::from_secs(1) };

/// Why a call has failed.
enum Failure {
    /// The server is not there.
    Away(Option<tokio_postgres::Error>),
    /// All connections were in use for too long.
    Busy,
    /// The server has answered, or the connection has ended.
    Statement(tokio_postgres::Error),
}

impl Connections {
    /// A pool of connections that are made when they are needed.
    pub fn new(
        config: Config,
        tls: MakeRustlsConnect,
        options: &Options,
    ) -> Result<Self, BadServer> {
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let settings = settings(options);
        let prepare = Hook::async_fn(move |client, _| {
            let settings = settings.clone();
            Box::pin(
                async move { client.batch_execute(&settings).await.map_err(HookError::Backend) },
            )
        });
        let pool = Pool::builder(Manager::from_config(config, tls, manager))
            .max_size(options.connections.max(1))
            .wait_timeout(Some(options.wait))
            .create_timeout(Some(options.connect))
            .recycle_timeout(Some(options.connect))
            .post_create(prepare)
            .runtime(Runtime::Tokio1)
            .build()
            // It only asks that there be a runtime where there are timeouts.
            .map_err(|_| BadServer::Failed)?;
        let outage = Mutex::default();
        Ok(Self { pool, patience: options.patience(), outage, started: Instant::now() })
    }

    /// The rows of one statement, prepared once a connection.
    pub async fn query(&self, statement: &str, params: Params<'_>) -> Result<Vec<Row>, Away> {
        self.run(statement, async |client: &mut Object| {
            let statement = client.prepare_cached(statement).await?;
            let done = client.query(&statement, params).await;
            if is_undone(&done) { client.query(&statement, params).await } else { done }
        })
        .await
    }

    /// How many rows one statement has changed.
    pub async fn execute(&self, statement: &str, params: Params<'_>) -> Result<u64, Away> {
        self.run(statement, async |client: &mut Object| {
            let statement = client.prepare_cached(statement).await?;
            let done = client.execute(&statement, params).await;
            if is_undone(&done) { client.execute(&statement, params).await } else { done }
        })
        .await
    }

    /// Statements in one transaction; how many rows each has changed.
    pub async fn together(&self, statements: &[(&str, Params<'_>)]) -> Result<Vec<u64>, Away> {
        self.run("BEGIN", async |client: &mut Object| {
            // Rolled back when it is dropped, also by a caller who is gone.
            let transaction = client.transaction().await?;
            let mut changed = Vec::with_capacity(statements.len());
            for (statement, params) in statements {
                let statement = transaction.prepare_cached(statement).await?;
                changed.push(transaction.execute(&statement, params).await?);
            }
            transaction.commit().await?;
            Ok(changed)
        })
        .await
    }

    async fn run<T>(
        &self,
        statement: &str,
        work: impl AsyncFnOnce(&mut Object) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Away> {
        if !self.outage().admits(self.started.elapsed()) {
            tracing::debug!("PostgreSQL is away");
            return Err(AWAY);
        }
        let done = self.attempt(work).await;
        match &done {
            Err(Failure::Away(_)) => self.outage().failed(self.started.elapsed()),
            Err(Failure::Busy) => {}
            Ok(_) | Err(Failure::Statement(_)) => self.outage().answered(),
        }
        done.map_err(|failure| {
            tell(statement, &failure);
            AWAY
        })
    }

    #[expect(clippy::disallowed_methods, reason = "it is the server that is waited for")]
    async fn attempt<T>(
        &self,
        work: impl AsyncFnOnce(&mut Object) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Failure> {
        let mut client = self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => Failure::Busy,
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                if is_full(error.code(), self.pool.status().size) {
                    Failure::Busy
                } else {
                    Failure::Away(Some(error))
                }
            }
            _ => Failure::Away(None),
        })?;
        let done = tokio::time::timeout(self.patience, work(&mut client)).await;
        match done {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                if !leaves_the_connection_usable(&error) {
                    drop(Object::take(client));
                }
                Err(Failure::Statement(error))
            }
            Err(_) => {
                drop(Object::take(client));
                Err(Failure::Away(None))
            }
        }
    }

    fn outage(&self) -> MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What every connection begins with. Whoever changes a row relies on `read committed`: who has
/// waited for a row sees it as it has become. One plan for all rows spares a plan a call; and since
/// it may be made while a table is empty and be used when it has millions of rows, it goes by keys
/// alone, which is what all that happens often is written for.
fn settings(options: &Options) -> String {
    let [lock, statement] = [options.lock, options.statement].map(|wait| wait.as_millis());
    let schema = options.schema;
    format!(
        "SET search_path = {schema};
        SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE;
        SET lock_timeout = {lock};
        SET statement_timeout = {statement};
        SET plan_cache_mode = force_generic_plan;
        SET enable_seqscan = off;
        SET enable_hashjoin = off;
        SET enable_mergejoin = off;
        SET jit = off;
        SELECT set_config('synchronous_commit', 'on', false)
            WHERE current_setting('synchronous_commit') = 'off'"
    )
}

/// Whether the server lets no more connections in, and those that are `open` are good: a call that
/// finds none of them free is told to come back, and the others go on.
fn is_full(refused: Option<&SqlState>, open: usize) -> bool {
    open > 0 && refused == Some(&SqlState::TOO_MANY_CONNECTIONS)
}

/// Whether the server has undone a statement because it and others waited for each other: they go on,
/// and it may be tried again. A batch has many callers, all of whom would be told that it failed.
fn is_undone<T>(done: &Result<T, tokio_postgres::Error>) -> bool {
    let code = done.as_ref().err().and_then(tokio_postgres::Error::code);
    code == Some(&SqlState::T_R_DEADLOCK_DETECTED)
}

/// Whether the statement alone has failed. A connection that says anything else may have been
/// promoted away, changed under its plans, or be about to end: another one is made.
fn leaves_the_connection_usable(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [
            SqlState::UNIQUE_VIOLATION,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::QUERY_CANCELED,
            SqlState::T_R_DEADLOCK_DETECTED,
        ]
        .contains(code)
    })
}

/// Says what went wrong, without the values that it went wrong with: the server's messages have
/// them.
fn tell(statement: &str, failure: &Failure) {
    let what = statement.split_whitespace().next().unwrap_or_default();
    match failure {
        Failure::Busy => tracing::warn!("PostgreSQL: no connection was free in time"),
        Failure::Away(None) => tracing::warn!("PostgreSQL does not answer"),
        Failure::Away(Some(error)) | Failure::Statement(error) => {
            if let Some(code) = error.code() {
                tracing::warn!(code = code.code(), what, "PostgreSQL has refused");
            } else {
                tracing::warn!(%error, what, "PostgreSQL cannot be reached");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn j5_a_server_that_is_full_is_not_away_for_the_connections_that_there_are() {
        for (refused, open, full) in [
            (Some(&SqlState::TOO_MANY_CONNECTIONS), 1, true),
            // Nothing of ours gets through: one call looks for all, now and then.
            (Some(&SqlState::TOO_MANY_CONNECTIONS), 0, false),
            (Some(&SqlState::CANNOT_CONNECT_NOW), 1, false),
            // Nobody answers there.
            (None, 1, false),
        ] {
            assert_eq!(is_full(refused, open), full, "{refused:?} {open}");
        }
    }
}
