//! Events from the newest on, for people.

use unlapse_store::sql::Statement;

use super::events::read;
use super::limits::page;
use super::{Event, Tables};
use crate::name::Name;
use crate::problem::Problem;

const OF_TENANT: Statement = Statement::both(
    "SELECT id, at, tenant, kind, user_name, provider, account, code FROM events
     WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
);
const ALL: Statement = Statement::both(
    "SELECT id, at, tenant, kind, user_name, provider, account, code FROM events
     WHERE id < $1 ORDER BY id DESC LIMIT $2",
);

impl Tables {
    /// Events before the number `before`, of a tenant or of all, the newest first; `limit` is 1000 at
    /// most.
    pub(crate) async fn newest_events(
        &self,
        tenant: Option<&Name>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Event>, Problem> {
        let before = before.unwrap_or(i64::MAX);
        let rows = match tenant {
            Some(tenant) => {
                let params = vec![tenant.as_str().into(), before.into(), page(limit).into()];
                self.database.query(OF_TENANT, params).await?
            }
            None => self.database.query(ALL, vec![before.into(), page(limit).into()]).await?,
        };
        rows.iter().map(read).collect()
    }
}
