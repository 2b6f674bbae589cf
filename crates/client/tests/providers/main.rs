//! Every provider of the catalogue against a server that behaves as its row says: real sockets, the
//! provider's own request checked as the provider would, its reply and its errors as it sends them.
#![cfg(feature = "providers")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

mod bounds;
mod codes;
mod errors;
mod lifetimes;
mod refreshes;
mod renewals;
mod server;
mod signed;
mod stage;
