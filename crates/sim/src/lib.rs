//! The world in which renewals are broken on purpose.
//!
//! Around the unchanged renewal of the `unlapse` crate stands a simulated one of everything it is
//! given: clocks, tasks, disks, a database, a network and an authorization server. One seed decides
//! every choice in it, so that the same seed makes the same run, byte for byte.

mod caller;
mod chance;
mod checks;
mod coverage;
mod database;
mod disk;
mod effects;
mod exchange;
mod executor;
pub mod exhaustive;
mod family;
mod fault;
mod host;
mod hunt;
mod invariant;
mod ledger;
mod network;
mod planted;
mod process;
mod proof;
pub mod random;
mod replay;
mod run;
mod scenario;
mod server;
mod strike;
mod tally;
mod trace;
mod weather;
mod world;

pub use chance::Chance;
pub use coverage::ANSWERS;
pub use fault::Fault;
pub use hunt::{Hunt, Progress};
pub use invariant::{Invariant, Violation};
pub use network::Fate;
pub use planted::Planted;
pub use proof::{Proof, look_for};
pub use replay::Replay;
pub use run::{Outcome, REST, Setup, run};
pub use server::Mood;
pub use tally::{Found, Met, Order, Tally};
pub use trace::{Actor, Entry};
