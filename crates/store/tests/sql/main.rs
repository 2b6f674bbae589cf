//! Both databases, with nothing in their place.
#![cfg(unix)]
#![allow(clippy::disallowed_methods, reason = "tests touch files and wait as a neighbour does")]

mod database;
mod place;
