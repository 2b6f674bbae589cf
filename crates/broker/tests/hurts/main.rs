//! What hurts users of other brokers: a test by each name, over real databases and a provider that counts
//! what may not happen.
#![expect(clippy::disallowed_methods, reason = "providers and databases go by the real clock")]

mod callers;
mod keys;
mod leases;
mod outages;
mod schedules;
mod setting;
#[path = "../world/mod.rs"]
mod world;
