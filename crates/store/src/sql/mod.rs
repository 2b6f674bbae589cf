//! A small layer over two databases, for whatever a service keeps (features `sqlite`, `postgres`).
//!
//! [`Database`] is one file of SQLite, or a schema of `PostgreSQL` for the nodes of a fleet.
//! [`Statement`]s are written once for both where they can be. What the databases do of their own,
//! such as a connection's settings, is in `sqlite` and `postgres`.

mod away;
mod bad_database;
mod database;
mod options;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(unix)]
mod records;
mod row;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod statement;
mod step;
mod value;

pub use away::Away;
pub use bad_database::BadDatabase;
pub use database::{Database, Engine};
pub use options::Options;
#[cfg(unix)]
pub use records::{
    Count, Due, Next, NodeId, Overview, RecordId, SHARDS, Seal, Sealed, SqlOptions, SqlStore,
    Timetable,
};
pub use row::Row;
pub use statement::Statement;
pub use step::Step;
pub use value::Value;
