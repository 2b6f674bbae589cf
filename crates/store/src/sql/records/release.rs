//! Leases that are given back.

use super::node::{NodeId, millis};
use super::record_id::RecordId;
use super::save::number;
use super::timetable::RECOVERY;
use crate::sql::database::Inner;
#[cfg(feature = "postgres")]
use crate::sql::postgres::Params;
#[cfg(feature = "sqlite")]
use crate::sql::sqlite::sqlite_file::execute;
use crate::sql::{Away, Database, Statement, Value};

/// A lease to be given back.
#[derive(Clone, Copy)]
pub(super) struct Release {
    pub(super) id: RecordId,
    /// Its number; `None` for whichever this node has, when that was not told.
    pub(super) fence: Option<i64>,
    /// There is no record: the row goes with it.
    pub(super) is_empty: bool,
    /// When the record is to be looked at next; `None` leaves that as it is.
    pub(super) due_at: Option<i64>,
}

/// Gives all of them back.
pub(super) async fn release(
    database: &Database,
    node: NodeId,
    releases: &[Release],
) -> Result<(), Away> {
    match &*database.inner {
        #[cfg(feature = "sqlite")]
        Inner::Sqlite(file) => {
            const BACK: Statement = Statement::both(
                "UPDATE records SET lease_owner = NULL, \
                 due_at = CASE WHEN state = 0 THEN coalesce($4, due_at) END \
                 WHERE id = $1 AND fence = coalesce($2, fence) AND lease_owner = $3",
            );
            const GONE: Statement = Statement::both(
                "DELETE FROM records WHERE id = $1 AND fence = $2 \
                 AND NOT EXISTS (SELECT 1 FROM tokens WHERE tokens.id = records.id) \
                 AND NOT EXISTS (SELECT 1 FROM orphans WHERE orphans.id = records.id)",
            );
            let releases = releases.to_vec();
            file.change(move |database| {
                for release in releases {
                    let id = || Value::from(&release.id.as_bytes()[..]);
                    if release.is_empty
                        && execute(database, GONE, &[id(), release.fence.into()])? == 1
                    {
                        continue;
                    }
                    let owner = node.as_i64().into();
                    let back = [id(), release.fence.into(), owner, release.due_at.into()];
                    execute(database, BACK, &back)?;
                }
                Ok(())
            })
            .await
        }
        #[cfg(feature = "postgres")]
        Inner::Postgres(server) => {
            const BACK: &str = "UPDATE records SET lease_owner = NULL, \
                 due_at = CASE WHEN state = 0 THEN coalesce(given.due_at, records.due_at) END \
                 FROM unnest($2::bytea[], $3::bigint[], $4::bigint[]) AS given (id, fence, due_at) \
                 WHERE records.id = given.id AND records.fence = coalesce(given.fence, records.fence) \
                 AND records.lease_owner = $1";
            const GONE: &str = "DELETE FROM records \
                 USING unnest($1::bytea[], $2::bigint[]) AS given (id, fence) \
                 WHERE records.id = given.id AND records.fence = given.fence \
                 AND NOT EXISTS (SELECT 1 FROM tokens WHERE tokens.id = records.id) \
                 AND NOT EXISTS (SELECT 1 FROM orphans WHERE orphans.id = records.id)";
            fn ids<'a>(releases: &'a [&Release]) -> Vec<&'a [u8]> {
                releases.iter().map(|release| &release.id.as_bytes()[..]).collect()
            }
            let empty: Vec<_> = releases.iter().filter(|release| release.is_empty).collect();
            if !empty.is_empty() {
                let fences: Vec<_> = empty.iter().map(|release| release.fence).collect();
                server.connections.execute(GONE, &[&ids(&empty), &fences]).await?;
            }
            let all: Vec<_> = releases.iter().collect();
            let fences: Vec<_> = all.iter().map(|release| release.fence).collect();
            let due: Vec<_> = all.iter().map(|release| release.due_at).collect();
            let params: Params<'_> = &[&node.as_i64(), &ids(&all), &fences, &due];
            server.connections.execute(BACK, params).await.map(drop)
        }
    }
}

/// Gives back what this node has claimed of `shard` a moment ago, but for `held`: the answer to a
/// claim was lost.
pub(super) async fn release_unknown(
    database: &Database,
    node: NodeId,
    shard: u16,
    held: Vec<RecordId>,
) -> Result<(), Away> {
    const CLAIMED: Statement = Statement::both(
        "SELECT id FROM records WHERE shard = $1 AND due_at <= now_ms() + $2 AND lease_owner = $3",
    );
    let params = vec![u32::from(shard).into(), millis(RECOVERY).into(), Value::Int(node.as_i64())];
    let rows = database.query(CLAIMED, params).await?;
    let mut lost = Vec::new();
    for row in rows {
        let id = RecordId::from_bytes(row.bytes(0)?).ok_or_else(|| Away::misread("an id"))?;
        if !held.contains(&id) {
            lost.push(Release { id, fence: None, is_empty: false, due_at: Some(number(0)) });
        }
    }
    if lost.is_empty() { Ok(()) } else { release(database, node, &lost).await }
}
