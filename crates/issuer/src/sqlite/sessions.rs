//! Sessions in SQLite.

use std::sync::LazyLock;

use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};
use unlapse_core::{BoxFuture, UnixTime};
use unlapse_store::sql::sqlite::Turn;

use super::SqliteStore;
use crate::session::{RevokedBecause, Session, SessionId};
use crate::sessions::{Advance, Advanced, MOST_SESSIONS, Sessions};
use crate::sql::{self, ASKED, COLUMNS, SessionRow};
use crate::store::Unavailable;
use crate::succession::Succession;

static CREATE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO sessions ({COLUMNS}) VALUES \
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
    )
});
static LOAD: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1"));
static OF_SUBJECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {COLUMNS} FROM sessions WHERE subject = ?1 AND revoked_at IS NULL \
         AND ends_at > ?2 AND idle_ends_at > ?2 ORDER BY opened_at DESC, id LIMIT {MOST_SESSIONS}"
    )
});

/// The query of the decision. Nobody else writes during a transaction that writes.
static DECIDED: LazyLock<String> = LazyLock::new(|| {
    let asked: Vec<_> =
        ASKED.iter().zip(2..).map(|(name, nth)| format!("?{nth} AS {name}")).collect();
    sql::advance(
        &format!("SELECT {}", asked.join(", ")),
        "held AS (SELECT *, ?9 AS now FROM sessions WHERE id = ?1)",
    )
});
static ADVANCE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} UPDATE sessions SET seen_at = decided.seen_at, generation = decided.generation, \
         kid = decided.kid, rotated_at = decided.rotated_at, replays = decided.replays, \
         idle_ends_at = decided.idle_ends_at, revoked_at = decided.revoked_at, \
         revoked_because = decided.revoked_because FROM decided WHERE sessions.id = decided.id \
         AND decided.succession IN ('rotate', 'replay', 'revoke_reuse') RETURNING {COLUMNS}",
        *DECIDED
    )
});
/// What is refused changes nothing, not even on the disk, nor does a replay beyond the cap: the same
/// query tells which.
static UNCHANGED: LazyLock<String> =
    LazyLock::new(|| format!("{} SELECT {COLUMNS}, succession FROM decided", *DECIDED));

const REVOKE: &str = "UPDATE sessions SET revoked_at = ?2, revoked_because = ?3 \
     WHERE id = ?1 AND revoked_at IS NULL";
const REVOKE_SUBJECT: &str = "UPDATE sessions SET revoked_at = ?2, revoked_because = ?3 \
     WHERE subject = ?1 AND revoked_at IS NULL AND ends_at > ?2 AND idle_ends_at > ?2 \
     AND id IS NOT ?4 RETURNING id";

/// What an [`Advance`] says, for as long as it waits for its turn.
struct Asked {
    session: SessionId,
    generation: i64,
    client: String,
    jkt: Option<[u8; 32]>,
    kid: String,
    grace: i64,
    replay_cap: u32,
    idle_lifetime: i64,
    now: i64,
}

impl From<Advance<'_>> for Asked {
    fn from(advance: Advance<'_>) -> Self {
        let Advance { session, presented, kid, now, policy } = advance;
        Self {
            session,
            generation: sql::number(presented.generation),
            client: presented.client.to_owned(),
            jkt: presented.jkt.map(|jkt| *jkt.as_bytes()),
            kid: kid.as_str().to_owned(),
            grace: sql::duration(policy.grace),
            replay_cap: policy.replay_cap,
            idle_lifetime: sql::duration(policy.idle_lifetime),
            now: sql::millis(now),
        }
    }
}

