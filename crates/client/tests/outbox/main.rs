//! An outbox over a real disk and real sockets: a server that honours idempotency keys and counts
//! what it does.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]
#![allow(unreachable_pub, reason = "each file shows its part to the others")]
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

mod bound;
mod kills;
mod lines;
mod running;
mod server;
mod side;
