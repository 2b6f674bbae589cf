//! A lease is taken: one conditional statement, which brings the record with it.

use core::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;
use unlapse_core::{Holder, Key, StoreError};

use super::found::{Raw, SealedCopy, away};
use super::held::{Idle, Turn};
use super::lease::SqlLease;
use super::node::millis;
use super::record_id::{RecordId, written};
use super::release::Release;
use super::store::Shared;
use super::timetable::RECOVERY;
use crate::sql::{Away, Database, Statement, Value};

/// Between looks at a row that another node has.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// Takes the row when nobody alive has it. The number of a lease only grows, also where the row was
/// gone meanwhile: one that is made anew begins with the time.
///
/// In PostgreSQL, nodes are seen as they were when the statement began, and the row as it is: where
/// somebody has leased it meanwhile, it is not taken, as the new holder's node may not be seen yet.
macro_rules! take {
    () => {
        "INSERT INTO records AS record (id, server, account, scope, shard, state, attempt, \
         lease_owner, fence, generation, revision, phase, seen_at) \
         VALUES ($1, $2, $3, $4, $5, 0, 0, $6, now_ms() * 1024, 0, 0, 0, now_ms()) \
         ON CONFLICT (id) DO UPDATE SET lease_owner = $6, fence = record.fence + 1, \
         due_at = CASE WHEN record.due_at < now_ms() + $7 THEN now_ms() + $7 ELSE record.due_at END \
         WHERE record.lease_owner IS NULL OR record.lease_owner = $6 \
         OR (record.fence = (SELECT seen.fence FROM records AS seen WHERE seen.id = $1) \
         AND NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.id = record.lease_owner \
         AND nodes.alive_until > now_ms())) \
         RETURNING fence, revision"
    };
}

/// The record comes with it where nobody had the row when the statement began: what another has
/// written since would not be seen.
const TAKE: Statement = Statement::each(
    take!(),
    concat!(
        "WITH taken AS (",
        take!(),
        ") SELECT taken.fence, taken.revision, seen.fence, tokens.revision, tokens.generation, \
         tokens.key_id, tokens.sealed, orphans.generation, orphans.key_id, orphans.sealed \
         FROM taken LEFT JOIN records AS seen ON seen.id = $1 AND seen.lease_owner IS NULL \
         LEFT JOIN tokens ON tokens.id = $1 LEFT JOIN orphans ON orphans.id = $1"
    ),
);

const HOLDER: Statement = Statement::both(
    "SELECT nodes.host, nodes.pid FROM records JOIN nodes ON nodes.id = records.lease_owner \
     WHERE records.id = $1 AND nodes.alive_until > now_ms() AND nodes.id <> $2",
);

/// What was taken.
struct Taken {
    fence: i64,
    is_empty: bool,
    found: Raw,
}

/// The lease that rests in this process, for whoever has the row's turn. The turn, where none does.
pub(super) fn resting(shared: &Shared, key: &Key, turn: Turn) -> Result<SqlLease, Turn> {
    match shared.held.take(turn.id()) {
        Some(Idle { fence: Some(fence), claim, is_empty }) => {
            let is_claim = claim.is_some();
            let taken = Taken { fence, is_empty, found: claim.unwrap_or_default() };
            Ok(lease(shared.clone(), key.clone(), turn, taken, is_claim))
        }
        _ => Err(turn),
    }
}

/// Takes the lease on `key` within `wait`, for as long as there is a caller.
pub(super) async fn take(
    shared: Shared,
    key: Key,
    mut turn: Turn,
    wait: Duration,
    mut caller: oneshot::Sender<Result<SqlLease, StoreError>>,
) {
    let (id, deadline) = (turn.id(), Instant::now() + wait);
    tokio::select! {
        biased;
        () = turn.come() => {}
        () = tokio::time::sleep_until(deadline) => {
            let holder = Some(shared.this_process());
            let _ = caller.send(Err(StoreError::Busy { key, holder }));
            return;
        }
        () = caller.closed() => return,
    }
    let turn = match resting(&shared, &key, turn) {
        // A caller that is gone leaves the lease, which gives itself back.
        Ok(lease) => {
            let _ = caller.send(Ok(lease));
            return;
        }
        Err(turn) => turn,
    };
    let mut look = FIRST_LOOK;
    loop {
        match ask(&shared, &key).await {
            Ok(Some(taken)) => {
                let _ = caller.send(Ok(lease(shared, key, turn, taken, false)));
                return;
            }
            Ok(None) => {}
            Err(error) => {
                // It may have been taken all the same.
                shared.held.rest(id, Idle { fence: None, claim: None, is_empty: false });
                // Nobody's, as far as is known: only that is given back without its number.
                drop(turn);
                let release = Release { id, fence: None, is_empty: false, due_at: None };
                shared.line.release(release);
                let _ = caller.send(Err(away(error)));
                return;
            }
        }
        if Instant::now() >= deadline {
            let holder = holder(&shared.database, &shared, id).await.unwrap_or(None);
            let _ = caller.send(Err(StoreError::Busy { key, holder }));
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(deadline.min(Instant::now() + look)) => {}
            () = caller.closed() => return,
        }
        look = (look * 2).min(LAST_LOOK);
    }
}

fn lease(shared: Shared, key: Key, turn: Turn, taken: Taken, is_claim: bool) -> SqlLease {
    let Taken { fence, is_empty, found } = taken;
    SqlLease::new(shared, key, turn, fence, is_claim, is_empty, found)
}

async fn ask(shared: &Shared, key: &Key) -> Result<Option<Taken>, Away> {
    let id = RecordId::of(key);
    let params = vec![
        id.as_bytes()[..].into(),
        written(&key.server).into(),
        written(&key.account).into(),
        written(&key.scope).into(),
        u32::from(id.shard()).into(),
        shared.node.as_i64().into(),
        millis(RECOVERY).into(),
    ];
    let rows = shared.database.query(TAKE.changes(), params).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (fence, revision) = (row.int(0)?, row.int(1)?);
    let found = if row.len() > 2
        && row.maybe_int(2)? == Some(fence - 1)
        && row.maybe_int(3)?.unwrap_or_default() == revision
    {
        Raw::Known { kept: SealedCopy::at(row, 4)?, aside: SealedCopy::at(row, 7)? }
    } else {
        Raw::Unknown
    };
    Ok(Some(Taken { fence, is_empty: revision == 0, found }))
}

/// Who has the row: another node that is alive.
pub(super) async fn holder(
    database: &Database,
    shared: &Shared,
    id: RecordId,
) -> Result<Option<Holder>, Away> {
    let params = vec![id.as_bytes()[..].into(), Value::Int(shared.node.as_i64())];
    let rows = database.query(HOLDER, params).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let pid = row.int(1)?.try_into().unwrap_or_default();
    Ok(Some(Holder { pid, host: row.text(0)?.to_owned() }))
}
