//! Saves: the token's row and the schedule's, under the fence.

use tokio::sync::oneshot;
use unlapse_core::{Record, State, UnixTime};

use super::node::NodeId;
use super::node::millis;
use super::record_id::RecordId;
use super::seal::Sealed;
use super::timetable::{Next, RECOVERY, Schedule, UNUSED};
use crate::sql::database::Inner;
#[cfg(feature = "postgres")]
use crate::sql::postgres::{Params, Server};
#[cfg(feature = "sqlite")]
use crate::sql::sqlite::{SqliteFile, sqlite_file::execute};
use crate::sql::{Away, Database};
#[cfg(feature = "sqlite")]
use crate::sql::{Statement, Value};

/// A record on its way to its row.
pub(super) struct Save {
    pub(super) id: RecordId,
    pub(super) fence: i64,
    /// The lease is given back with it.
    pub(super) releases: bool,
    generation: i64,
    revision: i64,
    state: i64,
    schedule: Schedule,
    access_expires_at: Option<i64>,
    refresh_ends_at: Option<i64>,
    attempt: i64,
    phase: i64,
    sent_at: Option<i64>,
    code: Option<&'static str>,
    sealed: Sealed,
}

/// Who is told: whether it was saved, or the lease was lost.
pub(super) type Answer = oneshot::Sender<Result<bool, Away>>;

impl Save {
    pub(super) fn new(
        id: RecordId,
        fence: i64,
        record: &Record,
        next: Next,
        sealed: Sealed,
        releases: bool,
    ) -> Self {
        let token = record.token.as_ref();
        let idle_end = token.and_then(|token| Some(token.obtained.wall.plus(token.refresh_idle?)));
        let end = token.and_then(|token| token.refresh_ends_at);
        let refresh_ends_at = idle_end.into_iter().chain(end).min();
        Self {
            id,
            fence,
            releases,
            generation: number(record.generation),
            revision: number(record.revision),
            state: matches!(record.state, State::NeedsLogin(_)).into(),
            schedule: Schedule::of(record, next),
            access_expires_at: token.and_then(unlapse_core::Token::expires_at).map(time),
            refresh_ends_at: refresh_ends_at.map(time),
            attempt: record.failure.map_or(0, |failure| failure.count).into(),
            phase: record.intent.is_some().into(),
            sent_at: record.intent.map(|intent| time(intent.since.wall)),
            code: next.code,
            sealed,
        }
    }

    fn due(&self) -> Option<i64> {
        match self.schedule {
            Schedule::At { due, .. } => due.map(time),
            Schedule::Off | Schedule::Recovery => None,
        }
    }

    fn unused(&self) -> Option<i64> {
        match self.schedule {
            Schedule::At { unused, .. } => unused.map(time),
            Schedule::Off | Schedule::Recovery => None,
        }
    }

    /// So far ahead of now it is due, whatever the timetable says.
    fn recovery(&self) -> Option<i64> {
        (self.schedule == Schedule::Recovery).then(|| number(millis(RECOVERY)))
    }
}

pub(super) fn number(count: u64) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

fn time(at: UnixTime) -> i64 {
    number(at.as_millis())
}

/// Saves all of them, of which each has another id: which of them had their lease still.
///
/// One that needs a person from now on is marked as untold: whoever tells of it takes the mark away, and
/// where that is lost with its process the mark is still there.
///
/// An intent is refused as if the lease was lost where an answer was set aside since the record was
/// read: it is to be adopted before anything is spent (R19).
pub(super) async fn save(
    database: &Database,
    node: NodeId,
    saves: Vec<Save>,
) -> Result<Vec<RecordId>, Away> {
    match &*database.inner {
        #[cfg(feature = "sqlite")]
        Inner::Sqlite(file) => in_file(file, node, saves).await,
        #[cfg(feature = "postgres")]
        Inner::Postgres(server) => at_server(server, node, &saves).await,
    }
}

#[cfg(feature = "sqlite")]
async fn in_file(file: &SqliteFile, node: NodeId, saves: Vec<Save>) -> Result<Vec<RecordId>, Away> {
    const RECORD: Statement = Statement::both(
        "UPDATE records SET lease_owner = $3, generation = $4, revision = $5, state = $6, \
         due_at = coalesce(now_ms() + $7, CASE WHEN seen_at < now_ms() - $8 THEN $9 ELSE $10 END), \
         access_expires_at = $11, refresh_ends_at = $12, attempt = $13, phase = $14, \
         sent_at = $15, code = $16, \
         untold = CASE WHEN $6 = 0 THEN NULL WHEN state = 0 THEN 1 ELSE untold END \
         WHERE id = $1 AND fence = $2 \
         AND NOT ($14 = 1 AND EXISTS (SELECT 1 FROM orphans \
         WHERE orphans.id = $1 AND orphans.generation > $4))",
    );
    const TOKEN: Statement = Statement::both(
        "INSERT INTO tokens (id, generation, revision, key_id, sealed) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (id) DO UPDATE SET generation = $2, revision = $3, key_id = $4, sealed = $5",
    );
    const SUPERSEDED: Statement =
        Statement::both("DELETE FROM orphans WHERE id = $1 AND (generation, revision) <= ($2, $3)");
    file.change(move |database| {
        let mut saved = Vec::with_capacity(saves.len());
        for save in saves {
            let id = || Value::from(&save.id.as_bytes()[..]);
            let owner = (!save.releases).then_some(node.as_i64());
            let record = [
                id(),
                save.fence.into(),
                owner.into(),
                save.generation.into(),
                save.revision.into(),
                save.state.into(),
                save.recovery().into(),
                millis(UNUSED).into(),
                save.unused().into(),
                save.due().into(),
                save.access_expires_at.into(),
                save.refresh_ends_at.into(),
                save.attempt.into(),
                save.phase.into(),
                save.sent_at.into(),
                save.code.into(),
            ];
            if execute(database, RECORD, &record)? == 0 {
                continue;
            }
            let (generation, revision) = (save.generation.into(), save.revision.into());
            let orphan = [id(), save.generation.into(), save.revision.into()];
            let token =
                [id(), generation, revision, save.sealed.key_id.into(), save.sealed.bytes.into()];
            execute(database, TOKEN, &token)?;
            execute(database, SUPERSEDED, &orphan)?;
            saved.push(save.id);
        }
        Ok(saved)
    })
    .await
}

