//! How often a connection was used, by day.

use serde::Serialize;
use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::Statement;

use super::connections::row_id;
use super::limits::page;
use super::{Tables, hex};
use crate::connection_id::ConnectionId;
use crate::problem::Problem;

/// What was done with a connection since this was last told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Which one.
    pub id: ConnectionId,
    /// Tokens that were handed out.
    pub tokens: u32,
    /// Renewals that brought a token.
    pub renewals: u32,
}

/// How often a connection was used on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// When the day began (UTC).
    pub day: UnixTime,
    /// Tokens that were handed out.
    pub tokens: u64,
    /// Renewals that brought a token.
    pub renewals: u64,
}

/// Milliseconds of a day.
pub(super) const DAY: u64 = 86_400_000;
/// Most connections of one statement.
const BATCH: usize = 1000;

/// In the order of their ids: two nodes that count at once never wait for one another in a circle.
const NOTE: Statement = Statement::each(
    "INSERT INTO usage (connection, day, tokens, renewals)
     SELECT unhex(value ->> 'connection'), now_ms() / 86400000, sum(value ->> 'tokens'), sum(value ->> 'renewals')
     FROM json_each($1) WHERE true GROUP BY 1
     ON CONFLICT (connection, day) DO UPDATE
     SET tokens = tokens + EXCLUDED.tokens, renewals = renewals + EXCLUDED.renewals",
    "INSERT INTO usage AS known (connection, day, tokens, renewals)
     SELECT decode(connection, 'hex'), now_ms() / 86400000, sum(tokens), sum(renewals)
     FROM json_to_recordset($1::text::json) AS used (connection text, tokens bigint, renewals bigint)
     GROUP BY connection ORDER BY connection
     ON CONFLICT (connection, day) DO UPDATE
     SET tokens = known.tokens + EXCLUDED.tokens, renewals = known.renewals + EXCLUDED.renewals",
);
const OF: Statement = Statement::both(
    "SELECT day, tokens, renewals FROM usage WHERE connection = $1 ORDER BY day DESC LIMIT $2",
);

#[derive(Serialize)]
struct NoteRow {
    connection: String,
    tokens: u32,
    renewals: u32,
}

impl Tables {
    /// Adds to today's numbers: one statement for each thousand connections.
    pub async fn note_usage(&self, used: Vec<Used>) -> Result<(), Problem> {
        for batch in used.chunks(BATCH) {
            let rows: Vec<_> = batch
                .iter()
                .map(|Used { id, tokens, renewals }| NoteRow {
                    connection: hex(&row_id(id)),
                    tokens: *tokens,
                    renewals: *renewals,
                })
                .collect();
            self.database.execute(NOTE, vec![super::apps::json(&rows).into()]).await?;
        }
        Ok(())
    }

    /// The last days on which a connection was used, the newest first.
    pub async fn usage(&self, id: &ConnectionId, days: usize) -> Result<Vec<Usage>, Problem> {
        let rows = self.database.query(OF, vec![row_id(id).into(), page(days).into()]).await?;
        let read = rows.iter().map(|row| {
            let number = |column| -> Result<u64, Problem> {
                Ok(row.int(column)?.try_into().unwrap_or_default())
            };
            let day = UnixTime::from_millis(number(0)?.saturating_mul(DAY));
            Ok(Usage { day, tokens: number(1)?, renewals: number(2)? })
        });
        read.collect()
    }
}
