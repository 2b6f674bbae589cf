//! Logins that have ended: each is told of once, whatever became of the node that saw it end.

use unlapse_store::sql::{Statement, Value};

use super::Tables;
use super::events::{DELIVER, TOLD_AT_ONCE};
use crate::problem::Problem;

/// The store of records has marked them as untold, with what it saved. Rows are held until the commit,
/// so that a mark that is taken here is nobody else's, and none of them changes meanwhile.
const TAKE: Statement = Statement::each(
    "UPDATE records SET untold = 2 WHERE id IN
         (SELECT id FROM records WHERE untold = 1 AND state = 1 ORDER BY id LIMIT $1)",
    "WITH ended AS MATERIALIZED (SELECT id FROM records WHERE untold = 1 AND state = 1
         ORDER BY id LIMIT $1 FOR NO KEY UPDATE)
     UPDATE records SET untold = 2 FROM ended WHERE records.id = ended.id",
)
.changes();
/// Numbers are given in the order of commits: nobody else gives any until this one.
const HOLD: Statement =
    Statement::both("UPDATE versions SET version = version WHERE name = 'events'");
const TELL: Statement = Statement::both(
    "INSERT INTO events (id, at, tenant, kind, user_name, provider, account, code)
     SELECT (SELECT version FROM versions WHERE name = 'events')
                + row_number() OVER (ORDER BY r.id), now_ms(),
            c.tenant, 'connection.needs_user', c.user_name, c.provider, c.account, r.code
     FROM records r JOIN connections c ON c.id = r.id WHERE r.untold = 2",
);
const COUNT: Statement = Statement::both(
    "UPDATE versions SET version = coalesce(
         (SELECT max(events.id) FROM events WHERE events.id > versions.version), version)
     WHERE name = 'events'",
);
const DONE: Statement = Statement::both("UPDATE records SET untold = NULL WHERE untold = 2");

impl Tables {
    /// Tells of every connection that needs its user from now on and of which nobody was told: of each
    /// once, whoever asks for it and how often. What it costs is what there is to tell. How many were
    /// looked at.
    pub async fn tell_of_ends(&self) -> Result<u64, Problem> {
        let most = u64::try_from(TOLD_AT_ONCE).unwrap_or(u64::MAX);
        let mut all = 0;
        loop {
            let statements = vec![
                (TAKE, vec![most.into()]),
                (HOLD, Vec::new()),
                (TELL, Vec::new()),
                // Of those that were told since the number was counted last.
                (DELIVER, vec![Value::Int(0)]),
                (COUNT, Vec::new()),
                (DONE, Vec::new()),
            ];
            let changed = self.database.together(statements).await?;
            let taken = changed.first().copied().unwrap_or_default();
            all += taken;
            if taken < most {
                return Ok(all);
            }
        }
    }
}
