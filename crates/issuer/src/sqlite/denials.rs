//! Denials in SQLite: the revoked sessions themselves, and the access tokens without one.

use rusqlite::{Row, params};
use unlapse_core::{BoxFuture, UnixTime};

use super::SqliteStore;
use crate::denials::{Denial, Denials};
use crate::session::SessionId;
use crate::sql;
use crate::store::Unavailable;

const DENY: &str = "INSERT INTO denied (jti, at) VALUES (?1, ?2) ON CONFLICT (jti) DO NOTHING";
const SESSIONS: &str = "SELECT id, revoked_at FROM sessions WHERE revoked_at >= ?1";
const TOKENS: &str = "SELECT jti, at FROM denied WHERE at >= ?1";

impl Denials for SqliteStore {
    fn deny<'a>(&'a self, jti: &'a str, now: UnixTime) -> BoxFuture<'a, Result<(), Unavailable>> {
        let jti = jti.to_owned();
        self.worker.change(move |turn| {
            turn.database.prepare_cached(DENY)?.execute(params![jti, sql::millis(now)])?;
            turn.tell();
            Ok(())
        })
    }

    fn denied(&self, since: UnixTime) -> BoxFuture<'_, Result<Vec<Denial>, Unavailable>> {
        let since = sql::millis(since);
        self.worker.read(move |turn| {
            let session = |row: &Row<'_>| {
                let id = SessionId::from_bytes(row.get(0)?).to_string();
                Ok(Denial { id, at: sql::time(row.get(1)?) })
            };
            let token = |row: &Row<'_>| Ok(Denial { id: row.get(0)?, at: sql::time(row.get(1)?) });
            let mut sessions = turn.database.prepare_cached(SESSIONS)?;
            let mut tokens = turn.database.prepare_cached(TOKENS)?;
            let sessions = sessions.query_map([since], session)?;
            sessions.chain(tokens.query_map([since], token)?).collect()
        })
    }

    fn news(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.news.notified())
    }
}
