//! Connections, with what the store of records knows of each.

use std::collections::BTreeMap;

use unlapse::unlapse_core::UnixTime;
use unlapse::unlapse_oauth::provider::Metadata;
use unlapse_store::sql::{RecordId, Row, Statement, Value};

use super::apps::json;
use super::limits::page;
use super::{Tables, unreadable};
use crate::broker::{Filter, Page};
use crate::code::Code;
use crate::connection::{Connection, Failing, State};
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::problem::Problem;

/// What is kept of a connection beside its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConnection {
    /// Which one.
    pub id: ConnectionId,
    /// The scope that was granted, as the provider wrote it.
    pub scope: Option<String>,
    /// What the provider said beside the token.
    pub metadata: BTreeMap<String, String>,
}

/// How many connections a tenant has at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Whose.
    pub tenant: Name,
    /// The tenant's app.
    pub provider: Name,
    /// How many.
    pub connections: u64,
}

macro_rules! listed {
    ($rest:literal) => {
        concat!(
            "SELECT c.tenant, c.user_name, c.provider, c.account, c.scope, c.metadata, c.created_at,
                    c.connected_at, r.state, r.generation, r.access_expires_at, r.refresh_ends_at,
                    r.due_at, r.attempt, r.code, r.seen_at
             FROM connections c LEFT JOIN records r ON r.id = c.id ",
            $rest
        )
    };
}

const ONE: Statement = Statement::both(listed!("WHERE c.id = $1"));
// In each, the index has the order, so that a page costs what it shows.
const ALL: Statement = Statement::both(listed!(
    "WHERE c.tenant = $1 AND (c.user_name, c.provider, c.account) > ($2, $3, $4)
     ORDER BY c.user_name, c.provider, c.account LIMIT $5"
));
const OF_USER: Statement = Statement::both(listed!(
    "WHERE c.tenant = $1 AND (c.user_name, c.provider, c.account) > ($2, $3, $4)
         AND c.user_name = $6 AND ($7 = '' OR c.provider = $7)
     ORDER BY c.user_name, c.provider, c.account LIMIT $5"
));
const OF_APP: Statement = Statement::both(listed!(
    "WHERE c.tenant = $1 AND (c.user_name, c.account) > ($2, $4)
         AND c.provider = $7 AND ($3 = '' OR c.provider = $3) AND ($6 = '' OR c.user_name = $6)
     ORDER BY c.user_name, c.account LIMIT $5"
));
/// From the other side: those that need their users are few.
const THAT_NEED_USERS: Statement = Statement::both(listed!(
    "WHERE r.state = 1 AND c.tenant = $1 AND (c.user_name, c.provider, c.account) > ($2, $3, $4)
         AND ($6 = '' OR c.user_name = $6) AND ($7 = '' OR c.provider = $7)
     ORDER BY c.user_name, c.provider, c.account LIMIT $5"
));
const THAT_LIVE: Statement = Statement::both(listed!(
    "WHERE r.state = 0 AND c.tenant = $1 AND (c.user_name, c.provider, c.account) > ($2, $3, $4)
         AND ($6 = '' OR c.user_name = $6) AND ($7 = '' OR c.provider = $7)
     ORDER BY c.user_name, c.provider, c.account LIMIT $5"
));
/// Each consent has a time of its own, by which what is said of it is known from what is said of others.
const PUT: Statement = Statement::both(
    "INSERT INTO connections (id, tenant, user_name, provider, account, scope, metadata, created_at,
                              connected_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, now_ms(), now_ms())
     ON CONFLICT (id) DO UPDATE SET scope = EXCLUDED.scope, metadata = EXCLUDED.metadata,
         connected_at = CASE WHEN EXCLUDED.connected_at > connections.connected_at
             THEN EXCLUDED.connected_at ELSE connections.connected_at + 1 END
     RETURNING connected_at",
);
/// Of the login of that time, a moment later: behind another that came between, nothing is changed.
const AGAIN: Statement = Statement::both(
    "INSERT INTO connections (id, tenant, user_name, provider, account, scope, metadata, created_at,
                              connected_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, now_ms(), now_ms())
     ON CONFLICT (id) DO UPDATE SET metadata = EXCLUDED.metadata,
         connected_at = connections.connected_at + 1
     WHERE connections.connected_at = $8",
);
const SAY: Statement =
    Statement::both("UPDATE connections SET metadata = $3 WHERE id = $1 AND connected_at = $2");
