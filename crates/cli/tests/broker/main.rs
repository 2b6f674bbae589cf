//! `unlapse serve` as a process: begun in an empty directory, asked by its operators and by
//! `unlapse token`, ended by signals and killed.
#![allow(clippy::disallowed_methods, reason = "tests touch files and wait, as a neighbour does")]

#[path = "../harness/mod.rs"]
mod harness;

mod canary;
mod keys;
mod mistakes;
mod operators;
mod server;
mod signals;
mod source;
mod start;
