//! The peers: schedules whose statements were written by hand, for one engine and one purpose.

pub(crate) mod postgres;
mod sqlite;

pub(crate) use postgres::ByHand;
pub(crate) use sqlite::ByHandSqlite;
