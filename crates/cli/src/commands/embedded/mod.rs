//! What the demo and the drill are built of: our own issuer behind faults, on the loopback.

mod canvas;
mod directory;
mod fault;
mod serve;

pub(crate) use canvas::{Canvas, put};
pub(crate) use directory::private_temporary_directory;
pub(crate) use fault::Fault;
pub(crate) use serve::{Gate, connection, serve};

/// A seed that differs each time.
pub(crate) fn random_seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish()
}
