//! The client's key in production.

use std::sync::Arc;

use unlapse_core::Secret;
use unlapse_oauth::provider::{BadPrivateKey, Claims, NotSigned, PrivateKey, Signer};

use crate::dpop::Random;
use crate::effects::Clock;

/// Signs the JWTs that an app proves itself with (RFC 7523 §2.2), for
/// [`ProviderClient::key`](crate::ProviderClient::key).
pub struct KeySigner {
    key: PrivateKey,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl KeySigner {
    /// Reads a PEM text, as [`PrivateKey::parse`] does. `key_id` is the `kid` of the JWTs.
    pub fn parse(
        pem: &Secret,
        key_id: Option<&str>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, BadPrivateKey> {
        Ok(Self { key: PrivateKey::parse(pem, key_id)?, clock, random })
    }
}

impl Signer for KeySigner {
    fn sign(&self, claims: Claims<'_>) -> Result<Secret, NotSigned> {
        let mut jti = [0; 16];
        self.random.fill(&mut jti).map_err(|_| NotSigned)?;
        self.key.sign(claims, self.clock.now().wall, jti)
    }
}
