//! What was tried to renew a connection, and what came of it (I6).

use core::time::Duration;

use serde::Serialize;
use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::{Row, Statement};

use super::connections::row_id;
use super::limits::page;
use super::{Tables, hex, tally, unreadable};
use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::millis::millis;
use crate::problem::Problem;

/// A try to renew a connection's token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which connection.
    pub id: ConnectionId,
    /// When it began, by the database's clock as the node knows it.
    pub at: UnixTime,
    /// What was done, and what came of it.
    pub tried: Tried,
}

/// What was done, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Which try of its renewal it was, from 1.
    pub number: u32,
    /// Whether the schedule asked for it, rather than a caller.
    pub automatic: bool,
    /// Why it failed; `None`: there is a new token.
    pub code: Option<Code>,
    /// What the provider's answer was (RFC 9110 §15), if there was one.
    pub status: Option<u16>,
    /// How long was waited before it.
    pub delay: Duration,
    /// How long it took.
    pub duration: Duration,
    /// The node that made it.
    pub node: String,
}

/// Most attempts of one statement.
const BATCH: usize = 1000;

/// A batch in JSON: one parameter, however many there are.
const NOTE: Statement = Statement::each(
    "INSERT INTO attempts (at, connection, number, automatic, code, status, delay_ms, duration_ms, node)
     SELECT value ->> 'at', unhex(value ->> 'connection'), value ->> 'number', value ->> 'automatic',
            value ->> 'code', value ->> 'status', value ->> 'delay_ms', value ->> 'duration_ms',
            value ->> 'node'
     FROM json_each($1)",
    "INSERT INTO attempts (at, connection, number, automatic, code, status, delay_ms, duration_ms, node)
     SELECT at, decode(connection, 'hex'), number, automatic, code, status, delay_ms, duration_ms, node
     FROM json_to_recordset($1::text::json) AS tried (at bigint, connection text, number bigint,
          automatic bigint, code text, status bigint, delay_ms bigint, duration_ms bigint, node text)",
);
const OF: Statement = Statement::both(
    "SELECT at, number, automatic, code, status, delay_ms, duration_ms, node FROM attempts
     WHERE connection = $1 ORDER BY at DESC LIMIT $2",
);

/// An attempt as a row of a batch.
#[derive(Serialize)]
struct NoteRow<'a> {
    at: u64,
    connection: String,
    number: u32,
    automatic: u8,
    code: Option<Code>,
    status: Option<u16>,
    delay_ms: u64,
    duration_ms: u64,
    node: &'a str,
}

impl Tables {
    /// Keeps what was tried, and counts it by the minute: one transaction for each thousand.
    pub async fn note_attempts(&self, attempts: Vec<Attempt>) -> Result<(), Problem> {
        for batch in attempts.chunks(BATCH) {
            let rows: Vec<_> = batch.iter().map(row).collect();
            let mut statements = vec![(NOTE, vec![super::apps::json(&rows).into()])];
            statements.extend(tally::counted(batch));
            self.database.together(statements).await?;
        }
        Ok(())
    }

    /// The newest attempts at a connection, the newest first; `limit` is 1000 at most.
    pub async fn attempts(&self, id: &ConnectionId, limit: usize) -> Result<Vec<Attempt>, Problem> {
        let params = vec![row_id(id).into(), page(limit).into()];
        let rows = self.database.query(OF, params).await?;
        rows.iter().map(|row| read(id, row)).collect()
    }
}

fn row(attempt: &Attempt) -> NoteRow<'_> {
    let Attempt { id, at, tried } = attempt;
    NoteRow {
        at: at.as_millis().min(MOST),
        connection: hex(&row_id(id)),
        number: tried.number,
        automatic: tried.automatic.into(),
        code: tried.code,
        status: tried.status,
        delay_ms: millis(tried.delay).min(MOST),
        duration_ms: millis(tried.duration).min(MOST),
        node: &tried.node,
    }
}

/// The largest number of a database.
const MOST: u64 = i64::MAX as u64;

fn read(id: &ConnectionId, row: &Row) -> Result<Attempt, Problem> {
    let damaged = || unreadable("an attempt");
    let duration = |column| -> Result<Duration, Problem> {
        Ok(Duration::from_millis(row.int(column)?.try_into().map_err(|_| damaged())?))
    };
    let status = row.maybe_int(4)?.map(|status| u16::try_from(status).map_err(|_| damaged()));
    Ok(Attempt {
        id: id.clone(),
        at: row.time(0)?,
        tried: Tried {
            number: row.int(1)?.try_into().map_err(|_| damaged())?,
            automatic: row.int(2)? != 0,
            code: row.maybe_text(3)?.map(|code| Code::named(code).unwrap_or(Code::GetTokenError)),
            status: status.transpose()?,
            delay: duration(5)?,
            duration: duration(6)?,
            node: row.text(7)?.to_owned(),
        },
    })
}
