//! What a schedule has, without claiming any of it.

use unlapse_core::UnixTime;

use super::node::NodeId;
use super::store::SqlStore;
use crate::sql::{Away, Statement};

/// For each shard a look at the beginning of the index: what is not due costs nothing.
const DUE: Statement = Statement::both(
    "WITH RECURSIVE shards (shard) AS \
     (SELECT 0 UNION ALL SELECT shard + 1 FROM shards WHERE shard < 63) \
     SELECT CAST(shard AS bigint) FROM shards WHERE EXISTS (SELECT 1 FROM records \
     WHERE records.shard = shards.shard AND records.due_at <= now_ms()) ORDER BY shard",
);
const OLDEST: Statement = Statement::both(
    "WITH RECURSIVE shards (shard) AS \
     (SELECT 0 UNION ALL SELECT shard + 1 FROM shards WHERE shard < 63) \
     SELECT min(oldest) FROM (SELECT (SELECT records.due_at FROM records \
     WHERE records.shard = shards.shard AND records.due_at IS NOT NULL \
     ORDER BY records.due_at LIMIT 1) AS oldest FROM shards) AS each",
);
const NODES: Statement =
    Statement::both("SELECT id FROM nodes WHERE alive_until > now_ms() ORDER BY id");

impl SqlStore {
    /// The shards that have anything due.
    pub async fn due_shards(&self) -> Result<Vec<u16>, Away> {
        let rows = self.shared.database.query(DUE, Vec::new()).await?;
        let shard = |number: i64| u16::try_from(number).map_err(|_| Away::misread("a shard"));
        rows.iter().map(|row| shard(row.int(0)?)).collect()
    }

    /// When the first of all records is due; `None`: none ever is.
    pub async fn oldest_due(&self) -> Result<Option<UnixTime>, Away> {
        let rows = self.shared.database.query(OLDEST, Vec::new()).await?;
        rows.first().map_or(Ok(None), |row| row.maybe_time(0))
    }

    /// The nodes that are alive.
    pub async fn nodes(&self) -> Result<Vec<NodeId>, Away> {
        let rows = self.shared.database.query(NODES, Vec::new()).await?;
        rows.iter().map(|row| Ok(NodeId::of(row.int(0)?))).collect()
    }
}
