//! The client under every order of its threads that a scheduler can think of, or as many as there is
//! time for: `cargo xtask threads`. What is explored, and what is not, is in
//! `docs/threads.md`.
#![cfg(unlapse_shuttle)]
#![allow(unreachable_pub, reason = "as in the other worlds of tests")]

mod explore;
mod flights;
mod keeper;
mod publication;
mod records;
mod server;
mod world;
