//! Signing keys in SQLite.

use rusqlite::{Row, params};
use unlapse_core::BoxFuture;

use super::SqliteStore;
use crate::kept_keys::{KeptKey, KeptKeys};
use crate::sql;
use crate::store::Unavailable;

const KEYS: &str = "SELECT kid, version, document FROM signing_keys ORDER BY kid";
const INSERT: &str = "INSERT INTO signing_keys (kid, version, document) VALUES (?1, 1, ?2) \
     ON CONFLICT (kid) DO NOTHING";
const REPLACE: &str = "UPDATE signing_keys SET version = version + 1, document = ?3 \
     WHERE kid = ?1 AND version = ?2";
const REMOVE: &str = "DELETE FROM signing_keys WHERE kid = ?1";

impl KeptKeys for SqliteStore {
    fn keys(&self) -> BoxFuture<'_, Result<Vec<KeptKey>, Unavailable>> {
        self.worker.read(|turn| {
            let key = |row: &Row<'_>| {
                let version = sql::count(row.get(1)?);
                Ok(KeptKey { kid: row.get(0)?, version, document: row.get(2)? })
            };
            turn.database.prepare_cached(KEYS)?.query_map((), key)?.collect()
        })
    }

    fn insert_key<'a>(
        &'a self,
        kid: &'a str,
        document: &'a [u8],
    ) -> BoxFuture<'a, Result<bool, Unavailable>> {
        let (kid, document) = (kid.to_owned(), document.to_vec());
        self.worker.change(move |turn| {
            Ok(turn.database.prepare_cached(INSERT)?.execute(params![kid, document])? == 1)
        })
    }

    fn replace_key<'a>(&'a self, key: &'a KeptKey) -> BoxFuture<'a, Result<bool, Unavailable>> {
        let key = key.clone();
        self.worker.change(move |turn| {
            let version = sql::number(key.version);
            let params = params![key.kid, version, key.document];
            Ok(turn.database.prepare_cached(REPLACE)?.execute(params)? == 1)
        })
    }

    fn remove_key<'a>(&'a self, kid: &'a str) -> BoxFuture<'a, Result<(), Unavailable>> {
        let kid = kid.to_owned();
        self.worker.change(move |turn| {
            turn.database.prepare_cached(REMOVE)?.execute([kid])?;
            Ok(())
        })
    }
}