fn advance(turn: &Turn<'_>, asked: &Asked) -> rusqlite::Result<Option<Advanced>> {
    let params = params![
        asked.session.as_bytes(),
        asked.generation,
        asked.client,
        asked.jkt,
        asked.kid,
        asked.grace,
        asked.replay_cap,
        asked.idle_lifetime,
        asked.now,
    ];
    let mut statement = turn.database.prepare_cached(&ADVANCE)?;
    if let Some(session) = statement.query_row(params, session).optional()? {
        // Only what was not revoked before is changed, so that the row tells what has happened.
        let succession = match session.replays {
            _ if session.revoked.is_some() => Succession::RevokeReuse,
            0 => Succession::Rotate,
            _ => Succession::Replay,
        };
        if succession == Succession::RevokeReuse {
            turn.tell();
        }
        return Ok(Some(Advanced { succession, session }));
    }
    let mut statement = turn.database.prepare_cached(&UNCHANGED)?;
    let unchanged = |row: &Row<'_>| {
        let name: String = row.get(17)?;
        let succession = sql::succession(&name).ok_or_else(bad_row)?;
        Ok(Advanced { succession, session: session(row)? })
    };
    statement.query_row(params, unchanged).optional()
}

impl Sessions for SqliteStore {
    fn create<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), Unavailable>> {
        let row = SessionRow::from(session);
        self.worker.change(move |turn| {
            turn.database.prepare_cached(&CREATE)?.execute(params![
                row.id,
                row.subject,
                row.client,
                row.scopes,
                row.jkt,
                row.label,
                row.opened_at,
                row.seen_at,
                row.generation,
                row.kid,
                row.rotated_at,
                row.replays,
                row.idle_ends_at,
                row.ends_at,
                row.revoked_at,
                row.revoked_because,
                row.salt,
            ])?;
            Ok(())
        })
    }

    fn advance<'a>(
        &'a self,
        asked: Advance<'a>,
    ) -> BoxFuture<'a, Result<Option<Advanced>, Unavailable>> {
        let asked = Asked::from(asked);
        self.worker.change(move |turn| advance(turn, &asked))
    }

    fn revoke(
        &self,
        session: SessionId,
        because: RevokedBecause,
        now: UnixTime,
    ) -> BoxFuture<'_, Result<bool, Unavailable>> {
        self.worker.change(move |turn| {
            let params = params![session.as_bytes(), sql::millis(now), because.as_str()];
            let ended = turn.database.prepare_cached(REVOKE)?.execute(params)? == 1;
            if ended {
                turn.tell();
            }
            Ok(ended)
        })
    }

    fn load(&self, id: SessionId) -> BoxFuture<'_, Result<Option<Session>, Unavailable>> {
        self.worker.read(move |turn| {
            let mut statement = turn.database.prepare_cached(&LOAD)?;
            statement.query_row([id.as_bytes()], session).optional()
        })
    }

    fn of_subject<'a>(
        &'a self,
        subject: &'a str,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<Session>, Unavailable>> {
        let subject = subject.to_owned();
        self.worker.read(move |turn| {
            let mut statement = turn.database.prepare_cached(&OF_SUBJECT)?;
            statement.query_map(params![subject, sql::millis(now)], session)?.collect()
        })
    }

    fn revoke_subject<'a>(
        &'a self,
        subject: &'a str,
        keep: Option<SessionId>,
        because: RevokedBecause,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<SessionId>, Unavailable>> {
        let subject = subject.to_owned();
        self.worker.change(move |turn| {
            let keep = keep.map(|keep| *keep.as_bytes());
            let params = params![subject, sql::millis(now), because.as_str(), keep];
            let mut statement = turn.database.prepare_cached(REVOKE_SUBJECT)?;
            let id = |row: &Row<'_>| row.get(0).map(SessionId::from_bytes);
            let ended: Vec<_> = statement.query_map(params, id)?.collect::<Result<_, _>>()?;
            if !ended.is_empty() {
                turn.tell();
            }
            Ok(ended)
        })
    }
}

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let row = SessionRow {
        id: row.get(0)?,
        subject: row.get(1)?,
        client: row.get(2)?,
        scopes: row.get(3)?,
        jkt: row.get(4)?,
        label: row.get(5)?,
        opened_at: row.get(6)?,
        seen_at: row.get(7)?,
        generation: row.get(8)?,
        kid: row.get(9)?,
        rotated_at: row.get(10)?,
        replays: row.get(11)?,
        idle_ends_at: row.get(12)?,
        ends_at: row.get(13)?,
        revoked_at: row.get(14)?,
        revoked_because: row.get(15)?,
        salt: row.get(16)?,
    };
    Session::try_from(row).map_err(|_| bad_row())
}

fn bad_row() -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, Box::new(sql::BadRow))
}
