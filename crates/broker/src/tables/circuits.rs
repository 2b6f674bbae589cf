//! The circuit breakers of apps, which all nodes share.

use unlapse::unlapse_core::{Breaker, UnixTime};
use unlapse_store::sql::Statement;

use super::limits::{SHORT, check};
use super::versions::bump;
use super::{Tables, unreadable};
use crate::problem::Problem;

/// The breaker of an app's server, as it was last put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circuit {
    /// The server of the app's keys: tenant and app.
    pub server: String,
    /// Whether it may be asked.
    pub breaker: Breaker,
    /// Grows by one with each change, from 1.
    pub version: i64,
    /// When it last changed.
    pub changed_at: UnixTime,
}

const ALL: Statement =
    Statement::both("SELECT server, breaker, version, changed_at FROM circuits ORDER BY server");
const FIRST: Statement = Statement::both(
    "INSERT INTO circuits (server, breaker, version, changed_at) VALUES ($1, $2, CAST($3 AS bigint) + 1, now_ms())
     ON CONFLICT (server) DO NOTHING",
);
const NEXT: Statement = Statement::both(
    "UPDATE circuits SET breaker = $2, version = version + 1, changed_at = now_ms()
     WHERE server = $1 AND version = $3",
);

impl Tables {
    /// Every circuit. One whose row cannot be read is as if it had never been put.
    pub async fn circuits(&self) -> Result<Vec<Circuit>, Problem> {
        let rows = self.database.query(ALL, Vec::new()).await?;
        let mut circuits = Vec::with_capacity(rows.len());
        for row in &rows {
            match serde_json::from_str(row.text(1)?) {
                Ok(breaker) => circuits.push(Circuit {
                    server: row.text(0)?.to_owned(),
                    breaker,
                    version: row.int(2)?,
                    changed_at: row.time(3)?,
                }),
                Err(_) => drop(unreadable("a circuit")),
            }
        }
        Ok(circuits)
    }

    /// Puts `breaker` in the place of the one of that version, 0 for none; whether it was still that
    /// one. If not, somebody else has changed it: read it, and decide anew.
    pub async fn put_circuit(
        &self,
        server: &str,
        breaker: &Breaker,
        version: i64,
    ) -> Result<bool, Problem> {
        check("a server", server, SHORT)?;
        let statement = if version == 0 { FIRST } else { NEXT };
        let text = super::apps::json(breaker);
        let params = vec![server.into(), text.into(), version.into()];
        let changed = self.database.together(vec![bump("circuits"), (statement, params)]).await?;
        Ok(changed.last() == Some(&1))
    }
}
