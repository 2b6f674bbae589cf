//! Rotations of data keys under way, and what is sealed under which.

use unlapse_core::UnixTime;
use unlapse_store::sql::{Away, Database, Row, Sealed, Statement, Value};

use super::{Tables, unreadable};
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::problem::Problem;

/// A rotation of a tenant's data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnderWay {
    pub(crate) tenant: Name,
    /// The new key.
    pub(crate) key_id: String,
    pub(crate) started_at: UnixTime,
    /// Connections up to this one are done.
    pub(crate) done_to: Option<ConnectionId>,
    pub(crate) resealed: u64,
    pub(crate) finished_at: Option<UnixTime>,
}

/// Something of a connection that is sealed under an older key.
pub(crate) struct SealedRow {
    pub(crate) id: ConnectionId,
    pub(crate) place: SealedPlace,
    pub(crate) generation: u64,
    pub(crate) key_id: String,
    pub(crate) bytes: Vec<u8>,
}

impl SealedRow {
    pub(crate) fn sealed(&self) -> Sealed {
        Sealed { key_id: self.key_id.clone(), bytes: self.bytes.clone() }
    }
}

/// Where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SealedPlace {
    Token,
    Orphan,
}

const BEGIN: Statement = Statement::both(
    "INSERT INTO rotations (tenant, key_id, started_at, done_to, resealed, finished_at)
     VALUES ($1, $2, now_ms(), NULL, 0, NULL)
     ON CONFLICT (tenant) DO UPDATE SET key_id = EXCLUDED.key_id, started_at = EXCLUDED.started_at,
         done_to = NULL, resealed = 0, finished_at = NULL",
);
const ONE: Statement = Statement::both(
    "SELECT tenant, key_id, started_at, done_to, resealed, finished_at FROM rotations WHERE tenant = $1",
);
const OLDEST: Statement = Statement::both(
    "SELECT tenant, key_id, started_at, done_to, resealed, finished_at FROM rotations
     WHERE finished_at IS NULL ORDER BY started_at LIMIT 1",
);
/// From where it was read: of two nodes that do the same part, one counts it.
const ADVANCE: Statement = Statement::both(
    "UPDATE rotations SET done_to = $3, resealed = resealed + $4
     WHERE tenant = $1 AND key_id = $2 AND coalesce(done_to, '') = $5",
);
const FINISH: Statement = Statement::both(
    "UPDATE rotations SET finished_at = now_ms() WHERE tenant = $1 AND key_id = $2",
);
/// The part of the tenant's connections that comes next, with what is sealed of each.
const PART: Statement = Statement::both(
    "SELECT c.user_name, c.provider, c.account, t.generation, t.key_id, t.sealed,
            o.generation, o.key_id, o.sealed
     FROM (SELECT id, user_name, provider, account FROM connections
           WHERE tenant = $1 AND (user_name, provider, account) > ($2, $3, $4)
           ORDER BY user_name, provider, account LIMIT $5) c
     LEFT JOIN tokens t ON t.id = c.id LEFT JOIN orphans o ON o.id = c.id
     ORDER BY c.user_name, c.provider, c.account",
);
/// Only in the place of what was read: a renewal that came between has sealed it anew itself.
const RESEAL_TOKEN: Statement =
    Statement::both("UPDATE tokens SET key_id = $2, sealed = $3 WHERE id = $1 AND sealed = $4");
const RESEAL_ORPHAN: Statement =
    Statement::both("UPDATE orphans SET key_id = $2, sealed = $3 WHERE id = $1 AND sealed = $4");

/// Tenants whose rotation was done so long ago, and that have an older key yet.
const WITH_OLD_KEYS: Statement = Statement::both(
    "SELECT DISTINCT r.tenant FROM rotations r
     JOIN data_keys d ON d.tenant = r.tenant AND d.id <> r.key_id
     WHERE r.finished_at <= now_ms() - $1",
);
/// Whether anything of the tenant is sealed under a key: a walk over its connections, once for each key
/// that is to go.
const NEEDED: Statement = Statement::both(
    "SELECT 1 FROM connections c JOIN tokens t ON t.id = c.id WHERE c.tenant = $1 AND t.key_id = $2
     UNION ALL
     SELECT 1 FROM connections c JOIN orphans o ON o.id = c.id WHERE c.tenant = $1 AND o.key_id = $2
     UNION ALL SELECT 1 FROM apps WHERE tenant = $1 AND key_id = $2
     UNION ALL SELECT 1 FROM webhooks WHERE tenant = $1 AND key_id = $2
     UNION ALL SELECT 1 FROM connects WHERE tenant = $1 AND key_id = $2 AND expires_at > now_ms()
     LIMIT 1",
);

/// Where a part of the connections ends, and what of them is sealed.
pub(crate) struct Part {
    pub(crate) last: Option<ConnectionId>,
    pub(crate) is_last: bool,
    pub(crate) rows: Vec<SealedRow>,
}

/// The table of rotations.
pub(crate) struct RotationsTable<'a>(pub(crate) &'a Database);

