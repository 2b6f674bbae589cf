//! How long is kept what nothing needs.

use core::time::Duration;

use unlapse_store::sql::{Engine, Statement};

use super::Tables;
use super::usage::DAY;
use crate::millis::millis;
use crate::problem::Problem;

/// How long is kept what nothing needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Attempts. 30 days; whole days where the database has partitions.
    pub attempts: Duration,
    /// Usage. 400 days: a year and what leads up to it.
    pub usage: Duration,
    /// Events. 7 days.
    pub events: Duration,
    /// Imports, from when they last went on. 90 days.
    pub imports: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days| Duration::from_millis(days * DAY);
        Self { attempts: days(30), usage: days(400), events: days(7), imports: days(90) }
    }
}

/// Days for which there are partitions before they come.
const AHEAD: i64 = 3;
/// Clocks of nodes do not differ by more.
const CLOCKS: Duration = Duration::from_secs(600);
/// Most rows of one statement: nobody waits for long behind it.
const SOME: i64 = 2000;

const KEEP_PARTITIONS: Statement =
    Statement::both("SELECT keep_attempts(now_ms() - $1, $2)").changes();
const ATTEMPTS: Statement = Statement::both(
    "DELETE FROM attempts WHERE rowid IN
         (SELECT rowid FROM attempts WHERE at < now_ms() - $1 ORDER BY at LIMIT $2)",
);
const USAGE: Statement = Statement::both(
    "DELETE FROM usage WHERE (connection, day) IN
         (SELECT connection, day FROM usage WHERE day < (now_ms() - $1) / 86400000 LIMIT $2)",
);
const DELIVERIES: Statement = Statement::both(
    "DELETE FROM deliveries WHERE event IN
         (SELECT id FROM events WHERE at < now_ms() - $1 ORDER BY at LIMIT $2)",
);
const EVENTS: Statement = Statement::both(
    "DELETE FROM events WHERE id IN
         (SELECT id FROM events WHERE at < now_ms() - $1 ORDER BY at LIMIT $2)",
);
const CONNECTS: Statement = Statement::both(
    "DELETE FROM connects WHERE state_hash IN
         (SELECT state_hash FROM connects WHERE expires_at <= now_ms() - $1 LIMIT $2)",
);
const SIGN_OUTS: Statement = Statement::both(
    "DELETE FROM sign_outs WHERE session IN
         (SELECT session FROM sign_outs WHERE ends_at <= now_ms() - $1 LIMIT $2)",
);
const FAULTS: Statement = Statement::both(
    "DELETE FROM import_faults WHERE (tenant, import) IN
         (SELECT tenant, id FROM imports WHERE changed_at < now_ms() - $1 LIMIT $2)",
);
const IMPORTS: Statement = Statement::both(
    "DELETE FROM imports WHERE (tenant, id) IN
         (SELECT tenant, id FROM imports WHERE changed_at < now_ms() - $1 LIMIT $2)",
);

impl Tables {
    /// Removes some of what need not be kept any more, and makes the partitions of the days to come;
    /// whether there may be more to remove. Once an hour is often enough, on one node or on all.
    pub async fn sweep(&self, retention: &Retention) -> Result<bool, Problem> {
        let attempts = millis(retention.attempts);
        let mut more = false;
        match self.database.engine() {
            Engine::Postgres => {
                let params = vec![attempts.into(), AHEAD.into()];
                self.database.query(KEEP_PARTITIONS, params).await?;
            }
            Engine::Sqlite => more |= self.some(ATTEMPTS, attempts).await?,
        }
        let imports = millis(retention.imports);
        let events = millis(retention.events);
        // What points at a row goes before it.
        for (statement, age) in [
            (USAGE, millis(retention.usage)),
            (DELIVERIES, events),
            (EVENTS, events),
            (CONNECTS, 0),
            // Nodes' clocks may differ a little: a session that ends there has ended everywhere.
            (SIGN_OUTS, millis(CLOCKS)),
            (FAULTS, imports),
            (IMPORTS, imports),
        ] {
            more |= self.some(statement, age).await?;
        }
        Ok(more)
    }

    async fn some(&self, statement: Statement, age: u64) -> Result<bool, Problem> {
        let removed = self.database.execute(statement, vec![age.into(), SOME.into()]).await?;
        Ok(removed >= SOME.unsigned_abs())
    }
}
