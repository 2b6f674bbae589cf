//! Many keys over one store (K1, K2, C14, R17), mostly in virtual time.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

#[path = "../world/mod.rs"]
mod world;

mod clearing;
mod farm;
mod idle;
mod keeping;
mod scheduled;
mod sharing;

use std::time::Duration;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
