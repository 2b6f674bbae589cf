//! Signing keys in PostgreSQL.

use tokio_postgres::Row;
use unlapse_core::BoxFuture;
use unlapse_store::sql::postgres::Params;

use super::PostgresStore;
use super::rows::{Misread, all};
use crate::kept_keys::{KeptKey, KeptKeys};
use crate::sql;
use crate::store::Unavailable;

const KEYS: &str =
    "SELECT kid, version, document FROM unlapse.signing_keys ORDER BY kid COLLATE \"C\"";
const INSERT: &str = "INSERT INTO unlapse.signing_keys (kid, version, document) \
     VALUES ($1, 1, $2) ON CONFLICT (kid) DO NOTHING";
const REPLACE: &str = "UPDATE unlapse.signing_keys SET version = version + 1, document = $3 \
     WHERE kid = $1 AND version = $2";
const REMOVE: &str = "DELETE FROM unlapse.signing_keys WHERE kid = $1";

impl KeptKeys for PostgresStore {
    fn keys(&self) -> BoxFuture<'_, Result<Vec<KeptKey>, Unavailable>> {
        Box::pin(async move { all(&self.connections.query(KEYS, &[]).await?, key) })
    }

    fn insert_key<'a>(
        &'a self,
        kid: &'a str,
        document: &'a [u8],
    ) -> BoxFuture<'a, Result<bool, Unavailable>> {
        Box::pin(
            async move { Ok(self.connections.execute(INSERT, &[&kid, &document]).await? == 1) },
        )
    }

    fn replace_key<'a>(&'a self, key: &'a KeptKey) -> BoxFuture<'a, Result<bool, Unavailable>> {
        Box::pin(async move {
            let params: Params<'_> = &[&key.kid, &sql::number(key.version), &key.document];
            Ok(self.connections.execute(REPLACE, params).await? == 1)
        })
    }

    fn remove_key<'a>(&'a self, kid: &'a str) -> BoxFuture<'a, Result<(), Unavailable>> {
        Box::pin(async move {
            self.connections.execute(REMOVE, &[&kid]).await?;
            Ok(())
        })
    }
}

fn key(row: &Row) -> Result<KeptKey, Misread> {
    let version = sql::count(row.try_get(1)?);
    Ok(KeptKey { kid: row.try_get(0)?, version, document: row.try_get(2)? })
}
