//! The API over a real broker, on SQLite and with a provider that knows what it must never see.
#![allow(clippy::disallowed_methods, reason = "tests own their runtime")]

mod brought;
mod browser;
mod circuits;
mod connect;
mod connections;
mod document;
mod events;
mod exchange;
mod hostile;
mod inside;
mod keys;
mod load;
mod metadata;
mod mix_up;
mod rig;
mod schemathesis;
mod settings;
mod sign_outs;
mod stats;
mod watched;
mod webhooks;
#[path = "../world/mod.rs"]
mod world;
