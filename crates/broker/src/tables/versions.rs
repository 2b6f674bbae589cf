//! Which lists have changed, so that nodes read again what has, and nothing else.

use std::collections::BTreeMap;

use unlapse_store::sql::{Statement, Value};

use super::Tables;
use crate::problem::Problem;

/// How often each list has changed. Two that are equal: nothing has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions(BTreeMap<String, i64>);

const VERSIONS: Statement = Statement::both("SELECT name, version FROM versions");
/// In the transaction that changes the list of that name.
pub(super) const BUMP: Statement =
    Statement::both("UPDATE versions SET version = version + 1 WHERE name = $1");

/// What makes other nodes read the list `name` again.
pub(super) fn bump(name: &'static str) -> (Statement, Vec<Value>) {
    (BUMP, vec![name.into()])
}

impl Tables {
    /// One statement over a handful of rows, however much there is of everything else.
    pub async fn versions(&self) -> Result<Versions, Problem> {
        let rows = self.database.query(VERSIONS, Vec::new()).await?;
        let pairs = rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?)));
        Ok(Versions(pairs.collect::<Result<_, Problem>>()?))
    }
}

impl Versions {
    /// How often apps have changed.
    pub fn apps(&self) -> i64 {
        self.of("apps")
    }

    /// How often tenants have.
    pub fn tenants(&self) -> i64 {
        self.of("tenants")
    }

    /// How often API keys have.
    pub fn api_keys(&self) -> i64 {
        self.of("api_keys")
    }

    /// How often webhooks have.
    pub fn webhooks(&self) -> i64 {
        self.of("webhooks")
    }

    /// How often circuits have.
    pub fn circuits(&self) -> i64 {
        self.of("circuits")
    }

    /// How often data keys have.
    pub fn data_keys(&self) -> i64 {
        self.of("data_keys")
    }

    /// The number of the newest event.
    pub fn events(&self) -> i64 {
        self.of("events")
    }

    fn of(&self, name: &str) -> i64 {
        self.0.get(name).copied().unwrap_or_default()
    }
}