impl RotationsTable<'_> {
    pub(crate) async fn begin(&self, tenant: &Name, key_id: &str) -> Result<(), Away> {
        self.0.execute(BEGIN, vec![tenant.as_str().into(), key_id.into()]).await.map(drop)
    }

    pub(crate) async fn of(&self, tenant: &Name) -> Result<Option<UnderWay>, Problem> {
        let rows = self.0.query(ONE, vec![tenant.as_str().into()]).await?;
        rows.first().map(read).transpose()
    }

    pub(crate) async fn oldest(&self) -> Result<Option<UnderWay>, Problem> {
        let rows = self.0.query(OLDEST, Vec::new()).await?;
        rows.first().map(read).transpose()
    }

    /// The connections of `tenant` behind `after`.
    pub(crate) async fn part(
        &self,
        tenant: &Name,
        after: Option<&ConnectionId>,
        limit: usize,
    ) -> Result<Part, Problem> {
        let (user, provider, account) = after.map_or(("", "", ""), |id| {
            (id.user.as_str(), id.provider.as_str(), id.account.as_str())
        });
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let params =
            vec![tenant.as_str().into(), user.into(), provider.into(), account.into(), most.into()];
        let rows = self.0.query(PART, params).await?;
        let mut part = Part { last: None, is_last: rows.len() < limit, rows: Vec::new() };
        for row in &rows {
            let damaged = || unreadable("a connection");
            let provider = row.text(1)?.parse().map_err(|_| damaged())?;
            let id = ConnectionId::new(tenant.clone(), row.text(0)?, provider, row.text(2)?);
            let id = id.map_err(|_| damaged())?;
            for (place, first) in [(SealedPlace::Token, 3), (SealedPlace::Orphan, 6)] {
                let Some(bytes) = row.maybe_bytes(first + 2)? else { continue };
                part.rows.push(SealedRow {
                    id: id.clone(),
                    place,
                    generation: row.int(first)?.try_into().unwrap_or_default(),
                    key_id: row.text(first + 1)?.to_owned(),
                    bytes: bytes.to_vec(),
                });
            }
            part.last = Some(id);
        }
        Ok(part)
    }

    /// What was read as `row` is now sealed as `bytes`.
    pub(crate) fn reseal(row: &SealedRow, key_id: &str, bytes: Vec<u8>) -> (Statement, Vec<Value>) {
        let statement = match row.place {
            SealedPlace::Token => RESEAL_TOKEN,
            SealedPlace::Orphan => RESEAL_ORPHAN,
        };
        let id = super::connections::row_id(&row.id);
        (statement, vec![id.into(), key_id.into(), bytes.into(), row.bytes.clone().into()])
    }

    /// The rows that were resealed, and how far the rotation has come, in one transaction.
    pub(crate) async fn advance(
        &self,
        of: &UnderWay,
        to: &ConnectionId,
        mut rows: Vec<(Statement, Vec<Value>)>,
    ) -> Result<(), Problem> {
        let cursor = |id: &ConnectionId| serde_json::to_string(id).map_err(|_| unreadable("an id"));
        let from = of.done_to.as_ref().map(cursor).transpose()?.unwrap_or_default();
        let count = i64::try_from(rows.len()).unwrap_or_default();
        let params: Vec<Value> = vec![
            of.tenant.as_str().into(),
            of.key_id.as_str().into(),
            cursor(to)?.into(),
            count.into(),
            from.into(),
        ];
        rows.push((ADVANCE, params));
        self.0.together(rows).await?;
        Ok(())
    }

    pub(crate) async fn finish(&self, of: &UnderWay) -> Result<(), Away> {
        let params = vec![of.tenant.as_str().into(), of.key_id.as_str().into()];
        self.0.execute(FINISH, params).await.map(drop)
    }
}

impl Tables {
    pub(crate) async fn tenants_with_old_keys(&self, ms: i64) -> Result<Vec<Name>, Problem> {
        let rows = self.database.query(WITH_OLD_KEYS, vec![ms.into()]).await?;
        let names =
            rows.iter().map(|row| row.text(0)?.parse().map_err(|_| unreadable("a rotation")));
        names.collect()
    }

    pub(crate) async fn is_sealed_under(&self, tenant: &Name, id: &str) -> Result<bool, Problem> {
        let rows = self.database.query(NEEDED, vec![tenant.as_str().into(), id.into()]).await?;
        Ok(!rows.is_empty())
    }
}

fn read(row: &Row) -> Result<UnderWay, Problem> {
    let damaged = || unreadable("a rotation");
    let done_to = row.maybe_text(3)?.map(|id| serde_json::from_str(id).map_err(|_| damaged()));
    Ok(UnderWay {
        tenant: row.text(0)?.parse().map_err(|_| damaged())?,
        key_id: row.text(1)?.to_owned(),
        started_at: row.time(2)?,
        done_to: done_to.transpose()?,
        resealed: row.int(4)?.try_into().unwrap_or_default(),
        finished_at: row.maybe_time(5)?,
    })
}
