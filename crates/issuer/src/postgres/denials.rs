//! Denials in PostgreSQL: the revoked sessions themselves, and the access tokens without one.

use tokio_postgres::Row;
use unlapse_core::{BoxFuture, UnixTime};

use super::rows::{self, Misread, all};
use super::{PostgresStore, server_clock};
use crate::denials::{Denial, Denials};
use crate::sql;
use crate::store::Unavailable;

const DENY: &str = concat!(
    "INSERT INTO unlapse.denied (jti, at) VALUES ($1, coalesce($2::bigint, ",
    server_clock!(),
    ")) ON CONFLICT (jti) DO NOTHING"
);
const SESSIONS: &str = "SELECT id, revoked_at FROM unlapse.sessions WHERE revoked_at >= $1";
const TOKENS: &str = "SELECT jti, at FROM unlapse.denied WHERE at >= $1";

impl Denials for PostgresStore {
    fn deny<'a>(&'a self, jti: &'a str, now: UnixTime) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async move {
            self.connections.execute(DENY, &[&jti, &self.now(now)]).await?;
            Ok(())
        })
    }

    fn denied(&self, since: UnixTime) -> BoxFuture<'_, Result<Vec<Denial>, Unavailable>> {
        Box::pin(async move {
            let since = sql::millis(since);
            let mut denied = all(&self.connections.query(SESSIONS, &[&since]).await?, session)?;
            denied.extend(all(&self.connections.query(TOKENS, &[&since]).await?, token)?);
            Ok(denied)
        })
    }

    fn news(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.news.notified())
    }
}

fn session(row: &Row) -> Result<Denial, Misread> {
    Ok(Denial { id: rows::id(row)?.to_string(), at: sql::time(row.try_get(1)?) })
}

fn token(row: &Row) -> Result<Denial, Misread> {
    Ok(Denial { id: row.try_get(0)?, at: sql::time(row.try_get(1)?) })
}
