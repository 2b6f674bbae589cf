//! What a broker is made of.

use core::fmt;
use std::path::PathBuf;

use unlapse::reqwest::HttpSettings;
use unlapse::unlapse_oauth::provider::Catalogue;
use unlapse_store::sql::{BadDatabase, Options};

use crate::outward::PrivateHosts;
use crate::problem::Problem;
use crate::seal::MasterKeys;
use crate::tables::Retention;

/// What a broker is made of. All but the database and the keys has a default.
pub struct Settings {
    /// A URL of PostgreSQL, or the path of a file of SQLite.
    pub database: String,
    /// How the database is used.
    pub options: Options,
    /// The keys that all others are wrapped with.
    pub master: MasterKeys,
    /// The providers that apps can be registered at.
    pub catalogue: Catalogue,
    /// How providers are spoken to.
    pub http: HttpSettings,
    /// Where answers are kept until they are in PostgreSQL: a directory of this node alone. `None`:
    /// nowhere, and a crash in that moment is a lost reply (R7). SQLite needs none.
    pub spool: Option<PathBuf>,
    /// So many renewals at once, of which an app has half at most. 256; 2 to 10,000.
    pub renewals: usize,
    /// So many connections' tokens are kept in memory. 100,000; at least 16.
    pub in_memory: usize,
    /// What is kept for how long.
    pub retention: Retention,
    /// Hosts that are not public, and that tenants may name all the same: in the values of an app or
    /// a connection, and for webhooks. None. A host that the catalogue names needs not be among them.
    pub private_hosts: PrivateHosts,
    /// Webhooks may go by `http`, and to every address that is not public. No.
    pub private_webhooks: bool,
}

impl Settings {
    /// A broker over `database`, whose secrets `master` keeps, with everything else as usual.
    pub fn new(database: impl Into<String>, master: MasterKeys) -> Self {
        Self {
            database: database.into(),
            options: Options::default(),
            master,
            catalogue: Catalogue::built_in(),
            http: HttpSettings { at_once: 256, ..HttpSettings::default() },
            spool: None,
            renewals: 256,
            in_memory: 100_000,
            retention: Retention::default(),
            private_hosts: PrivateHosts::default(),
            private_webhooks: false,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The database's URL may have a password in it.
        f.debug_struct("Settings").field("renewals", &self.renewals).finish_non_exhaustive()
    }
}

/// Why a broker cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadStart {
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] BadDatabase),
    /// What is in it, or the keys, cannot be.
    #[error(transparent)]
    Problem(#[from] Problem),
}
