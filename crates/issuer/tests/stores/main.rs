//! What every store has to do, asked of every store there is: in memory, SQLite, PostgreSQL. A new
//! one is added to `every_store.rs`.
#![allow(clippy::disallowed_methods, reason = "tests spawn, wait and read files")]

mod audit_log;
mod denials;
mod every_store;
mod kept_keys;
mod postgres;
mod postgres_tls;
mod sessions;
mod sqlite;
mod subjects;
mod sweep;
mod tickets;
