//! A node, and its sign of life.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use tokio::sync::watch;

use crate::random;
use crate::sql::{Away, Database, Statement, Value};

/// Names a node: one [`SqlStore`](super::SqlStore), for as long as it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(i64);

impl NodeId {
    /// One that no other has.
    pub(super) fn draw() -> Result<Self, Away> {
        let mut bytes = [0; 8];
        random::fill(&mut bytes).map_err(|_| Away::misread("no randomness"))?;
        // Not negative, so that it reads the same everywhere.
        Ok(Self(i64::from_be_bytes(bytes) & i64::MAX))
    }

    /// From where it is stored.
    pub(super) fn of(stored: i64) -> Self {
        Self(stored)
    }

    /// As it is stored.
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

const ALIVE: Statement = Statement::both(
    "INSERT INTO nodes (id, host, pid, alive_until) VALUES ($1, $2, $3, now_ms() + $4) \
     ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until",
);
const GONE: Statement = Statement::both("DELETE FROM nodes WHERE id = $1");
/// Those that were killed. A row that one of them leased is as free without its node's row.
const FORGET: Statement = Statement::both("DELETE FROM nodes WHERE alive_until < now_ms() - $1");

/// So many signs are given while one is good: a node that cannot give the next has most of that time
/// left to end what it does under its leases.
const SIGNS: u32 = 9;

/// How long a node that was killed is remembered.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// Who says that it is alive.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) database: Database,
    pub(super) node: NodeId,
    /// For so long a sign of life is good.
    pub(super) alive: Duration,
    pub(super) host: Arc<str>,
}

impl Life {
    /// Says that the node is alive.
    pub(super) async fn sign(&self) -> Result<(), Away> {
        let params = vec![
            Value::Int(self.node.as_i64()),
            (&*self.host).into(),
            std::process::id().into(),
            millis(self.alive).into(),
        ];
        self.database.execute(ALIVE, params).await.map(drop)
    }

    /// Says that it is not, any more: what it has leased is free.
    pub(super) async fn end(&self) -> Result<(), Away> {
        self.database.execute(GONE, vec![self.node.as_i64().into()]).await.map(drop)
    }

    /// Signs again and again, until it is over: nobody has the store any more.
    #[expect(clippy::disallowed_methods, reason = "a sign of life is given by real time")]
    pub(super) async fn go_on(self, mut over: watch::Receiver<bool>) {
        let mut forget = true;
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.alive / SIGNS) => {}
                is_settled = async { over.wait_for(|over| *over).await.is_ok() } => {
                    if !is_settled {
                        // Without, others wait a moment.
                        let _ = self.end().await;
                    }
                    return;
                }
            }
            if let Err(away) = self.sign().await {
                tracing::warn!(node = %self.node, "no sign of life: others may take what it leased");
                tokio::time::sleep(away.retry_after.min(self.alive / 12)).await;
                // At once, when the database is back.
                let _ = self.sign().await;
            } else if core::mem::take(&mut forget) {
                let _ = self.database.execute(FORGET, vec![millis(REMEMBERED).into()]).await;
            }
        }
    }
}

/// A duration as a number of ours.
pub(super) fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
