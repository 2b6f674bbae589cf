//! Room for callers who are known.

use std::sync::Arc;

use crate::gate::Gate;

/// Credentials that are looked up at once.
const LOOKUPS: usize = 512;

/// How many callers who are known are answered at once: by the API and by the dashboard beside it
/// together, so that neither is a way around the other. More are told to come back (503). One tenant
/// has seven eighths of the places at most (429), and so have the operators. Clones share them.
#[derive(Clone, Debug)]
pub struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    requests: Gate,
    long: Gate,
    bodies: Gate,
    lookups: Gate,
}

impl Default for Places {
    fn default() -> Self {
        Self::new(Self::REQUESTS, Self::LONG_REQUESTS)
    }
}

impl Places {
    /// Requests that are answered at once, unless said otherwise.
    pub const REQUESTS: usize = 512;
    /// Those that take long, unless said otherwise.
    pub const LONG_REQUESTS: usize = 256;

    /// Room for so many requests that are answered at once, and for so many that may wait for a provider or
    /// bring an import: those take none of the places of the others.
    pub fn new(requests: usize, long_requests: usize) -> Self {
        Self(Arc::new(Shared {
            requests: Gate::new(requests),
            long: Gate::new(long_requests),
            bodies: Gate::new(requests),
            lookups: Gate::new(LOOKUPS),
        }))
    }

    /// Who is answered.
    pub(crate) fn requests(&self) -> &Gate {
        &self.0.requests
    }

    /// Who waits for a provider, or sends on and on.
    pub(crate) fn long(&self) -> &Gate {
        &self.0.long
    }

    /// Whose body is still to come.
    pub(crate) fn bodies(&self) -> &Gate {
        &self.0.bodies
    }

    /// Whose credential is looked up.
    pub(crate) fn lookups(&self) -> &Gate {
        &self.0.lookups
    }
}