const REMOVE: Statement = Statement::both("DELETE FROM connections WHERE id = $1");
const COUNTS: Statement = Statement::each(
    "SELECT tenant, provider, sum(connections) FROM connection_counts
     WHERE $1 = '' OR tenant = $1 GROUP BY tenant, provider ORDER BY tenant, provider",
    "SELECT tenant, provider, sum(connections)::bigint FROM connection_counts
     WHERE $1 = '' OR tenant = $1 GROUP BY tenant, provider ORDER BY tenant, provider",
);

fn columns(new: &NewConnection) -> Vec<Value> {
    let NewConnection { id, scope, metadata } = new;
    vec![
        row_id(id).into(),
        id.tenant.as_str().into(),
        id.user.as_str().into(),
        id.provider.as_str().into(),
        id.account.as_str().into(),
        scope.as_deref().filter(|scope| !scope.contains('\0')).into(),
        json(metadata).into(),
    ]
}

/// What its rows are found by, here and in the store of records.
pub(crate) fn row_id(id: &ConnectionId) -> Vec<u8> {
    RecordId::of(&id.key()).as_bytes().to_vec()
}

impl Tables {
    /// The connection of this name.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, Problem> {
        let rows = self.database.query(ONE, vec![row_id(id).into()]).await?;
        rows.first().map(read).transpose()
    }

    /// A page of the connections of a tenant, in the order of user, provider and account, behind
    /// `after`; `limit` is 1000 at most.
    pub async fn connections(
        &self,
        tenant: &Name,
        filter: &Filter,
        after: Option<&ConnectionId>,
        limit: usize,
    ) -> Result<Page, Problem> {
        let user = filter.user.as_deref().unwrap_or_default();
        if user.contains('\0') {
            return Ok(Page { connections: Vec::new(), next: None });
        }
        let limit = page(limit);
        let statement = match filter {
            Filter { needs_user: Some(true), .. } => THAT_NEED_USERS,
            Filter { needs_user: Some(false), .. } => THAT_LIVE,
            Filter { user: Some(_), .. } => OF_USER,
            Filter { provider: Some(_), .. } => OF_APP,
            Filter { .. } => ALL,
        };
        let (after_user, after_provider, after_account) = after.map_or(("", "", ""), |id| {
            (id.user.as_str(), id.provider.as_str(), id.account.as_str())
        });
        let mut params: Vec<Value> = vec![
            tenant.as_str().into(),
            after_user.into(),
            after_provider.into(),
            after_account.into(),
            // One more tells whether there are more.
            (limit + 1).into(),
        ];
        if statement != ALL {
            params.push(user.into());
            params.push(filter.provider.as_ref().map_or("", Name::as_str).into());
        }
        let rows = self.database.query(statement, params).await?;
        let shown = usize::try_from(limit).unwrap_or(usize::MAX).min(rows.len());
        let connections: Vec<_> = rows[..shown].iter().map(read).collect::<Result<_, _>>()?;
        let next = connections.last().filter(|_| rows.len() > shown).map(|last| last.id.clone());
        Ok(Page { connections, next })
    }

    /// Makes a connection, or says that its user has given consent anew: when, by which this login is
    /// told from others.
    pub async fn put_connection(&self, new: &NewConnection) -> Result<UnixTime, Problem> {
        check_metadata(&new.metadata)?;
        let rows = self.database.query(PUT, columns(new)).await?;
        let row = rows.first().ok_or_else(|| unreadable("a connection"))?;
        Ok(row.time(0)?)
    }

    /// The login of `connected_at` was kept: tells renewals that begin now from those of the login before
    /// it, and makes the connection again where it was removed meanwhile. What another login has brought
    /// since stays.
    pub async fn put_connection_again(
        &self,
        new: &NewConnection,
        connected_at: UnixTime,
    ) -> Result<(), Problem> {
        let mut params = columns(new);
        params.push(Some(connected_at).into());
        self.database.execute(AGAIN, params).await?;
        Ok(())
    }

    /// Keeps what the provider said with a renewal of the login of `connected_at`; whether the
    /// connection is there, and is that login still. What a newer one has brought stays.
    ///
    /// The scope stays: it is that of the user's consent.
    pub async fn say_of_connection(
        &self,
        id: &ConnectionId,
        connected_at: UnixTime,
        metadata: &BTreeMap<String, String>,
    ) -> Result<bool, Problem> {
        check_metadata(metadata)?;
        let params = vec![row_id(id).into(), Some(connected_at).into(), json(metadata).into()];
        Ok(self.database.execute(SAY, params).await? == 1)
    }

    /// Removes a connection, and not its record; whether there was one.
    pub async fn remove_connection(&self, id: &ConnectionId) -> Result<bool, Problem> {
        Ok(self.database.execute(REMOVE, vec![row_id(id).into()]).await? == 1)
    }

    /// How many connections there are, of a tenant or of all; its cost is that of the apps.
    pub async fn counts(&self, tenant: Option<&Name>) -> Result<Vec<Counted>, Problem> {
        let params = vec![tenant.map_or("", Name::as_str).into()];
        let rows = self.database.query(COUNTS, params).await?;
        let counted = rows.iter().map(|row| {
            let damaged = || unreadable("a count");
            Ok(Counted {
                tenant: row.text(0)?.parse().map_err(|_| damaged())?,
                provider: row.text(1)?.parse().map_err(|_| damaged())?,
                connections: row.int(2)?.try_into().unwrap_or_default(),
            })
        });
        counted.filter(|of| of.as_ref().map_or(true, |of: &Counted| of.connections > 0)).collect()
    }
}

