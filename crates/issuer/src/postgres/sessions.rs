//! Sessions in PostgreSQL.

use std::sync::LazyLock;

use tokio_postgres::Row;
use unlapse_core::{BoxFuture, UnixTime};
use unlapse_store::sql::postgres::Params;

use super::rows::{Misread, all, id, one, session};
use super::{PostgresStore, server_clock};
use crate::session::{RevokedBecause, Session, SessionId};
use crate::sessions::{Advance, Advanced, MOST_SESSIONS, Sessions};
use crate::sql::{self, ASKED, BadRow, CHANGES, COLUMNS, SessionRow};
use crate::store::Unavailable;

/// By the server's clock: all its times are moved by as much as the node's clock, which was at
/// `rotated_at` when the session began, is behind.
static CREATE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "INSERT INTO unlapse.sessions ({COLUMNS}) \
         SELECT $1::bytea, $2::text, $3::text, $4::text, $5::bytea, $6::text, \
         $7::bigint + behind, $8::bigint + behind, $9::bigint, $10::text, $11::bigint + behind, \
         $12::bigint, $13::bigint + behind, $14::bigint + behind, $15::bigint, $16::text, \
         $17::bytea FROM (SELECT coalesce($18::bigint, {}) - $11::bigint AS behind) AS moment",
        server_clock!()
    )
});
static LOAD: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {COLUMNS} FROM unlapse.sessions WHERE id = $1"));
static OF_SUBJECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {COLUMNS} FROM unlapse.sessions, \
         (SELECT coalesce($2::bigint, {}) AS now) AS moment \
         WHERE subject = $1 AND revoked_at IS NULL AND ends_at > now AND idle_ends_at > now \
         ORDER BY opened_at DESC, id LIMIT {MOST_SESSIONS}",
        server_clock!()
    )
});

