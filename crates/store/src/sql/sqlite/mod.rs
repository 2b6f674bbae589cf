//! One file of SQLite.

mod bad_file;
mod file;
mod migrations;
mod open;
pub(super) mod sqlite_file;
mod worker;

pub use bad_file::BadFile;
pub use open::open;
pub(super) use sqlite_file::SqliteFile;
pub use worker::{Turn, Worker};
