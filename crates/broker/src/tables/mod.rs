//! What a broker keeps beside the records of its connections: a file for each table.
//!
//! Every function asks the database once, unless it says otherwise, and says `DATABASE_AWAY` when
//! that cannot answer. Times are the database's. What is a batch is one statement for all of it.

mod api_keys;
mod apps;
mod attempts;
mod audit;
mod circuits;
mod connections;
mod connects;
mod data_keys;
mod deliveries;
mod ends;
mod events;
mod figures;
mod hex;
mod imports;
mod limits;
mod newest_events;
mod retention;
mod rotations;
mod schema;
mod sign_outs;
mod tally;
mod tenants;
mod usage;
mod versions;
mod webhooks;

use unlapse_store::sql::{Away, BadDatabase, Database};

use crate::code::Code;
use crate::problem::Problem;
use crate::seal::{Envelope, MasterKeys, RotationWaits};

pub use api_keys::ApiKey;
pub(crate) use api_keys::is_api_key;
pub use attempts::{Attempt, Tried};
pub use audit::{Audit, AuditFilter, NewAudit};
pub use circuits::Circuit;
pub(crate) use connections::check_metadata;
pub use connections::{Counted, NewConnection};
pub use connects::Connect;
pub(crate) use data_keys::{DataKeysTable, WrappedKey};
pub use deliveries::{Delivery, DeliveryState};
pub(crate) use events::TOLD_AT_ONCE;
pub use events::{Event, EventKind, NewEvent};
pub(crate) use figures::Figures;
pub(crate) use hex::hex;
pub(crate) use imports::FAULTS_KEPT;
pub use imports::{Fault, ImportProgress};
pub use retention::Retention;
pub(crate) use rotations::{RotationsTable, SealedRow, SealedSecret, UnderWay};
pub(crate) use tally::Tally;
pub use usage::{Usage, Used};
pub use versions::Versions;
pub use webhooks::Webhook;

/// Everything that a broker keeps, beside the records themselves. Cheap to clone: clones share it.
#[derive(Clone, Debug)]
pub struct Tables {
    pub(crate) database: Database,
    envelope: Envelope,
    pub(crate) waits: RotationWaits,
}

impl Tables {
    /// The tables in `database`, made or brought up to date first; secrets in them are sealed under
    /// data keys that `masters` wrap.
    pub async fn open(database: Database, masters: MasterKeys) -> Result<Self, BadDatabase> {
        database.migrate("broker", schema::STEPS).await?;
        database.migrate("tally", tally::STEPS).await?;
        database.migrate("sign_outs", sign_outs::STEPS).await?;
        let envelope = Envelope::open(database.clone(), masters).await?;
        Ok(Self { database, envelope, waits: RotationWaits::default() })
    }

    /// The same tables, whose rotations wait otherwise.
    #[must_use]
    pub fn rotating(self, waits: RotationWaits) -> Self {
        Self { waits, ..self }
    }

    /// What seals, here and in the store of records.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// The database, for the store of records beside these tables.
    pub fn database(&self) -> &Database {
        &self.database
    }
}

impl From<Away> for Problem {
    fn from(_: Away) -> Self {
        Self::new(Code::DatabaseAway, "the database cannot answer now")
    }
}

/// A row that no statement of ours has written.
fn unreadable(what: &'static str) -> Problem {
    tracing::error!(what, "the database: a row cannot be read");
    Problem::new(Code::RecordDamaged, format!("{what} in the database cannot be read"))
}
