//! What a broker keeps, asked of both databases: SQLite always, `PostgreSQL` in the full suite.
#![allow(clippy::disallowed_methods, reason = "tests spawn, wait and read files")]

mod api_keys;
mod connections;
mod ends;
mod events;
mod import;
mod import_killed;
mod logs;
mod nodes;
mod rotation;
mod seal;
mod secrets;
mod world;
