//! Renewal at a server by other people: the certified `oidc-provider`, which rotates every refresh
//! token and ends a login when one is used twice. See `peers/README.md`.
//!
//! Part of the full suites: `UNLAPSE_PEER_OIDC_PROVIDER` names its folder.
#![allow(clippy::disallowed_methods, reason = "tests touch files and wait, as a neighbour does")]

#[path = "../harness/mod.rs"]
mod harness;

mod bound;
mod command;
mod library;
mod provider;
mod slow;
