//! `unlapse serve` as a process: begun in an empty directory, asked by its operators and by
//! `unlapse token`, ended by signals and killed.
#![allow(clippy::disallowed_methods, reason = "tests touch files and wait, as a neighbour does")]

#[path = "../harness/mod.rs"]
mod harness;

mod browser;
mod canary;
mod client;
mod fleet;
mod jwt;
mod keys;
mod metrics;
mod mistakes;
mod operators;
mod quickstart;
mod server;
mod signals;
mod source;
mod start;
mod tls;
