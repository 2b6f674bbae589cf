//! A token that was found to be genuine.

use core::fmt;
use core::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::access_claims::AccessClaims;
use crate::held::Held;
use crate::refusal::Refusal;
use crate::refused::{Refused, Scheme, Terms};
use crate::remembered::Tag;
use crate::thumbprint::Thumbprint;
use crate::verifier::GoodHeader;

/// What a genuine token says. Cheap to clone.
#[derive(Clone)]
pub struct Verified(pub(crate) Arc<Known>);

/// A token, and what was found when it was looked at last.
pub(crate) struct Known {
    pub(crate) tag: Tag,
    pub(crate) claims: AccessClaims,
    pub(crate) header: Arc<GoodHeader>,
    pub(crate) key: Thumbprint,
    /// The set of keys that its key was last found in.
    pub(crate) keys_version: AtomicU64,
    /// The number of denials at which it was not among them.
    pub(crate) denials: AtomicU64,
    pub(crate) terms: Arc<Terms>,
}

impl Verified {
    /// What it says.
    pub fn claims(&self) -> &AccessClaims {
        &self.0.claims
    }

    /// Refuses the request unless the token may be used for `scope`.
    pub fn require(&self, scope: &str) -> Result<(), Refused> {
        if self.has_scope(scope) {
            return Ok(());
        }
        let scheme = if self.cnf.is_some() { Scheme::Dpop } else { Scheme::Bearer };
        Err(Refused::new(Refusal::Scope, scheme, &self.0.terms).needing(scope))
    }
}

impl Known {
    /// Whether the key that signed it is still among `keys`: that very key, under its name.
    pub(crate) fn is_of(&self, keys: &Held) -> bool {
        if self.keys_version.load(Ordering::Relaxed) == keys.version {
            return true;
        }
        let key = keys.set.find(&self.header.kid, self.header.algorithm);
        let is_there = key.is_some_and(|key| key.thumbprint() == self.key);
        if is_there {
            self.keys_version.store(keys.version, Ordering::Relaxed);
        }
        is_there
    }
}

impl Deref for Verified {
    type Target = AccessClaims;

    fn deref(&self) -> &AccessClaims {
        &self.0.claims
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verified").field(&self.0.claims).finish()
    }
}

impl PartialEq for Verified {
    fn eq(&self, other: &Self) -> bool {
        self.0.claims == other.0.claims
    }
}