/// The whole of a refresh, in one statement.
///
/// `waited` waits for the row, and is the row as it is when nobody else holds it any more: under
/// `read committed` it is read again then. Only after that `held` asks what time it is: a call is
/// judged by when its turn comes, not by when it began to wait. Neither can be merged into what
/// follows (`MATERIALIZED`), so that there is one decision, at one time. `changed` writes it; what
/// is refused is not written.
static ADVANCE: LazyLock<String> = LazyLock::new(|| {
    const TYPES: [&str; 7] = ["bigint", "text", "bytea", "text", "bigint", "bigint", "bigint"];
    let asked: Vec<_> = (ASKED.iter().zip(TYPES).zip(2..))
        .map(|((name, r#type), nth)| format!("${nth}::{type} AS {name}"))
        .collect();
    let held = format!(
        "waited AS MATERIALIZED (
            SELECT * FROM unlapse.sessions WHERE id = $1 FOR NO KEY UPDATE),
        held AS MATERIALIZED (
            SELECT waited.*, coalesce($9::bigint, {}) AS now FROM waited)",
        server_clock!()
    );
    format!(
        "{}, changed AS (
            UPDATE unlapse.sessions AS session SET seen_at = decided.seen_at,
                generation = decided.generation, kid = decided.kid,
                rotated_at = decided.rotated_at, replays = decided.replays,
                idle_ends_at = decided.idle_ends_at, revoked_at = decided.revoked_at,
                revoked_because = decided.revoked_because
            FROM decided WHERE session.id = decided.id
            AND decided.succession IN ('rotate', 'replay', 'revoke_reuse') RETURNING session.id)
        SELECT {COLUMNS}, succession, (SELECT count(*) FROM changed) FROM decided",
        sql::advance(&format!("SELECT {}", asked.join(", ")), &held)
    )
});

const REVOKE: &str = concat!(
    "UPDATE unlapse.sessions SET revoked_at = coalesce($2::bigint, ",
    server_clock!(),
    "), revoked_because = $3 WHERE id = $1 AND revoked_at IS NULL"
);
/// In the order of the ids, so that two of these do not wait for each other. `moment` comes when all
/// are held (it counts them): nodes ask for what was revoked since a little before they last asked,
/// and would never hear of what is written long after its time.
const REVOKE_SUBJECT: &str = concat!(
    "WITH asked AS MATERIALIZED (SELECT coalesce($2::bigint, ",
    server_clock!(),
    ") AS at), live AS MATERIALIZED (
        SELECT id FROM unlapse.sessions CROSS JOIN asked
        WHERE subject = $1 AND revoked_at IS NULL AND ends_at > at AND idle_ends_at > at
        AND id IS DISTINCT FROM $4::bytea ORDER BY id FOR NO KEY UPDATE OF sessions),
    moment AS MATERIALIZED (SELECT held, coalesce($2::bigint, ",
    server_clock!(),
    ") AS now FROM (SELECT count(*) AS held FROM live) AS counted)
    UPDATE unlapse.sessions AS session SET revoked_at = moment.now, revoked_because = $3
    FROM live, moment WHERE session.id = live.id RETURNING session.id"
);

impl Sessions for PostgresStore {
    fn create<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async move {
            let row = SessionRow::from(session);
            let params: Params<'_> = &[
                &row.id,
                &row.subject,
                &row.client,
                &row.scopes,
                &row.jkt,
                &row.label,
                &row.opened_at,
                &row.seen_at,
                &row.generation,
                &row.kid,
                &row.rotated_at,
                &row.replays,
                &row.idle_ends_at,
                &row.ends_at,
                &row.revoked_at,
                &row.revoked_because,
                &row.salt,
                &self.now(session.rotated_at),
            ];
            self.connections.execute(&CREATE, params).await?;
            Ok(())
        })
    }

    fn advance<'a>(
        &'a self,
        advance: Advance<'a>,
    ) -> BoxFuture<'a, Result<Option<Advanced>, Unavailable>> {
        Box::pin(async move {
            let Advance { session: id, presented, kid, now, policy } = advance;
            let params: Params<'_> = &[
                &&id.as_bytes()[..],
                &sql::number(presented.generation),
                &presented.client,
                &presented.jkt.as_ref().map(|jkt| &jkt.as_bytes()[..]),
                &kid.as_str(),
                &sql::duration(policy.grace),
                &i64::from(policy.replay_cap),
                &sql::duration(policy.idle_lifetime),
                &self.now(now),
            ];
            one(&self.connections.query(&ADVANCE, params).await?, advanced)
        })
    }

    fn revoke(
        &self,
        id: SessionId,
        because: RevokedBecause,
        now: UnixTime,
    ) -> BoxFuture<'_, Result<bool, Unavailable>> {
        Box::pin(async move {
            let params: Params<'_> = &[&&id.as_bytes()[..], &self.now(now), &because.as_str()];
            Ok(self.connections.execute(REVOKE, params).await? == 1)
        })
    }

    fn load(&self, id: SessionId) -> BoxFuture<'_, Result<Option<Session>, Unavailable>> {
        Box::pin(async move {
            one(&self.connections.query(&LOAD, &[&&id.as_bytes()[..]]).await?, session)
        })
    }

    fn of_subject<'a>(
        &'a self,
        subject: &'a str,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<Session>, Unavailable>> {
        Box::pin(async move {
            all(&self.connections.query(&OF_SUBJECT, &[&subject, &self.now(now)]).await?, session)
        })
    }

    fn revoke_subject<'a>(
        &'a self,
        subject: &'a str,
        keep: Option<SessionId>,
        because: RevokedBecause,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<Vec<SessionId>, Unavailable>> {
        Box::pin(async move {
            let keep = keep.as_ref().map(|keep| &keep.as_bytes()[..]);
            let params: Params<'_> = &[&subject, &self.now(now), &because.as_str(), &keep];
            all(&self.connections.query(REVOKE_SUBJECT, params).await?, id)
        })
    }
}

fn advanced(row: &Row) -> Result<Advanced, Misread> {
    let name: &str = row.try_get(17)?;
    let succession = sql::succession(name).ok_or(BadRow)?;
    // What was decided and is not written has not happened.
    if row.try_get::<_, i64>(18)? != i64::from(CHANGES.contains(&name)) {
        return Err(BadRow.into());
    }
    Ok(Advanced { succession, session: session(row)? })
}
