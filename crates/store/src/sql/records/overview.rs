//! What there is, in numbers.

use unlapse_core::{Holder, UnixTime};

use super::record_id::read;
use super::store::SqlStore;
use crate::sql::{Away, Statement};

/// What there is, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Records by server, state and code.
    pub counts: Vec<Count>,
    /// How many come due in an hour that begins then, for the hours that have any; what is overdue
    /// counts to the hour that begins now.
    pub due: Vec<(UnixTime, u64)>,
    /// The nodes that are alive.
    pub nodes: Vec<Holder>,
}

/// Records that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// Their server.
    pub server: String,
    /// They need a person.
    pub needs_login: bool,
    /// What is wrong with them.
    pub code: Option<String>,
    /// So many.
    pub count: u64,
}

const COUNTS: Statement = Statement::both(
    "SELECT server, state, code, count(*) FROM records WHERE revision > 0 \
     GROUP BY server, state, code ORDER BY server, state, code",
);
/// From the index alone.
const DUE: Statement = Statement::both(
    "SELECT hour, count(*) FROM (SELECT CASE WHEN due_at < now_ms() THEN 0 \
     ELSE (due_at - now_ms()) / 3600000 END AS hour FROM records \
     WHERE due_at IS NOT NULL AND due_at < now_ms() + $1) AS hours GROUP BY hour ORDER BY hour",
);
const NODES: Statement = Statement::both(
    "SELECT host, pid FROM nodes WHERE alive_until > now_ms() ORDER BY host, pid, id",
);

const HOUR: u64 = 3_600_000;

impl SqlStore {
    /// What there is, and what comes due in the next `hours`: three statements, the first of which
    /// looks at every record.
    pub async fn overview(&self, hours: u32) -> Result<Overview, Away> {
        let database = &self.shared.database;
        let mut overview = Overview::default();
        for row in database.query(COUNTS, Vec::new()).await? {
            overview.counts.push(Count {
                server: read(row.text(0)?),
                needs_login: row.int(1)? == 1,
                code: row.maybe_text(2)?.map(str::to_owned),
                count: row.int(3)?.try_into().unwrap_or_default(),
            });
        }
        let now = database.now().await?.as_millis();
        for row in database.query(DUE, vec![(u64::from(hours) * HOUR).into()]).await? {
            let hour: u64 = row.int(0)?.try_into().unwrap_or_default();
            let begins = UnixTime::from_millis(now.saturating_add(hour.saturating_mul(HOUR)));
            overview.due.push((begins, row.int(1)?.try_into().unwrap_or_default()));
        }
        for row in database.query(NODES, Vec::new()).await? {
            let pid = row.int(1)?.try_into().unwrap_or_default();
            overview.nodes.push(Holder { pid, host: row.text(0)?.to_owned() });
        }
        Ok(overview)
    }
}
