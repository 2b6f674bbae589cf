//! What ended long ago is forgotten.

use tokio_postgres::Row;
use unlapse_core::{BoxFuture, UnixTime};
use unlapse_store::sql::postgres::Params;

use super::rows::{Misread, one};
use super::{PostgresStore, server_clock};
use crate::sql::{self, sweep};
use crate::store::{Store, Unavailable};

/// What time it is, less a duration: by the server's clock, as that of one node would delete what is
/// live on all. Asked once a statement, so that an index can be searched with it.
macro_rules! before {
    ($now:literal, $less:literal) => {
        concat!(
            "(SELECT coalesce($",
            $now,
            "::bigint, ",
            server_clock!(),
            ") - $",
            $less,
            "::bigint)"
        )
    };
}

/// Ended sessions are found by walking, a part at a time: an index by their end would cost every
/// refresh a change of it. How many were forgotten, how many looked at, and the last of those.
const SESSIONS: &str = concat!(
    "WITH looked AS MATERIALIZED (
        SELECT id, least(idle_ends_at, ends_at) <= ",
    before!(3, 4),
    " AS ended FROM unlapse.sessions
        WHERE id > $1 ORDER BY id LIMIT $2),
    swept AS (
        DELETE FROM unlapse.sessions AS session USING looked
        WHERE session.id = looked.id AND looked.ended RETURNING session.id)
    SELECT (SELECT count(*) FROM swept), (SELECT count(*) FROM looked),
        (SELECT id FROM looked ORDER BY id DESC LIMIT 1)"
);
/// One that is being made anew at this moment is not waited for, and not forgotten.
const TICKETS: &str = concat!(
    "WITH expired AS MATERIALIZED (
        SELECT id FROM unlapse.tickets WHERE expires_at <= ",
    before!(1, 2),
    " LIMIT $3 FOR UPDATE SKIP LOCKED)
    DELETE FROM unlapse.tickets AS ticket USING expired
    WHERE ticket.id = expired.id AND ticket.expires_at <= ",
    before!(1, 2)
);
const DENIED: &str = concat!(
    "WITH old AS MATERIALIZED (
        SELECT jti FROM unlapse.denied WHERE at < ",
    before!(1, 2),
    " LIMIT $3 FOR UPDATE SKIP LOCKED)
    DELETE FROM unlapse.denied AS denied USING old WHERE denied.jti = old.jti"
);
const AUDIT: &str = "WITH old AS MATERIALIZED (
        SELECT id FROM unlapse.audit WHERE at < (SELECT since FROM unlapse.audit_kept)
        ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
    DELETE FROM unlapse.audit AS audit USING old WHERE audit.id = old.id";

impl Store for PostgresStore {
    fn sweep(&self, now: UnixTime) -> BoxFuture<'_, Result<u64, Unavailable>> {
        Box::pin(async move {
            let mut place = self.swept.lock().await;
            let now = self.now(now);
            let remembered = sql::duration(sweep::REMEMBERED);
            let params: Params<'_> = &[&*place, &sweep::LOOKED_AT, &now, &remembered];
            let sessions = self.connections.query(SESSIONS, params).await?;
            let (swept, next) = one(&sessions, sessions_swept)?.unwrap_or_default();
            *place = next;
            let expired: Params<'_> = &[&now, &0_i64, &sweep::FORGOTTEN];
            let tickets = self.connections.execute(TICKETS, expired).await?;
            let denied: Params<'_> = &[&now, &sql::duration(sweep::DENIED), &sweep::FORGOTTEN];
            let denied = self.connections.execute(DENIED, denied).await?;
            let audit = self.connections.execute(AUDIT, &[&sweep::FORGOTTEN]).await?;
            Ok(swept + tickets + denied + audit)
        })
    }
}

/// How many were forgotten, and where to go on: from the start again after the last.
fn sessions_swept(row: &Row) -> Result<(u64, Vec<u8>), Misread> {
    let swept = sql::count(row.try_get(0)?);
    let next = if row.try_get::<_, i64>(1)? < sweep::LOOKED_AT {
        Vec::new()
    } else {
        row.try_get::<_, Option<Vec<u8>>>(2)?.unwrap_or_default()
    };
    Ok((swept, next))
}
