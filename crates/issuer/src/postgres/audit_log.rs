//! The audit log in PostgreSQL.

use unlapse_core::BoxFuture;
use unlapse_store::sql::postgres::Params;

use super::PostgresStore;
use crate::audit_log::{AuditEntry, AuditLog};
use crate::sql;
use crate::store::Unavailable;

/// All of them in one statement, so that they are there together or not at all.
const APPEND: &str = "INSERT INTO unlapse.audit (at, event, code, session, subject, client, peer) \
     SELECT at, event, code, session, subject, client, peer \
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], \
     $7::text[]) WITH ORDINALITY AS entry (at, event, code, session, subject, client, peer, nth) \
     ORDER BY nth";

impl AuditLog for PostgresStore {
    fn append<'a>(&'a self, entries: &'a [AuditEntry]) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async move {
            if entries.is_empty() {
                return Ok(());
            }
            let at: Vec<_> = entries.iter().map(|entry| sql::number(entry.at)).collect();
            let events: Vec<_> = entries.iter().map(|entry| entry.event).collect();
            let codes: Vec<_> = entries.iter().map(|entry| entry.code).collect();
            let sessions: Vec<_> = entries.iter().map(|entry| entry.session.as_deref()).collect();
            let subjects: Vec<_> =
                entries.iter().map(|entry| text(entry.subject.as_deref())).collect();
            let clients: Vec<_> =
                entries.iter().map(|entry| text(entry.client.as_deref())).collect();
            let peers: Vec<_> =
                entries.iter().map(|entry| entry.peer.map(|peer| peer.to_string())).collect();
            let params: Params<'_> =
                &[&at, &events, &codes, &sessions, &subjects, &clients, &peers];
            self.connections.execute(APPEND, params).await?;
            Ok(())
        })
    }
}

/// `PostgreSQL` has no text with a NUL in it; an entry is not lost for that.
fn text(text: Option<&str>) -> Option<String> {
    text.map(|text| text.replace('\0', "\u{fffd}"))
}
