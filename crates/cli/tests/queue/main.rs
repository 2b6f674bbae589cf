//! `curl` and `queue`: the real command, an API that honours idempotency keys and counts what it does,
//! and an authorization server of its own.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]
#![allow(unreachable_pub, reason = "each file shows its part to the others")]

#[path = "../harness/mod.rs"]
mod harness;
#[allow(dead_code, reason = "the secrets of another test are in it too")]
#[path = "../canary/search.rs"]
mod search;
#[allow(dead_code, reason = "tests of the library use all of it")]
#[path = "../../../client/tests/outbox/server.rs"]
mod server;

mod curl;
mod kills;
mod leaks;
mod lines;
mod side;
