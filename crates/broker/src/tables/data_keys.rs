//! The data keys of tenants, wrapped.

use std::collections::HashSet;

use unlapse_store::sql::{Away, Database, Row, Statement};

use super::unreadable;
use super::versions::BUMP;
use crate::name::Name;
use crate::problem::Problem;

/// A data key as it rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrappedKey {
    pub(crate) id: String,
    pub(crate) tenant: Name,
    /// Grows by one with each rotation.
    pub(crate) generation: i64,
    /// Whether it may seal: the newest that may, does.
    pub(crate) is_in_use: bool,
    /// The master key that it is wrapped under.
    pub(crate) master: String,
    pub(crate) bytes: Vec<u8>,
    /// When it last changed, counted over all keys.
    pub(crate) version: i64,
}

/// The table of data keys.
#[derive(Clone, Debug)]
pub(crate) struct DataKeysTable {
    database: Database,
}

const CHANGED: Statement = Statement::both(
    "SELECT id, tenant, generation, in_use, master, wrapped, version FROM data_keys
     WHERE version > $1 ORDER BY version",
);
const OF_TENANT: Statement = Statement::both(
    "SELECT id, tenant, generation, in_use, master, wrapped, version FROM data_keys
     WHERE tenant = $1 ORDER BY generation",
);
const OF_OTHER_MASTERS: Statement = Statement::both(
    "SELECT id, tenant, generation, in_use, master, wrapped, version FROM data_keys
     WHERE master <> $1 AND id > $2 ORDER BY id LIMIT 100",
);
const ADD: Statement = Statement::both(
    "INSERT INTO data_keys (id, tenant, generation, in_use, master, wrapped, created_at, version)
     VALUES ($1, $2, $3, $4, $5, $6, now_ms(), (SELECT version FROM versions WHERE name = 'data_keys'))
     ON CONFLICT (tenant, generation) DO NOTHING",
);
const USE: Statement = Statement::both(
    "UPDATE data_keys SET in_use = 1, version = (SELECT version FROM versions WHERE name = 'data_keys')
     WHERE id = $1 AND in_use = 0 AND created_at <= now_ms() - $2",
);
/// The bytes that were read are those that are replaced: two who rewrap at once do it once.
const REWRAP: Statement = Statement::both(
    "UPDATE data_keys SET master = $2, wrapped = $3,
         version = (SELECT version FROM versions WHERE name = 'data_keys')
     WHERE id = $1 AND wrapped = $4",
);
/// Looks and deletes at once: what is sealed between the two would never open again.
const REMOVE: Statement = Statement::both(
    "DELETE FROM data_keys WHERE id = $1 AND NOT EXISTS (
         SELECT 1 FROM connections c JOIN tokens t ON t.id = c.id
         WHERE c.tenant = $2 AND t.key_id = $1
         UNION ALL SELECT 1 FROM connections c JOIN orphans o ON o.id = c.id
         WHERE c.tenant = $2 AND o.key_id = $1
         UNION ALL SELECT 1 FROM apps WHERE tenant = $2 AND key_id = $1
         UNION ALL SELECT 1 FROM webhooks WHERE tenant = $2 AND key_id = $1
         UNION ALL SELECT 1 FROM connects
         WHERE tenant = $2 AND key_id = $1 AND expires_at > now_ms())",
);
const COUNT: Statement = Statement::both("SELECT count(*) FROM data_keys");
const IDS: Statement = Statement::both("SELECT id FROM data_keys");
/// Of the key that has changed last.
const LAST_MASTER: Statement =
    Statement::both("SELECT master FROM data_keys ORDER BY version DESC, id LIMIT 1");

impl DataKeysTable {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Those that have changed after `version`.
    pub(crate) async fn changed_since(&self, version: i64) -> Result<Vec<WrappedKey>, Away> {
        let rows = self.database.query(CHANGED, vec![version.into()]).await?;
        // A row that cannot be read hinders no other tenant.
        Ok(rows.iter().filter_map(|row| read(row).ok()).collect())
    }

    /// Those of a tenant, the oldest first.
    pub(crate) async fn of(&self, tenant: &Name) -> Result<Vec<WrappedKey>, Problem> {
        let rows = self.database.query(OF_TENANT, vec![tenant.as_str().into()]).await?;
        rows.iter().map(read).collect()
    }

    /// Some that another than `master` wraps, after the id `after`.
    pub(crate) async fn of_other_masters(
        &self,
        master: &str,
        after: &str,
    ) -> Result<Vec<WrappedKey>, Problem> {
        let params = vec![master.into(), after.into()];
        let rows = self.database.query(OF_OTHER_MASTERS, params).await?;
        rows.iter().map(read).collect()
    }

    /// Adds a key, unless its tenant has one of its generation; whether it did.
    pub(crate) async fn add(&self, key: WrappedKey) -> Result<bool, Away> {
        let params = vec![
            key.id.into(),
            key.tenant.as_str().into(),
            key.generation.into(),
            key.is_in_use.into(),
            key.master.into(),
            key.bytes.into(),
        ];
        self.changing(ADD, params).await
    }

    /// Lets a key seal that is older than `age_ms`; whether that changed anything.
    pub(crate) async fn put_to_use(&self, id: &str, age_ms: i64) -> Result<bool, Away> {
        self.changing(USE, vec![id.into(), age_ms.into()]).await
    }

    /// Puts `bytes`, which `master` has wrapped, in the place of those of `key`; whether it did.
    pub(crate) async fn rewrap(
        &self,
        key: &WrappedKey,
        master: &str,
        bytes: Vec<u8>,
    ) -> Result<bool, Away> {
        let params =
            vec![key.id.as_str().into(), master.into(), bytes.into(), key.bytes.clone().into()];
        self.changing(REWRAP, params).await
    }

    /// Removes a key, unless anything is sealed under it; whether it did.
    pub(crate) async fn remove(&self, key: &WrappedKey) -> Result<bool, Away> {
        self.changing(REMOVE, vec![key.id.as_str().into(), key.tenant.as_str().into()]).await
    }

    /// How many there are.
    pub(crate) async fn count(&self) -> Result<usize, Problem> {
        let rows = self.database.query(COUNT, Vec::new()).await?;
        let count = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or_default();
        Ok(usize::try_from(count).unwrap_or_default())
    }

    /// Which there are.
    pub(crate) async fn ids(&self) -> Result<HashSet<String>, Problem> {
        let rows = self.database.query(IDS, Vec::new()).await?;
        rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
    }

    /// The master key of the one that has changed last; `None`: there is none yet.
    pub(crate) async fn last_master(&self) -> Result<Option<String>, Problem> {
        let rows = self.database.query(LAST_MASTER, Vec::new()).await?;
        Ok(rows.first().map(|row| row.text(0).map(str::to_owned)).transpose()?)
    }

    async fn changing(
        &self,
        statement: Statement,
        params: Vec<unlapse_store::sql::Value>,
    ) -> Result<bool, Away> {
        let bump = (BUMP, vec!["data_keys".into()]);
        let changed = self.database.together(vec![bump, (statement, params)]).await?;
        Ok(changed.last() == Some(&1))
    }
}

fn read(row: &Row) -> Result<WrappedKey, Problem> {
    Ok(WrappedKey {
        id: row.text(0)?.to_owned(),
        tenant: row.text(1)?.parse().map_err(|_| unreadable("a data key"))?,
        generation: row.int(2)?,
        is_in_use: row.int(3)? != 0,
        master: row.text(4)?.to_owned(),
        bytes: row.bytes(5)?.to_vec(),
        version: row.int(6)?,
    })
}
