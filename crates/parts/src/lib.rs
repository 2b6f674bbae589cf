//! Real parts for tests, that leave nothing behind.
//!
//! A test against a database proves little when the database is an imitation. [`Postgres`] is the
//! real server, in a cluster of its own: on a free port, as an unprivileged user, and gone when its
//! owner is, also when that was killed. `Provider` is an authorization server that fails as it is told
//! to and counts what no client may do, and `Cable` one that can be cut (feature `network`).
//!
//! Only tests, examples and benchmarks may point here.
#![allow(
    clippy::disallowed_methods,
    reason = "parts are processes and files, and whoever starts one waits for it"
)]

mod account;
mod binaries;
#[cfg(feature = "network")]
mod cable;
mod error;
mod folder;
mod postgres;
mod processes;
#[cfg(feature = "network")]
mod provider;
mod wait;

#[cfg(feature = "network")]
pub use cable::Cable;
pub use error::Error;
pub use postgres::Postgres;
#[cfg(feature = "network")]
pub use provider::{Fault, LoggedIn, Provider, Rotation, Sent, Tally, Terms};

/// Whether the full suites were asked for (`UNLAPSE_SUITES=full`). The quick run leaves out what
/// needs more than cargo; in the full run, what cannot run fails.
pub fn is_full() -> bool {
    std::env::var("UNLAPSE_SUITES").is_ok_and(|suites| suites == "full")
}
