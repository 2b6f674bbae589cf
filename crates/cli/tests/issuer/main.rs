//! `unlapse issuer` as a process, asked by `unlapse login` and `unlapse token`, killed, and changed
//! by commands beside it.
#![allow(clippy::disallowed_methods, reason = "tests touch files and wait, as a neighbour does")]

#[path = "../harness/mod.rs"]
mod harness;

mod beside;
mod dev;
mod fleet;
mod kept;
mod mistakes;
mod server;
mod tls;
