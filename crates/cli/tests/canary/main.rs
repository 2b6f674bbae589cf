//! No secret in anything that leaves the process but its data (R18, C13).
//!
//! Distinct secrets are planted in every place that takes one; every command runs with the log at
//! `trace` and backtraces on, while errors of every kind are provoked by a server that repeats what
//! it was sent. Then everything is searched, in clear and in base64.
#![allow(clippy::disallowed_methods, reason = "tests touch files and wait, as a neighbour does")]

#[path = "../harness/mod.rs"]
mod harness;

mod planted;
mod printed;
mod processes;
mod search;
mod tls;
