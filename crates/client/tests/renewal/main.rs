//! The rules of the renewal, one by one and in sequences that somebody hostile would think of, in a
//! small world of virtual time. One binary: each takes as long to link as the others.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may")]
#![allow(missing_docs, reason = "the names of the tests say what they prove")]

#[path = "../world/mod.rs"]
mod world;

mod bound;
mod doubt;
mod fences;
mod keeper;
mod kept;
mod login;
mod logout;
mod metered;
mod report;
mod sharing;
mod stale;
mod telling;
mod unsaved;
mod validity;
mod verdicts;
mod waiting;
mod without_store;

use std::time::Duration;

use unlapse::Key;
use unlapse_core::{Reuse, Rungs, StoreError};

const GRACE: Reuse = Reuse::Grace(Duration::from_secs(30));

const LOGIN: Rungs = Rungs { refresh: true, login: true, api_key: false };

fn full() -> StoreError {
    StoreError::Full { place: "the disk".to_owned() }
}

fn damaged() -> StoreError {
    StoreError::Damaged { key: Key::new("acme"), damage: unlapse_core::Damage::Corrupt, kept: None }
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}
