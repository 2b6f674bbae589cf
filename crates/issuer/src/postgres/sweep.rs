//! What ended long ago is forgotten.

use tokio_postgres::Row;
use unlapse_core::{BoxFuture, UnixTime};

use super::PostgresStore;
use super::connections::Params;
use super::rows::{Misread, one};
use crate::sql::{self, sweep};
use crate::store::{Store, Unavailable};

/// Ended sessions are found by walking, a part at a time: an index by their end would cost every
/// refresh a change of it. How many were forgotten, how many looked at, and the last of those.
const SESSIONS: &str = "WITH looked AS MATERIALIZED (
        SELECT id, least(idle_ends_at, ends_at) <= $3 AS ended FROM unlapse.sessions
        WHERE id > $1 ORDER BY id LIMIT $2),
    swept AS (
        DELETE FROM unlapse.sessions AS session USING looked
        WHERE session.id = looked.id AND looked.ended RETURNING session.id)
    SELECT (SELECT count(*) FROM swept), (SELECT count(*) FROM looked),
        (SELECT id FROM looked ORDER BY id DESC LIMIT 1)";
/// One that is being made anew at this moment is not waited for, and not forgotten.
const TICKETS: &str = "WITH expired AS MATERIALIZED (
        SELECT id FROM unlapse.tickets WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM unlapse.tickets AS ticket USING expired
    WHERE ticket.id = expired.id AND ticket.expires_at <= $1";
const DENIED: &str = "WITH old AS MATERIALIZED (
        SELECT jti FROM unlapse.denied WHERE at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)
    DELETE FROM unlapse.denied AS denied USING old WHERE denied.jti = old.jti";
const AUDIT: &str = "WITH old AS MATERIALIZED (
        SELECT id FROM unlapse.audit WHERE at < (SELECT since FROM unlapse.audit_kept)
        ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
    DELETE FROM unlapse.audit AS audit USING old WHERE audit.id = old.id";

impl Store for PostgresStore {
    fn sweep(&self, now: UnixTime) -> BoxFuture<'_, Result<u64, Unavailable>> {
        Box::pin(async move {
            let mut place = self.swept.lock().await;
            let ended = sql::millis(now.minus(sweep::REMEMBERED));
            let params: Params<'_> = &[&*place, &sweep::LOOKED_AT, &ended];
            let sessions = self.connections.query(SESSIONS, params).await?;
            let (swept, next) = one(&sessions, sessions_swept)?.unwrap_or_default();
            *place = next;
            let (expired, denied) = (sql::millis(now), sql::millis(now.minus(sweep::DENIED)));
            let tickets = self.connections.execute(TICKETS, &[&expired, &sweep::FORGOTTEN]).await?;
            let denied = self.connections.execute(DENIED, &[&denied, &sweep::FORGOTTEN]).await?;
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
