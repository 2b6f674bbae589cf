//! What must hold for hostile input, one function per kind of it. Each takes bytes that anybody may
//! have written, hands them to the product, and panics when a promise is broken; rule ids are those
//! of the project's `docs/rules.md`.
//!
//! The fuzzer calls them from `fuzz_targets/`, and `tests/replay.rs` with everything in `corpus/`
//! and `regressions/`.
#![forbid(unsafe_code)]

// The configuration's source calls the broker by its name.
extern crate self as unlapse_broker;

mod answer;
mod bearer;
mod challenges;
// The command is a program, and nothing may depend on it; its configuration knows nothing of the
// rest of it, so that the very source is compiled in here.
#[path = "../../crates/cli/src/config/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the command uses what is not used here")]
mod config;
mod configuration;
mod duration;
mod endpoint;
mod jwt;
mod login_reply;
mod metadata;
mod outward;
mod providers;
mod record;
mod retry_after;
mod reuse;
mod sealed_file;
mod token_reply;
mod unseen;

pub use bearer::bearer;
pub use challenges::challenges;
pub use configuration::configuration;
pub use duration::duration;
pub use endpoint::endpoint;
pub use jwt::jwt;
pub use login_reply::login_reply;
pub use metadata::metadata;
#[doc(hidden)]
pub use outward::{BadPrivateHost, NotPublic, PrivateHosts};
pub use providers::providers;
pub use record::record;
pub use retry_after::retry_after;
pub use reuse::reuse;
pub use sealed_file::sealed_file;
pub use token_reply::token_reply;

/// A kind of hostile input: its name, and what must hold for it.
pub type Target = (&'static str, fn(&[u8]));

/// Every kind there is.
pub const TARGETS: &[Target] = &[
    ("bearer", bearer),
    ("challenges", challenges),
    ("configuration", configuration),
    ("duration", duration),
    ("endpoint", endpoint),
    ("jwt", jwt),
    ("login_reply", login_reply),
    ("metadata", metadata),
    ("providers", providers),
    ("record", record),
    ("retry_after", retry_after),
    ("reuse", reuse),
    ("sealed_file", sealed_file),
    ("token_reply", token_reply),
];

/// What stands for a secret in the seeds: it must never come out again.
const CANARY: &str = "canary4711";
