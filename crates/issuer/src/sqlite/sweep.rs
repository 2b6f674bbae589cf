//! What ended long ago is forgotten.

use rusqlite::{OptionalExtension as _, params};
use unlapse_core::{BoxFuture, UnixTime};
use unlapse_store::sql::Away;
use unlapse_store::sql::sqlite::Turn;

use super::SqliteStore;
use crate::sql::{self, sweep};
use crate::store::{Store, Unavailable};

/// So many rows on, among the sessions in the order of their ids.
const END: &str = "SELECT id FROM sessions WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2";
const SESSIONS: &str = "DELETE FROM sessions WHERE id > ?1 AND (?2 IS NULL OR id <= ?2) \
     AND (idle_ends_at <= ?3 OR ends_at <= ?3) AND ?4 < \
     (SELECT max(seen_at) FROM sessions WHERE id > ?1 AND (?2 IS NULL OR id <= ?2))";
const TICKETS: &str = "DELETE FROM tickets WHERE id IN \
     (SELECT id FROM tickets WHERE expires_at <= ?1 LIMIT ?2)";
const DENIED: &str = "DELETE FROM denied WHERE jti IN \
     (SELECT jti FROM denied WHERE at < ?1 LIMIT ?2)";
const AUDIT: &str = "DELETE FROM audit WHERE id IN (SELECT id FROM audit \
     WHERE at < (SELECT since FROM audit_kept) ORDER BY id LIMIT ?1)";

impl Store for SqliteStore {
    fn sweep(&self, now: UnixTime) -> BoxFuture<'_, Result<u64, Unavailable>> {
        Box::pin(async move {
            let mut place = self.swept.lock().await;
            let from = place.clone();
            let swept = self.worker.change(move |turn| sweep(turn, &from, now));
            let (swept, next) = swept.await.map_err(|away: Away| Unavailable::from(away))?;
            *place = next;
            Ok(swept)
        })
    }
}

/// Sweeps once; how much, and where to go on. Ended sessions are found by walking, a part at a
/// time: an index by their end would cost every refresh a change of it.
fn sweep(turn: &Turn<'_>, from: &[u8], now: UnixTime) -> rusqlite::Result<(u64, Vec<u8>)> {
    let database = turn.database;
    let mut end = database.prepare_cached(END)?;
    let end: Option<Vec<u8>> =
        end.query_row(params![from, sweep::LOOKED_AT - 1], |row| row.get(0)).optional()?;
    let ended = sql::millis(now.minus(sweep::REMEMBERED));
    let seen = sql::millis(now.minus(sweep::AHEAD));
    let denied = sql::millis(now.minus(sweep::DENIED));
    let swept = [
        database.prepare_cached(SESSIONS)?.execute(params![from, end, ended, seen])?,
        database.prepare_cached(TICKETS)?.execute(params![sql::millis(now), sweep::FORGOTTEN])?,
        database.prepare_cached(DENIED)?.execute(params![denied, sweep::FORGOTTEN])?,
        database.prepare_cached(AUDIT)?.execute([sweep::FORGOTTEN])?,
    ];
    let swept = swept.iter().map(|swept| *swept as u64).sum();
    Ok((swept, end.unwrap_or_default()))
}
