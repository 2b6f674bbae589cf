//! The endpoints over real sockets, asked with hand-written HTTP/1.1.
#![allow(clippy::disallowed_methods, reason = "tests spawn servers and look at the clock")]

mod bound;
mod client_assertion;
mod discovery;
mod dpop;
mod errors;
mod exchange;
mod housekeeping;
mod introspect;
mod limits;
mod login;
mod metrics;
mod prover;
mod races;
mod refresh;
mod revoke;
mod server;
mod shuttable;
