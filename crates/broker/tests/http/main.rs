//! The API over a real broker, on SQLite and with a provider that knows what it must never see.
#![allow(clippy::disallowed_methods, reason = "tests own their runtime")]

mod connect;
mod connections;
mod document;
mod events;
mod exchange;
mod hostile;
mod keys;
mod load;
mod rig;
mod schemathesis;
mod settings;
mod sign_outs;
mod stats;
mod webhooks;
#[path = "../world/mod.rs"]
mod world;
