//! What happens to connections, for whoever wants to be told: numbered without gaps, in the order in
//! which it was committed, so that nobody who goes on after a number misses one.

use core::str::FromStr;

use serde::Serialize;
use unlapse::unlapse_core::UnixTime;
use unlapse_store::sql::{Row, Statement};

use super::apps::json;
use super::limits::page;
use super::{Tables, unreadable};
use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::problem::Problem;

/// What happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Its user has given consent, or its tokens were brought.
    Connected,
    /// Only its user can help now.
    NeedsUser,
    /// It lives again.
    Recovered,
    /// It was removed.
    Removed,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Connected, Self::NeedsUser, Self::Recovered, Self::Removed];

    /// As it stands in replies, bodies and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connection.connected",
            Self::NeedsUser => "connection.needs_user",
            Self::Recovered => "connection.recovered",
            Self::Removed => "connection.removed",
        }
    }
}

impl FromStr for EventKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or("no kind of event")
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What.
    pub kind: EventKind,
    /// To which connection.
    pub id: ConnectionId,
    /// Why, where it needs its user.
    pub code: Option<Code>,
}

/// Something that happened, as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Counts up, over all tenants.
    pub number: i64,
    /// When.
    pub at: UnixTime,
    /// What.
    pub what: NewEvent,
}

/// So many events are told in one transaction: all of them, or none.
pub(crate) const TOLD_AT_ONCE: usize = 500;

/// Holds the row until the commit: numbers are given in the order of commits.
const COUNT: Statement =
    Statement::both("UPDATE versions SET version = version + $1 WHERE name = 'events'");
const TELL: Statement = Statement::each(
    "INSERT INTO events (id, at, tenant, kind, user_name, provider, account, code)
     SELECT (SELECT version FROM versions WHERE name = 'events') - $2 + key + 1, now_ms(),
            value ->> 'tenant', value ->> 'kind', value ->> 'user_name', value ->> 'provider',
            value ->> 'account', value ->> 'code'
     FROM json_each($1)",
    "INSERT INTO events (id, at, tenant, kind, user_name, provider, account, code)
     SELECT (SELECT version FROM versions WHERE name = 'events') - $2 + nth, now_ms(),
            value ->> 'tenant', value ->> 'kind', value ->> 'user_name', value ->> 'provider',
            value ->> 'account', value ->> 'code'
     FROM json_array_elements($1::text::json) WITH ORDINALITY AS told (value, nth)",
);
/// In the same transaction: an event that was told is delivered.
pub(super) const DELIVER: Statement = Statement::both(
    "INSERT INTO deliveries (tenant, webhook, event, created_at, due_at, attempt)
     SELECT w.tenant, w.name, e.id, now_ms(), now_ms(), 0
     FROM events e JOIN webhooks w ON w.tenant = e.tenant
     WHERE e.id > (SELECT version FROM versions WHERE name = 'events') - $1
         AND (w.kinds = '' OR ' ' || w.kinds || ' ' LIKE '% ' || e.kind || ' %')",
);
const OF_TENANT: Statement = Statement::both(
    "SELECT id, at, tenant, kind, user_name, provider, account, code FROM events
     WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
);
const ALL: Statement = Statement::both(
    "SELECT id, at, tenant, kind, user_name, provider, account, code FROM events
     WHERE id > $1 ORDER BY id LIMIT $2",
);
const NEWEST: Statement = Statement::both("SELECT version FROM versions WHERE name = 'events'");
const OLDEST: Statement = Statement::each(
    "SELECT coalesce(min(id), 0) FROM events",
    "SELECT coalesce(min(id), 0)::bigint FROM events",
);

#[derive(Serialize)]
struct NoteRow<'a> {
    tenant: &'a str,
    kind: &'static str,
    user_name: &'a str,
    provider: &'a str,
    account: &'a str,
    code: Option<Code>,
}

impl Tables {
    /// Keeps what has happened, and has it delivered to the webhooks that want it: all in one
    /// transaction for each five hundred.
    pub async fn tell(&self, events: Vec<NewEvent>) -> Result<(), Problem> {
        for batch in events.chunks(TOLD_AT_ONCE) {
            let rows: Vec<_> = batch.iter().map(row).collect();
            let count = i64::try_from(rows.len()).unwrap_or_default();
            let statements = vec![
                (COUNT, vec![count.into()]),
                (TELL, vec![json(&rows).into(), count.into()]),
                (DELIVER, vec![count.into()]),
            ];
            self.database.together(statements).await?;
        }
        Ok(())
    }

    /// Events after the number `after`, of a tenant or of all, the oldest first; `limit` is 1000 at
    /// most. They are kept for a week.
    pub async fn events(
        &self,
        tenant: Option<&Name>,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Event>, Problem> {
        let rows = match tenant {
            Some(tenant) => {
                let params = vec![tenant.as_str().into(), after.into(), page(limit).into()];
                self.database.query(OF_TENANT, params).await?
            }
            None => self.database.query(ALL, vec![after.into(), page(limit).into()]).await?,
        };
        rows.iter().map(read).collect()
    }

    /// The number of the newest event; 0 before the first. Whoever wants those from now on goes on
    /// after it.
    pub async fn newest_event(&self) -> Result<i64, Problem> {
        let rows = self.database.query(NEWEST, Vec::new()).await?;
        Ok(rows.first().ok_or_else(|| unreadable("a number"))?.int(0)?)
    }

    /// The number of the oldest event that is kept; 0 when there is none. Whoever goes on after a
    /// number that is more than one before it has missed some.
    pub async fn oldest_event(&self) -> Result<i64, Problem> {
        let rows = self.database.query(OLDEST, Vec::new()).await?;
        Ok(rows.first().ok_or_else(|| unreadable("a number"))?.int(0)?)
    }
}

fn row(NewEvent { kind, id, code }: &NewEvent) -> NoteRow<'_> {
    NoteRow {
        tenant: id.tenant.as_str(),
        kind: kind.as_str(),
        user_name: &id.user,
        provider: id.provider.as_str(),
        account: &id.account,
        code: *code,
    }
}

pub(super) fn read(row: &Row) -> Result<Event, Problem> {
    let damaged = || unreadable("an event");
    let tenant = row.text(2)?.parse().map_err(|_| damaged())?;
    let provider = row.text(5)?.parse().map_err(|_| damaged())?;
    let id = ConnectionId::new(tenant, row.text(4)?, provider, row.text(6)?);
    Ok(Event {
        number: row.int(0)?,
        at: row.time(1)?,
        what: NewEvent {
            kind: row.text(3)?.parse().map_err(|_| damaged())?,
            id: id.map_err(|_| damaged())?,
            code: row.maybe_text(7)?.and_then(Code::named),
        },
    })
}
