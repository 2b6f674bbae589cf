//! The schedule: what is due is claimed, given back, or put off.

use unlapse_core::{Key, UnixTime};

use super::due::Due;
use super::found::{Raw, SealedCopy};
use super::held::Idle;
use super::node::millis;
use super::record_id::{RecordId, read};
use super::release::{release, release_unknown};
use super::spool::drain_now;
use super::store::{Parts, SqlStore};
use super::timetable::RECOVERY;
use crate::sql::database::Inner;
#[cfg(feature = "sqlite")]
use crate::sql::sqlite::sqlite_file::{execute, rows};
use crate::sql::{Away, Row, Statement, Value};

/// So many at most are claimed at once.
const MOST: usize = 500;

/// So many are said to be used in one statement.
#[cfg(feature = "postgres")]
const TOUCHED: usize = 200;

/// The columns of what is claimed, of which `seen` tells whether the sealed ones are as they are.
macro_rules! columns {
    ($of:literal) => {
        concat!(
            $of,
            ".id, ",
            $of,
            ".server, ",
            $of,
            ".account, ",
            $of,
            ".scope, ",
            $of,
            ".fence, ",
            $of,
            ".generation, ",
            $of,
            ".attempt, ",
            $of,
            ".access_expires_at, ",
            $of,
            ".phase"
        )
    };
}

/// The sealed ones.
macro_rules! sealed {
    () => {
        "tokens.generation, tokens.key_id, tokens.sealed, \
         orphans.generation, orphans.key_id, orphans.sealed"
    };
}

/// Whose lease nobody alive has, and is due.
macro_rules! is_due {
    () => {
        "records.shard = $1 AND records.due_at <= now_ms() AND (records.lease_owner IS NULL \
         OR NOT EXISTS (SELECT 1 FROM nodes WHERE nodes.id = records.lease_owner \
         AND nodes.alive_until > now_ms())) ORDER BY records.due_at LIMIT $2"
    };
}

/// In one statement. A row that another node is claiming is passed over, and one that it has changed
/// since the statement began is not found by its place: it is somewhere else by now. The sealed
/// columns are as they were when the statement began, as all of the row is: they count where nobody
/// had it then. The second limit is for the planner, which knows nothing of the first: with much that
/// is due, it would take it for a tenth of all rows, and read every table from its beginning to its end.
#[cfg(feature = "postgres")]
const AT_SERVER: Statement = Statement::each(
    "",
    concat!(
        "WITH due AS MATERIALIZED (SELECT * FROM (SELECT ctid AS place, due_at, \
         lease_owner IS NULL AS was_free FROM records WHERE ",
        is_due!(),
        " FOR UPDATE SKIP LOCKED) AS first LIMIT 500), \
         claimed AS (UPDATE records AS record SET lease_owner = $3, fence = record.fence + 1, \
         due_at = now_ms() + $4 FROM due WHERE record.ctid = due.place RETURNING ",
        columns!("record"),
        ", due.due_at AS was_due, due.was_free, record.revision) SELECT ",
        columns!("claimed"),
        ", claimed.was_due, claimed.was_free AND tokens.revision = claimed.revision, ",
        sealed!(),
        " FROM claimed LEFT JOIN tokens ON tokens.id = claimed.id \
         LEFT JOIN orphans ON orphans.id = claimed.id"
    ),
);

#[cfg(feature = "sqlite")]
const IN_FILE: Statement = Statement::both(concat!(
    "SELECT ",
    columns!("records"),
    ", records.due_at, records.lease_owner IS NULL, ",
    sealed!(),
    " FROM records LEFT JOIN tokens ON tokens.id = records.id \
     LEFT JOIN orphans ON orphans.id = records.id WHERE ",
    is_due!()
));
#[cfg(feature = "sqlite")]
const CLAIM: Statement = Statement::both(
    "UPDATE records SET lease_owner = $2, fence = fence + 1, due_at = now_ms() + $3 WHERE id = $1",
);

