//! The keys that a node signs and verifies with.

use std::sync::Arc;

use unlapse_verify::{Algorithm, JwkSet};

use crate::pepper::Kid;
use crate::sealed_key::SealedKey;
use crate::signing_key::SigningKey;

/// A key as this node has read it from the store.
#[derive(Clone, Debug)]
pub(crate) struct HeldKey {
    pub(crate) kid: String,
    pub(crate) version: u64,
    /// The pepper that it is sealed under.
    pub(crate) pepper: Option<Kid>,
    pub(crate) key: SealedKey,
}

/// The keys of one moment. A new ring takes the place of the old one; no request sees half of
/// each.
///
/// There is always a key that signs.
#[derive(Debug)]
pub(crate) struct KeyRing {
    held: Vec<Arc<HeldKey>>,
    /// The active key of each algorithm; that for access tokens comes first.
    signers: Vec<Arc<SigningKey>>,
    jwks: Arc<JwkSet>,
}

impl KeyRing {
    /// One key, which signs.
    pub(crate) fn of(key: SigningKey) -> Self {
        let jwks = Arc::new(JwkSet::new([key.jwk().clone()]));
        Self { held: Vec::new(), signers: vec![Arc::new(key)], jwks }
    }

    /// Of keys as they were read. Access tokens are signed with `algorithm`, or with another as
    /// long as there is no active key for it. `None` when no key is active.
    pub(crate) fn new(held: Vec<Arc<HeldKey>>, algorithm: Algorithm) -> Option<Self> {
        let mut active: Vec<_> = held
            .iter()
            .filter_map(|held| match &held.key {
                SealedKey::Active { key, since, .. } => Some((*since, &held.kid, key)),
                _ => None,
            })
            .collect();
        // The newest of each algorithm signs, and everybody agrees which it is.
        active.sort_unstable_by(|(a, left, _), (b, right, _)| (b, right).cmp(&(a, left)));
        let newest = |algorithm| active.iter().find(|(.., key)| key.algorithm() == algorithm);
        let others = Algorithm::ALL.into_iter().filter(|other| *other != algorithm);
        let signers: Vec<_> = core::iter::once(algorithm)
            .chain(others)
            .filter_map(newest)
            .map(|(.., key)| Arc::clone(key))
            .collect();
        if signers.is_empty() {
            return None;
        }
        // Those that sign first: a reader that knows no better takes the first.
        let signing = signers.iter().map(|key| key.jwk().clone());
        let all = held.iter().filter_map(|held| held.key.jwk()).cloned();
        let jwks = Arc::new(JwkSet::new(signing.chain(all)));
        Some(Self { held, signers, jwks })
    }

    /// As they were read.
    pub(crate) fn held(&self) -> &[Arc<HeldKey>] {
        &self.held
    }

    /// What access tokens are signed with.
    pub(crate) fn signer(&self) -> &SigningKey {
        &self.signers[0]
    }

    /// What signs with `algorithm`, or access tokens when none is named. `None` while there is no
    /// active key of that kind.
    #[cfg(feature = "pages")]
    pub(crate) fn signer_for(&self, algorithm: Option<Algorithm>) -> Option<&SigningKey> {
        let Some(algorithm) = algorithm else { return Some(self.signer()) };
        self.signers.iter().find(|key| key.algorithm() == algorithm).map(|key| &**key)
    }

    /// What signs, and with which algorithms.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        self.signers.iter().map(|key| key.algorithm()).collect()
    }

    /// What is published.
    pub(crate) fn jwks(&self) -> &Arc<JwkSet> {
        &self.jwks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse_core::UnixTime;
    use unlapse_verify::Jwk;

    const AT: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn held(key: SealedKey) -> Arc<HeldKey> {
        let kid = key.jwk().map_or_else(|| "revoked".to_owned(), |jwk| jwk.kid().to_owned());
        Arc::new(HeldKey { kid, version: 1, pepper: None, key })
    }

    fn key(algorithm: Algorithm) -> Arc<SigningKey> {
        Arc::new(SigningKey::generate(algorithm).expect("drawn"))
    }

    fn active(key: &Arc<SigningKey>, since: UnixTime) -> SealedKey {
        SealedKey::Active { key: Arc::clone(key), since, due: false }
    }

    #[test]
    fn j1_the_newest_active_key_of_an_algorithm_signs_and_all_but_revoked_ones_are_published() {
        let [older, newer, next, over] = [(); 4].map(|()| key(Algorithm::EdDsa));
        let other = key(Algorithm::Es256);
        let keys = vec![
            held(SealedKey::Pending { key: Arc::clone(&next), since: AT }),
            held(active(&older, AT)),
            held(active(&newer, AT.plus(core::time::Duration::from_millis(1)))),
            held(active(&other, AT)),
            held(SealedKey::Retiring { jwk: Box::new(over.jwk().clone()), until: AT }),
            held(SealedKey::Revoked { since: AT }),
        ];
        let ring = KeyRing::new(keys.clone(), Algorithm::EdDsa).expect("one signs");
        assert_eq!(ring.signer().jwk(), newer.jwk());
        let published: Vec<_> = ring.jwks().keys().iter().map(Jwk::kid).collect();
        let expected: Vec<_> =
            [&newer, &other, &next, &older, &over].map(|key| key.jwk().kid()).into();
        assert_eq!(published, expected);
        assert!(!ring.jwks().has("revoked"));
        let ring = KeyRing::new(keys, Algorithm::Rs256).expect("another signs meanwhile");
        assert_eq!(ring.algorithms(), [Algorithm::EdDsa, Algorithm::Es256]);
        assert!(KeyRing::new(Vec::new(), Algorithm::EdDsa).is_none());
        assert!(
            KeyRing::new(vec![held(SealedKey::Revoked { since: AT })], Algorithm::EdDsa).is_none()
        );
    }
}
