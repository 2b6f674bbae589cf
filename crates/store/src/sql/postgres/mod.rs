//! A server of `PostgreSQL`.

mod bad_server;
mod connections;
mod migrations;
mod outage;
mod place;
mod server;
mod tls;

pub use bad_server::BadServer;
pub use connections::{AWAY, Connections, Params};
pub use migrations::migrate;
pub use place::Place;
pub(super) use server::Server;
pub use tls::tls;
