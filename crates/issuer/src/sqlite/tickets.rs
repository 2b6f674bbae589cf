//! Tickets in SQLite.

use rusqlite::{OptionalExtension as _, Row, params};
use unlapse_core::{BoxFuture, UnixTime};

use super::SqliteStore;
use crate::sql;
use crate::store::Unavailable;
use crate::tickets::{Ticket, TicketId, Tickets};

const INSERT: &str = "INSERT INTO tickets (id, value, version, expires_at) VALUES (?1, ?2, 1, ?3) \
     ON CONFLICT (id) DO UPDATE SET value = ?2, version = 1, expires_at = ?3 \
     WHERE tickets.expires_at <= ?4";
const TICKET: &str =
    "SELECT value, version, expires_at FROM tickets WHERE id = ?1 AND expires_at > ?2";
const REPLACE: &str = "UPDATE tickets SET value = ?3, version = version + 1, expires_at = ?4 \
     WHERE id = ?1 AND version = ?2";

impl Tickets for SqliteStore {
    fn insert<'a>(
        &'a self,
        id: TicketId,
        value: &'a [u8],
        expires_at: UnixTime,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<bool, Unavailable>> {
        let value = value.to_vec();
        self.worker.change(move |turn| {
            let [expires_at, now] = [expires_at, now].map(sql::millis);
            let params = params![id.as_bytes(), value, expires_at, now];
            Ok(turn.database.prepare_cached(INSERT)?.execute(params)? == 1)
        })
    }

    fn ticket(
        &self,
        id: TicketId,
        now: UnixTime,
    ) -> BoxFuture<'_, Result<Option<Ticket>, Unavailable>> {
        self.worker.read(move |turn| {
            let ticket = |row: &Row<'_>| {
                let (value, version) = (row.get(0)?, sql::count(row.get(1)?));
                Ok(Ticket { value, version, expires_at: sql::time(row.get(2)?) })
            };
            let mut statement = turn.database.prepare_cached(TICKET)?;
            statement.query_row(params![id.as_bytes(), sql::millis(now)], ticket).optional()
        })
    }

    fn replace<'a>(
        &'a self,
        id: TicketId,
        version: u64,
        value: &'a [u8],
        expires_at: UnixTime,
    ) -> BoxFuture<'a, Result<bool, Unavailable>> {
        let value = value.to_vec();
        self.worker.change(move |turn| {
            let expires_at = sql::millis(expires_at);
            let params = params![id.as_bytes(), sql::number(version), value, expires_at];
            Ok(turn.database.prepare_cached(REPLACE)?.execute(params)? == 1)
        })
    }
}
