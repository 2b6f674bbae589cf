//! Every command as a person and a script meet it: what it prints where, and how it ends.
#![allow(clippy::disallowed_methods, reason = "tests touch files and wait, as a neighbour does")]

#[path = "../harness/mod.rs"]
mod harness;

mod accounts;
mod configuration;
mod doctor;
mod dpop;
mod exec;
mod json_docs;
mod ladder;
mod login;
mod logout;
mod output;
mod refresh;
mod sealed;
mod status;
mod store;
mod terminal;
mod token;
mod usage;