/// Says `BAD_REQUEST` to what no exchange could take, so that no connection breaks on it later.
pub(crate) fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Problem> {
    let checked = Metadata::try_from(metadata.clone());
    checked.map(drop).map_err(|bad| Problem::new(Code::BadRequest, bad.to_string()))
}

fn read(row: &Row) -> Result<Connection, Problem> {
    let damaged = || unreadable("a connection");
    let name =
        |column| -> Result<Name, Problem> { row.text(column)?.parse().map_err(|_| damaged()) };
    let id = ConnectionId::new(name(0)?, row.text(1)?, name(2)?, row.text(3)?);
    let code = row.maybe_text(14)?.map(|code| Code::named(code).unwrap_or(Code::GetTokenError));
    let count = row.maybe_int(13)?.unwrap_or_default();
    let state = match row.maybe_int(8)? {
        Some(0) => State::Active,
        Some(_) => State::NeedsUser(code.unwrap_or(Code::UserRevoked)),
        // Its tokens were never brought, or are about to be.
        None => State::NeedsUser(Code::NoAccessToken),
    };
    let failing = code
        .filter(|_| state == State::Active)
        .map(|code| Failing { code, count: u32::try_from(count).unwrap_or(u32::MAX) });
    Ok(Connection {
        id: id.map_err(|_| damaged())?,
        state,
        generation: row.maybe_int(9)?.unwrap_or_default().try_into().unwrap_or_default(),
        scope: row.maybe_text(4)?.map(str::to_owned),
        access_expires_at: row.maybe_time(10)?,
        refresh_expires_at: row.maybe_time(11)?,
        due_at: row.maybe_time(12)?,
        failing,
        metadata: serde_json::from_str(row.text(5)?).map_err(|_| damaged())?,
        created_at: row.time(6)?,
        connected_at: row.time(7)?,
        seen_at: row.maybe_time(15)?.filter(|at| at.as_millis() > 0),
    })
}