#[cfg(feature = "sqlite")]
const SEEN: Statement = Statement::both("UPDATE records SET seen_at = now_ms() WHERE id = $1");

impl SqlStore {
    /// Up to `limit` keys (and 500) of `shard` that are due and that nobody alive has leased, longest
    /// overdue first, leased to this node. Looks at nothing that is not due.
    pub async fn claim(&self, shard: u16, limit: usize) -> Result<Vec<Due>, Away> {
        let store = self.clone();
        let claiming =
            self.shared.runtime.spawn(async move { store.claim_now(shard, limit).await });
        claiming.await.unwrap_or_else(|_| Err(Away::misread("a call was cut off")))
    }

    async fn claim_now(&self, shard: u16, limit: usize) -> Result<Vec<Due>, Away> {
        let shared = &self.shared;
        if shared.doubtful.take(shard) {
            let Parts { database, node, held, .. } = &**shared;
            if release_unknown(database, *node, held, shard).await.is_err() {
                // With the next claim. What is due does not wait for it.
                shared.doubtful.add(shard);
            }
        }
        let params = [
            Value::from(u32::from(shard)),
            u64::try_from(limit.min(MOST)).unwrap_or(u64::MAX).into(),
            shared.node.as_i64().into(),
            millis(RECOVERY).into(),
        ];
        let claimed = match &*shared.database.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(file) => {
                file.change(move |database| {
                    let [shard, limit, node, recovery] = params;
                    let due = rows(database, IN_FILE, &[shard, limit])?;
                    for row in &due {
                        execute(database, CLAIM, &[row.value(0), node.clone(), recovery.clone()])?;
                    }
                    Ok((due, 1))
                })
                .await
            }
            #[cfg(feature = "postgres")]
            Inner::Postgres(_) => {
                shared.database.query(AT_SERVER, params.to_vec()).await.map(|rows| (rows, 0))
            }
        };
        let dues = claimed.and_then(|(rows, next)| {
            rows.iter().map(|row| self.due(row, next)).collect::<Result<Vec<_>, _>>()
        });
        if dues.is_err() {
            // It may have happened all the same.
            shared.doubtful.add(shard);
        }
        let mut dues = dues?;
        dues.sort_by_key(Due::due_at);
        Ok(dues)
    }

    /// What a row says; its lease is `next` further than it.
    fn due(&self, row: &Row, next: i64) -> Result<Due, Away> {
        let id = RecordId::from_bytes(row.bytes(0)?).ok_or_else(|| Away::misread("an id"))?;
        let key = Key::new(read(row.text(1)?)).account(read(row.text(2)?));
        let due = Due {
            shared: self.shared.clone(),
            id,
            key: key.scope(read(row.text(3)?)),
            fence: row.int(4)? + next,
            generation: row.int(5)?.try_into().unwrap_or_default(),
            attempt: row.int(6)?.try_into().unwrap_or_default(),
            access_expires_at: row.maybe_time(7)?,
            was_sent: row.int(8)? == 1,
            since: row.time(9)?,
        };
        let claim = if row.maybe_int(10)? == Some(1) {
            Raw::Known { kept: SealedCopy::at(row, 11)?, aside: SealedCopy::at(row, 14)? }
        } else {
            Raw::Unknown
        };
        let idle = Idle { fence: Some(due.fence), claim: Some(claim), is_empty: false };
        self.shared.held.rest(id, idle);
        Ok(due)
    }

    /// Has the next claim of each shard look for what this node has leased and nobody in it knows of: a
    /// statement that took a lease may happen so late that whoever made it has long given up. It would
    /// be nobody's for as long as the node lives. What is scheduled is found when it comes due, and what
    /// is not at once. Once a minute is often enough.
    pub fn look_for_lost(&self) {
        self.shared.doubtful.add_all();
    }

    /// Gives claims back, to come due at another time each. One that was taken over already is left
    /// alone.
    pub async fn postpone(&self, dues: Vec<(Due, UnixTime)>) -> Result<(), Away> {
        let releases: Vec<_> = dues.iter().filter_map(|(due, at)| due.unclaim(*at)).collect();
        if releases.is_empty() {
            return Ok(());
        }
        let shared = self.shared.clone();
        let given = self.shared.runtime.spawn(async move {
            let given = release(&shared.database, shared.node, &releases).await;
            if given.is_err() {
                for release in releases {
                    let idle = Idle { fence: release.fence, claim: None, is_empty: false };
                    shared.held.rest(release.id, idle);
                    shared.line.release(release);
                }
            }
            given
        });
        given.await.unwrap_or_else(|_| Err(Away::misread("a call was cut off")))
    }

    /// Gives back the claim of a renewal that came to nothing, to come due at another time, unless
    /// anything was saved since: then the record's own timetable says when.
    pub async fn leave_alone(&self, due: Due, until: UnixTime) -> Result<(), Away> {
        // As it was claimed: every save of a failure, a grant or an intent changes one of these.
        const LATER: Statement = Statement::both(
            "UPDATE records SET due_at = $3 WHERE id = $1 AND fence = $2 AND generation = $4 \
             AND attempt = $5 AND phase = $6 AND due_at IS NOT NULL",
        );
        let params = vec![
            due.id.as_bytes()[..].into(),
            due.fence.into(),
            super::save::number(until.as_millis()).into(),
            due.generation.into(),
            due.attempt.into(),
            due.was_sent.into(),
        ];
        self.postpone(vec![(due, until)]).await?;
        self.shared.database.execute(LATER, params).await.map(drop)
    }

    /// These were used now: their timetable is that of records in use.
    pub async fn touch(&self, seen: Vec<Key>) -> Result<(), Away> {
        let mut ids: Vec<_> = seen.iter().map(RecordId::of).collect();
        // In one order, so that two nodes never wait for each other.
        ids.sort();
        ids.dedup();
        match &*self.shared.database.inner {
            #[cfg(feature = "sqlite")]
            Inner::Sqlite(file) => {
                file.change(move |database| {
                    for id in ids {
                        execute(database, SEEN, &[id.as_bytes()[..].into()])?;
                    }
                    Ok(())
                })
                .await
            }
            #[cfg(feature = "postgres")]
            Inner::Postgres(server) => {
                const SEEN: &str = "UPDATE records SET seen_at = now_ms() WHERE id IN \
                     (SELECT id FROM records WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE)";
                // Not all at once: saves wait for each of them.
                for ids in ids.chunks(TOUCHED) {
                    let ids: Vec<_> = ids.iter().map(|id| &id.as_bytes()[..]).collect();
                    server.connections.execute(SEEN, &[&ids]).await?;
                }
                Ok(())
            }
        }
    }

    /// Gives everything back that nobody holds, and says that this node is gone: before its process
    /// ends. Nothing should be leased after it.
    pub async fn settle(&self) {
        let shared = self.shared.clone();
        let settled = self.shared.runtime.spawn(async move {
            for (id, fence) in shared.held.claims() {
                if let Some(idle) = shared.held.unclaim(id, fence) {
                    let is_empty = idle.is_empty;
                    shared.held.rest(id, Idle { claim: None, ..idle });
                    let fence = Some(fence);
                    // At once, for the others.
                    let due_at = Some(0);
                    let release = super::release::Release { id, fence, is_empty, due_at };
                    shared.line.release(release);
                }
            }
            shared.line.done().await;
            if let Some(spool) = &shared.spool
                && drain_now(spool, &shared.database).await.is_err()
            {
                tracing::warn!("the spool has answers that the database has not: they are kept");
            }
            shared.over.send_replace(true);
            if shared.life.end().await.is_err() {
                tracing::warn!(node = %shared.node, "others have to wait for what this node has leased");
            }
        });
        let _ = settled.await;
    }
}
