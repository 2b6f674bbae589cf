//! Both databases, with nothing in their place.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests touch files and wait as a neighbour does")]

mod calls;
#[path = "../rig/mod.rs"]
mod children;
mod conformance;
mod database;
mod interleavings;
mod late;
mod nodes;
mod place;
mod processes;
mod rig;
mod schedule;
mod spool;
mod statements;
