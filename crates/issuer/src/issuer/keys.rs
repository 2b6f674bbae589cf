//! The keys that an issuer signs with, and how they are kept up to date.

use std::sync::Arc;

use unlapse_verify::{Algorithm, JwkSet};

use super::{About, Issuer};
use crate::audit::Event;
use crate::bad_keys::BadKeys;
use crate::key_ring::KeyRing;
use crate::signing_keys::SigningKeys;

impl Issuer {
    /// The public keys as they are published: those that sign, those that will, and those that
    /// did.
    pub fn jwks(&self) -> Arc<JwkSet> {
        Arc::clone(self.parts.ring.load().jwks())
    }

    /// What it signs access tokens and ID tokens with.
    pub fn algorithm(&self) -> Algorithm {
        self.parts.ring.load().signer().algorithm()
    }

    /// Everything that it can sign with, that for access tokens first.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.parts.ring.load().algorithms()
    }

    /// Its signing keys as they are kept, for people; `None` when they are not
    /// ([`kept_keys`](super::IssuerBuilder::kept_keys)).
    pub fn signing_keys(&self) -> Option<&SigningKeys> {
        self.parts.keys.as_ref()
    }

    /// Does what is to be done for the signing keys: one round, which is due every 30 s and after
    /// every change. Reads the keys, makes the next ahead, lets it succeed the one before, and
    /// seals what is sealed under an older pepper again. Every node does it; none does it twice.
    ///
    /// After an error the keys that were read before are used.
    pub async fn keep_keys(&self) -> Result<(), BadKeys> {
        let Some(keys) = &self.parts.keys else { return Ok(()) };
        let _turn = self.parts.key_round.lock().await;
        let before = self.parts.ring.load_full();
        let round = keys.round(before.held()).await?;
        let ring = KeyRing::new(round.held, keys.algorithm()).ok_or(BadKeys::BeingMade)?;
        if ring.jwks() != before.jwks() {
            self.parts.verifying.replace(JwkSet::clone(ring.jwks()));
        }
        self.parts.ring.store(Arc::new(ring));
        if round.rotated {
            self.note(Event::KeyRotated, About::default());
        }
        Ok(())
    }
}
