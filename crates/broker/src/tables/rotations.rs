//! Rotations of data keys under way, and what is sealed under which.

use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::{Away, Database, Row, Sealed, Statement, Value};

use super::{Tables, unreadable};
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::problem::Problem;
use crate::seal::Purpose;

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

/// The secret of an app or a webhook, under an older key.
pub(crate) struct SealedSecret {
    pub(crate) purpose: Purpose,
    pub(crate) name: String,
    pub(crate) sealed: Sealed,
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
const UNDER_WAY: Statement = Statement::both(
    "SELECT tenant, key_id, started_at, done_to, resealed, finished_at FROM rotations
     WHERE finished_at IS NULL ORDER BY started_at",
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

/// The secrets of apps and webhooks that are sealed under another key than the new one.
const SECRETS: Statement = Statement::both(
    "SELECT 'app', name, key_id, client_secret FROM apps
     WHERE tenant = $1 AND key_id <> $2 AND client_secret IS NOT NULL
     UNION ALL
     SELECT 'webhook', name, key_id, secret FROM webhooks WHERE tenant = $1 AND key_id <> $2",
);
/// As with records: what was changed or removed meanwhile stays so.
const RESEAL_APP: Statement = Statement::both(
    "UPDATE apps SET key_id = $3, client_secret = $4
     WHERE tenant = $1 AND name = $2 AND client_secret = $5",
);
const RESEAL_WEBHOOK: Statement = Statement::both(
    "UPDATE webhooks SET key_id = $3, secret = $4 WHERE tenant = $1 AND name = $2 AND secret = $5",
);

/// Tenants whose rotation was done so long ago, and that have an older key yet.
const WITH_OLD_KEYS: Statement = Statement::both(
    "SELECT DISTINCT r.tenant FROM rotations r
     JOIN data_keys d ON d.tenant = r.tenant AND d.id <> r.key_id
     WHERE r.finished_at <= now_ms() - $1",
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

    /// Those that are not done, the oldest first. One that cannot be read hinders no other.
    pub(crate) async fn under_way(&self) -> Result<Vec<UnderWay>, Away> {
        let rows = self.0.query(UNDER_WAY, Vec::new()).await?;
        Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
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

    /// What apps and webhooks have that is sealed under an older key.
    pub(crate) async fn secrets(&self, of: &UnderWay) -> Result<Vec<SealedSecret>, Problem> {
        let params = vec![of.tenant.as_str().into(), of.key_id.as_str().into()];
        let rows = self.0.query(SECRETS, params).await?;
        let secrets = rows.iter().map(|row| {
            let is_app = row.text(0)? == "app";
            Ok(SealedSecret {
                purpose: if is_app { Purpose::App } else { Purpose::Webhook },
                name: row.text(1)?.to_owned(),
                sealed: Sealed { key_id: row.text(2)?.to_owned(), bytes: row.bytes(3)?.to_vec() },
            })
        });
        secrets.collect()
    }

    /// `sealed` in the place of what was read as `secret`, if that is still there.
    pub(crate) async fn put_secret(
        &self,
        of: &UnderWay,
        secret: &SealedSecret,
        sealed: Sealed,
    ) -> Result<(), Away> {
        let statement = match secret.purpose {
            Purpose::App => RESEAL_APP,
            _ => RESEAL_WEBHOOK,
        };
        let params = vec![
            of.tenant.as_str().into(),
            secret.name.as_str().into(),
            sealed.key_id.into(),
            sealed.bytes.into(),
            secret.sealed.bytes.clone().into(),
        ];
        self.0.execute(statement, params).await.map(drop)
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
