//! Connections as lines, for another broker or for people.

use std::collections::BTreeMap;

use serde::Serialize;
use unlapse::unlapse_core::{Record, Secret, UnixTime};
use unlapse_store::sql::Seal as _;
use zeroize::Zeroizing;

use crate::broker::{Actor, Filter};
use crate::code::Code;
use crate::connection::{Connection, State};
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::problem::Problem;
use crate::scope::is_scope;
use crate::tables::{NewAudit, RotationsTable, Tables};

/// What is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// With access and refresh tokens, so that it can be imported again. Only for whoever has the verb
    /// `admin`, which is for the caller to see to; the audit log has every page of it.
    pub with_secrets: bool,
}

/// A part of an export.
pub struct ExportPage {
    /// Lines of JSON, each with its end.
    pub lines: Zeroizing<String>,
    /// Where the next part begins: behind this connection. `None`: this was the last.
    pub next: Option<ConnectionId>,
    /// Connections whose tokens could not be read. Their lines have none.
    pub unread: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    user: &'a str,
    provider: &'a str,
    account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: &'a BTreeMap<String, String>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    generation: u64,
    created_at: String,
    connected_at: String,
}

/// Room for a line at first. A line with secrets gets twice the room that they take.
const ROOM: usize = 1024;

impl Tables {
    /// The connections of a tenant behind `after`, in the order of user, provider and account; `limit`
    /// is 1000 at most.
    pub async fn export(
        &self,
        tenant: &Name,
        what: Export,
        after: Option<&ConnectionId>,
        limit: usize,
        by: &Actor,
    ) -> Result<ExportPage, Problem> {
        let page = self.connections(tenant, &Filter::default(), after, limit).await?;
        let mut records = BTreeMap::new();
        if what.with_secrets {
            // First the entry, then the secrets.
            let begins =
                after.map_or_else(|| "from the first".to_owned(), |id| format!("behind {id}"));
            let entry = NewAudit::new(by, Some(tenant), "connections.export_secrets", begins);
            self.note(entry).await?;
            records = self.records(tenant, after, limit).await?;
        }
        let mut export = ExportPage { lines: Zeroizing::default(), next: page.next, unread: 0 };
        let room = page.connections.iter().map(|of| room(of, records.get(&of.id)));
        // At its full size from the start: growing would leave copies behind.
        export.lines.reserve_exact(room.sum());
        for connection in &page.connections {
            let record = records.get(&connection.id);
            let has_token = connection.generation > 0;
            export.unread += u64::from(what.with_secrets && has_token && record.is_none());
            write(&mut export.lines, connection, record)?;
        }
        Ok(export)
    }

    /// The newest record of each connection that has one which opens.
    async fn records(
        &self,
        tenant: &Name,
        after: Option<&ConnectionId>,
        limit: usize,
    ) -> Result<BTreeMap<ConnectionId, Record>, Problem> {
        self.envelope().refresh().await?;
        let part =
            RotationsTable(self.database()).part(tenant, after, limit.clamp(1, 1000)).await?;
        let mut newest: BTreeMap<ConnectionId, Record> = BTreeMap::new();
        for row in part.rows {
            let opened = self.envelope().open(&row.id.key(), row.generation, &row.sealed());
            let Ok(record) = opened else {
                tracing::error!(connection = %row.id, "a record cannot be read");
                continue;
            };
            if newest.get(&row.id).is_none_or(|known| record.is_newer_than(known)) {
                newest.insert(row.id, record);
            }
        }
        Ok(newest)
    }
}

/// What a line takes, and more.
fn room(of: &Connection, record: Option<&Record>) -> usize {
    let metadata = of.metadata.iter().map(|(name, text)| 2 * (name.len() + text.len()) + 8);
    let token = record.and_then(|record| record.token.as_ref()).map_or(0, |token| {
        2 * (token.access_token.len() + token.refresh_token.as_ref().map_or(0, Secret::len))
    });
    let scope = of.scope.as_ref().map_or(0, String::len);
    ROOM + 2 * (of.id.user.len() + of.id.account.len() + scope) + metadata.sum::<usize>() + token
}

fn write(lines: &mut String, of: &Connection, record: Option<&Record>) -> Result<(), Problem> {
    let token = record.and_then(|record| record.token.as_ref());
    let access_token =
        token.map(|token| token.access_token.expose()).filter(|token| !token.is_empty());
    let code = match of.state {
        State::NeedsUser(code) => Some(code),
        State::Active => of.failing.map(|failing| failing.code),
    };
    let line = Line {
        user: &of.id.user,
        provider: of.id.provider.as_str(),
        account: &of.id.account,
        access_token,
        refresh_token: token.and_then(|token| token.refresh_token.as_ref()).map(Secret::expose),
        token_type: token.map(|token| token.token_type.as_str()),
        expires_at: of.access_expires_at.map(rfc3339),
        refresh_expires_at: of.refresh_expires_at.map(rfc3339),
        // One that a provider wrote and that is none (RFC 6749 §3.3) could not be brought again.
        scope: of.scope.as_deref().filter(|scope| is_scope(scope)),
        metadata: &of.metadata,
        state: of.state.as_str(),
        code,
        generation: of.generation,
        created_at: rfc3339(of.created_at),
        connected_at: rfc3339(of.connected_at),
    };
    let damaged = || Problem::new(Code::RecordDamaged, "a line cannot be written");
    let mut text = Zeroizing::new(Vec::with_capacity(room(of, record)));
    serde_json::to_writer(&mut *text, &line).map_err(|_| damaged())?;
    lines.push_str(core::str::from_utf8(&text).map_err(|_| damaged())?);
    lines.push('\n');
    Ok(())
}

/// Times beyond the last one that it has a text for are that one.
fn rfc3339(at: UnixTime) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX).to_string()
}

impl core::fmt::Debug for ExportPage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { next, unread, .. } = self;
        f.debug_struct("ExportPage")
            .field("next", next)
            .field("unread", unread)
            .finish_non_exhaustive()
    }
}
