//! How imports stand.

use serde::Serialize;
use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::{Row, Statement, Value};

use super::limits::page;
use super::{Tables, unreadable};
use crate::broker::Actor;
use crate::name::Name;
use crate::problem::Problem;

/// How an import stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportProgress {
    /// Whose connections.
    pub tenant: Name,
    /// Names it: a second upload of this name goes on where the first has ended.
    pub id: Name,
    /// Who began it.
    pub by: String,
    /// When it began.
    pub started_at: UnixTime,
    /// When it last went on.
    pub changed_at: UnixTime,
    /// When its last line was done; `None`: it goes on, or was broken off.
    pub finished_at: Option<UnixTime>,
    /// Lines that are done.
    pub lines: u64,
    /// Connections that were brought.
    pub brought: u64,
    /// Connections that were there already.
    pub left_alone: u64,
    /// Lines that were refused.
    pub refused: u64,
}

/// A line of an import that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Which, from 1.
    pub line: u64,
    /// Why. It repeats nothing of the line.
    pub reason: String,
}

/// The first faults of an import are kept; all are counted.
pub(crate) const FAULTS_KEPT: u64 = 1000;

const BEGIN: Statement = Statement::both(
    "INSERT INTO imports (tenant, id, actor, started_at, changed_at, lines, brought, left_alone, refused)
     VALUES ($1, $2, $3, now_ms(), now_ms(), 0, 0, 0, 0) ON CONFLICT (tenant, id) DO NOTHING",
);
const ONE: Statement = Statement::both(
    "SELECT tenant, id, actor, started_at, changed_at, finished_at, lines, brought, left_alone, refused
     FROM imports WHERE tenant = $1 AND id = $2",
);
const OF_TENANT: Statement = Statement::both(
    "SELECT tenant, id, actor, started_at, changed_at, finished_at, lines, brought, left_alone, refused
     FROM imports WHERE tenant = $1 OR $1 = '' ORDER BY started_at DESC, id LIMIT $2",
);
const FINISH: Statement = Statement::both(
    "UPDATE imports SET finished_at = now_ms(), changed_at = now_ms() WHERE tenant = $1 AND id = $2",
);
const FAULTS: Statement = Statement::both(
    "SELECT line, reason FROM import_faults
     WHERE tenant = $1 AND import = $2 AND line > $3 ORDER BY line LIMIT $4",
);
impl Tables {
    /// How an import stands.
    pub async fn import(
        &self,
        tenant: &Name,
        id: &Name,
    ) -> Result<Option<ImportProgress>, Problem> {
        let params = vec![tenant.as_str().into(), id.as_str().into()];
        let rows = self.database.query(ONE, params).await?;
        rows.first().map(read).transpose()
    }

    /// The imports of a tenant, or of all, the newest first.
    pub async fn imports(
        &self,
        tenant: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<ImportProgress>, Problem> {
        let params = vec![tenant.map_or("", Name::as_str).into(), page(limit).into()];
        let rows = self.database.query(OF_TENANT, params).await?;
        rows.iter().map(read).collect()
    }

    /// The refused lines of an import behind `after`; the first thousand are kept.
    pub async fn import_faults(
        &self,
        tenant: &Name,
        id: &Name,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Fault>, Problem> {
        let params: Vec<Value> =
            vec![tenant.as_str().into(), id.as_str().into(), after.into(), page(limit).into()];
        let rows = self.database.query(FAULTS, params).await?;
        let faults = rows.iter().map(|row| {
            let line = row.int(0)?.try_into().unwrap_or_default();
            Ok(Fault { line, reason: row.text(1)?.to_owned() })
        });
        faults.collect()
    }

    /// The import of that id, begun now if it was not before.
    pub(crate) async fn begin_import(
        &self,
        tenant: &Name,
        id: &Name,
        by: &Actor,
    ) -> Result<ImportProgress, Problem> {
        let actor: String = by.name.chars().filter(|letter| !letter.is_control()).collect();
        let params = vec![tenant.as_str().into(), id.as_str().into(), actor.into()];
        self.database.execute(BEGIN, params).await?;
        self.import(tenant, id).await?.ok_or_else(|| unreadable("an import"))
    }

    /// Its last line is done.
    pub(crate) async fn finish_import(
        &self,
        tenant: &Name,
        id: &Name,
    ) -> Result<ImportProgress, Problem> {
        let params = vec![tenant.as_str().into(), id.as_str().into()];
        self.database.execute(FINISH, params).await?;
        self.import(tenant, id).await?.ok_or_else(|| unreadable("an import"))
    }
}

fn read(row: &Row) -> Result<ImportProgress, Problem> {
    let damaged = || unreadable("an import");
    let number =
        |column| -> Result<u64, Problem> { row.int(column)?.try_into().map_err(|_| damaged()) };
    Ok(ImportProgress {
        tenant: row.text(0)?.parse().map_err(|_| damaged())?,
        id: row.text(1)?.parse().map_err(|_| damaged())?,
        by: row.text(2)?.to_owned(),
        started_at: row.time(3)?,
        changed_at: row.time(4)?,
        finished_at: row.maybe_time(5)?,
        lines: number(6)?,
        brought: number(7)?,
        left_alone: number(8)?,
        refused: number(9)?,
    })
}
