//! The audit log in SQLite.

use unlapse_core::BoxFuture;

use super::SqliteStore;
use crate::audit_log::{AuditEntry, AuditLog};
use crate::store::Unavailable;

/// All of them in one statement, so that they are there together or not at all.
const APPEND: &str = "INSERT INTO audit (at, event, code, session, subject, client, peer) \
     SELECT value->>'at', value->>'event', value->>'code', value->>'session', \
     value->>'subject', value->>'client', value->>'peer' FROM json_each(?1) ORDER BY key";

impl AuditLog for SqliteStore {
    fn append<'a>(&'a self, entries: &'a [AuditEntry]) -> BoxFuture<'a, Result<(), Unavailable>> {
        if entries.is_empty() {
            return Box::pin(core::future::ready(Ok(())));
        }
        let entries = serde_json::to_string(entries)
            .expect("numbers, strings and addresses always make JSON");
        self.worker.change(move |turn| {
            turn.database.prepare_cached(APPEND)?.execute([entries])?;
            Ok(())
        })
    }
}
