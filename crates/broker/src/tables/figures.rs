//! How all connections are doing, in numbers.

use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::{Statement, Value};

use super::Tables;
use crate::code::Code;
use crate::name::Name;
use crate::problem::Problem;

/// How all connections are doing, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Connections that need their users, by server and reason.
    pub(crate) waiting: Vec<(String, Option<Code>, u64)>,
    /// Connections that are due already.
    pub(crate) overdue: u64,
    /// Connections that come due in each of the next 24 hours.
    pub(crate) due: Vec<u64>,
    /// Refresh tokens that end within 7, 14 and 30 days, by server.
    pub(crate) ends: Vec<(String, [u64; 3])>,
    /// Every node that has given a sign of life within a day, and until when it counts as alive.
    pub(crate) nodes: Vec<(String, UnixTime)>,
}

/// Of an index that has nothing else.
const WAITING: Statement = Statement::both(
    "SELECT server, code, count(*) FROM records
     WHERE state = 1 AND revision > 0 AND substr(server, 1, length($1)) = $1
     GROUP BY server, code ORDER BY server, code",
);
/// From the index of what is due.
const DUE: Statement = Statement::both(
    "SELECT hour, count(*) FROM (
         SELECT CASE WHEN due_at <= now_ms() THEN -1 ELSE (due_at - now_ms()) / 3600000 END AS hour
         FROM records WHERE due_at IS NOT NULL AND due_at < now_ms() + 86400000) AS hours
     GROUP BY hour ORDER BY hour",
);
const DUE_OF: Statement = Statement::both(
    "SELECT hour, count(*) FROM (
         SELECT CASE WHEN due_at <= now_ms() THEN -1 ELSE (due_at - now_ms()) / 3600000 END AS hour
         FROM records WHERE due_at IS NOT NULL AND due_at < now_ms() + 86400000
             AND substr(server, 1, length($1)) = $1) AS hours
     GROUP BY hour ORDER BY hour",
);
/// Looks at every record, and puts none in order: of millions, that would be done on the disk.
const ENDS: Statement = Statement::each(
    "SELECT server, sum(CASE WHEN refresh_ends_at < now_ms() + 604800000 THEN 1 ELSE 0 END),
            sum(CASE WHEN refresh_ends_at < now_ms() + 1209600000 THEN 1 ELSE 0 END), count(*)
     FROM records WHERE state = 0 AND refresh_ends_at < now_ms() + 2592000000
         AND substr(server, 1, length($1)) = $1
     GROUP BY server",
    "SELECT server, (count(*) FILTER (WHERE refresh_ends_at < now_ms() + 604800000))::bigint,
            (count(*) FILTER (WHERE refresh_ends_at < now_ms() + 1209600000))::bigint, count(*)
     FROM records WHERE state = 0 AND refresh_ends_at < now_ms() + 2592000000
         AND substr(server, 1, length($1)) = $1
     GROUP BY server",
);
const NODES: Statement = Statement::both(
    "SELECT host, pid, alive_until FROM nodes WHERE alive_until > now_ms() - 86400000
     ORDER BY host, pid, id",
);

impl Tables {
    /// How the connections of a tenant, or of all, are doing: four statements, one of which looks at
    /// every record. Whoever asks often keeps the answer for a while.
    pub(crate) async fn figures(&self, tenant: Option<&Name>) -> Result<Figures, Problem> {
        let database = &self.database;
        let server = tenant.map(|tenant| format!("{tenant}/")).unwrap_or_default();
        let params = || vec![Value::from(server.as_str())];
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        let mut figures = Figures { due: vec![0; 24], ..Figures::default() };
        for row in database.query(WAITING, params()).await? {
            let code = row.maybe_text(1)?.and_then(Code::named);
            figures.waiting.push((row.text(0)?.to_owned(), code, number(row.int(2)?)));
        }
        let due = match tenant {
            Some(_) => database.query(DUE_OF, params()).await?,
            None => database.query(DUE, Vec::new()).await?,
        };
        for row in due {
            let times = number(row.int(1)?);
            match usize::try_from(row.int(0)?) {
                Err(_) => figures.overdue = times,
                Ok(hour) => figures.due.get_mut(hour).into_iter().for_each(|it| *it = times),
            }
        }
        for row in database.query(ENDS, params()).await? {
            let within = [number(row.int(1)?), number(row.int(2)?), number(row.int(3)?)];
            figures.ends.push((row.text(0)?.to_owned(), within));
        }
        figures.ends.sort();
        if tenant.is_none() {
            for row in database.query(NODES, Vec::new()).await? {
                let name = format!("{} ({})", row.text(0)?, row.int(1)?);
                figures.nodes.push((name, row.time(2)?));
            }
        }
        Ok(figures)
    }
}