/// All of them in one statement. Nearly all rows are there already: to change one costs less than to
/// find out that it cannot be added.
#[cfg(feature = "postgres")]
const AT_SERVER: &str = "WITH asked AS MATERIALIZED (
        SELECT * FROM unnest($3::bytea[], $4::bigint[], $5::bool[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
            $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[],
            $18::text[], $19::bytea[])
        AS asked (id, fence, releases, generation, revision, state, recovery, unused, due,
            access_expires_at, refresh_ends_at, attempt, phase, sent_at, code, key_id, sealed)),
    saved AS (
        UPDATE records SET lease_owner = CASE WHEN asked.releases THEN NULL ELSE $1::bigint END,
            generation = asked.generation, revision = asked.revision, state = asked.state,
            due_at = coalesce(now_ms() + asked.recovery,
                CASE WHEN seen_at < now_ms() - $2::bigint THEN asked.unused ELSE asked.due END),
            access_expires_at = asked.access_expires_at,
            refresh_ends_at = asked.refresh_ends_at, attempt = asked.attempt,
            phase = asked.phase, sent_at = asked.sent_at, code = asked.code,
            untold = CASE WHEN asked.state = 0 THEN NULL WHEN records.state = 0 THEN 1
                ELSE records.untold END
        FROM asked WHERE records.id = asked.id AND records.fence = asked.fence
            AND NOT (asked.phase = 1 AND EXISTS (SELECT 1 FROM orphans
                WHERE orphans.id = asked.id AND orphans.generation > asked.generation))
        RETURNING asked.id, asked.generation, asked.revision, asked.key_id, asked.sealed),
    rewritten AS (
        UPDATE tokens SET generation = saved.generation, revision = saved.revision,
            key_id = saved.key_id, sealed = saved.sealed
        FROM saved WHERE tokens.id = saved.id RETURNING tokens.id),
    kept AS (
        INSERT INTO tokens (id, generation, revision, key_id, sealed)
        SELECT * FROM saved WHERE id NOT IN (SELECT id FROM rewritten)
        ON CONFLICT (id) DO UPDATE SET generation = excluded.generation,
            revision = excluded.revision, key_id = excluded.key_id, sealed = excluded.sealed),
    superseded AS (
        DELETE FROM orphans USING saved WHERE orphans.id = saved.id
        AND (orphans.generation, orphans.revision) <= (saved.generation, saved.revision))
    SELECT id FROM saved";

#[cfg(feature = "postgres")]
async fn at_server(server: &Server, node: NodeId, saves: &[Save]) -> Result<Vec<RecordId>, Away> {
    fn all<'a, T>(saves: &'a [Save], one: impl Fn(&'a Save) -> T) -> Vec<T> {
        saves.iter().map(one).collect()
    }
    let params: Params<'_> = &[
        &node.as_i64(),
        &number(millis(UNUSED)),
        &all(saves, |save| &save.id.as_bytes()[..]),
        &all(saves, |save| save.fence),
        &all(saves, |save| save.releases),
        &all(saves, |save| save.generation),
        &all(saves, |save| save.revision),
        &all(saves, |save| save.state),
        &all(saves, Save::recovery),
        &all(saves, Save::unused),
        &all(saves, Save::due),
        &all(saves, |save| save.access_expires_at),
        &all(saves, |save| save.refresh_ends_at),
        &all(saves, |save| save.attempt),
        &all(saves, |save| save.phase),
        &all(saves, |save| save.sent_at),
        &all(saves, |save| save.code),
        &all(saves, |save| &*save.sealed.key_id),
        &all(saves, |save| &save.sealed.bytes[..]),
    ];
    let rows = server.connections.query(AT_SERVER, params).await?;
    let id = |row: &tokio_postgres::Row| {
        let id = row.try_get(0).ok().and_then(RecordId::from_bytes);
        id.ok_or_else(|| Away::misread("an id"))
    };
    rows.iter().map(id).collect()
}
