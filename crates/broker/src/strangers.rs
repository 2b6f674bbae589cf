//! Callers who have not proven yet who they are.

use core::time::Duration;
use std::net::IpAddr;
use std::sync::Arc;

use crate::gate::{Crowd, Gate, Holder, Place};
use crate::guesses::Guesses;

/// So many of them are heard at once.
const WIDTH: usize = 128;
/// Largest body of theirs that is read, in bytes: a form with a token in it.
pub(crate) const LARGEST: usize = 16 * 1024;
/// A body of theirs that takes longer is given up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What the API and the dashboard share of callers who have not proven yet who they are: they are few
/// at once, and short, and take no place from those who have; and keys that are none are counted. Clones
/// share it.
#[derive(Clone, Debug)]
pub struct Strangers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    gate: Gate,
    guesses: Guesses,
}

impl Default for Strangers {
    fn default() -> Self {
        Self(Arc::new(Shared { gate: Gate::new(WIDTH), guesses: Guesses::default() }))
    }
}

impl Strangers {
    /// Room for one more from there.
    pub(crate) fn enter(&self, peer: Option<IpAddr>) -> Result<Place, Crowd> {
        self.0.gate.enter(Holder::stranger(peer))
    }

    /// The keys of theirs that were wrong.
    pub(crate) fn guesses(&self) -> &Guesses {
        &self.0.guesses
    }
}
