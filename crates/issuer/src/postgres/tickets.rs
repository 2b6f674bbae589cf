//! Tickets in PostgreSQL. They end by the clock of the node that made them, and are forgotten by the
//! server's: minutes, which clocks do not differ by.

use tokio_postgres::Row;
use unlapse_core::{BoxFuture, UnixTime};
use unlapse_store::sql::postgres::Params;

use super::PostgresStore;
use super::rows::{Misread, one};
use crate::sql;
use crate::store::Unavailable;
use crate::tickets::{Ticket, TicketId, Tickets};

const INSERT: &str = "INSERT INTO unlapse.tickets AS ticket (id, value, version, expires_at) \
     VALUES ($1, $2, 1, $3) ON CONFLICT (id) DO UPDATE \
     SET value = $2, version = 1, expires_at = $3 WHERE ticket.expires_at <= $4";
const TICKET: &str =
    "SELECT value, version, expires_at FROM unlapse.tickets WHERE id = $1 AND expires_at > $2";
const REPLACE: &str = "UPDATE unlapse.tickets SET value = $3, version = version + 1, \
     expires_at = $4 WHERE id = $1 AND version = $2";

impl Tickets for PostgresStore {
    fn insert<'a>(
        &'a self,
        id: TicketId,
        value: &'a [u8],
        expires_at: UnixTime,
        now: UnixTime,
    ) -> BoxFuture<'a, Result<bool, Unavailable>> {
        Box::pin(async move {
            let [expires_at, now] = [expires_at, now].map(sql::millis);
            let params: Params<'_> = &[&&id.as_bytes()[..], &value, &expires_at, &now];
            Ok(self.connections.execute(INSERT, params).await? == 1)
        })
    }

    fn ticket(
        &self,
        id: TicketId,
        now: UnixTime,
    ) -> BoxFuture<'_, Result<Option<Ticket>, Unavailable>> {
        Box::pin(async move {
            let params: Params<'_> = &[&&id.as_bytes()[..], &sql::millis(now)];
            one(&self.connections.query(TICKET, params).await?, ticket)
        })
    }

    fn replace<'a>(
        &'a self,
        id: TicketId,
        version: u64,
        value: &'a [u8],
        expires_at: UnixTime,
    ) -> BoxFuture<'a, Result<bool, Unavailable>> {
        Box::pin(async move {
            let (version, expires_at) = (sql::number(version), sql::millis(expires_at));
            let params: Params<'_> = &[&&id.as_bytes()[..], &version, &value, &expires_at];
            Ok(self.connections.execute(REPLACE, params).await? == 1)
        })
    }
}

fn ticket(row: &Row) -> Result<Ticket, Misread> {
    let version = sql::count(row.try_get(1)?);
    Ok(Ticket { value: row.try_get(0)?, version, expires_at: sql::time(row.try_get(2)?) })
}
