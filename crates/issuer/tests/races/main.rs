//! Races on both databases, with real connections and over real sockets: two nodes, each with a
//! store of its own on one database.
#![allow(clippy::disallowed_methods, reason = "tests spawn servers and look at the clock")]

mod at_once;
mod chains;
mod fleet;
mod key_rotation;
mod outages;
#[path = "../http/server.rs"]
#[allow(
    dead_code,
    reason = "its client is used, its server is for one node with a store in memory"
)]
mod server;
#[path = "../http/shuttable.rs"]
#[allow(dead_code, reason = "what the server rests on")]
mod shuttable;
mod statements;
