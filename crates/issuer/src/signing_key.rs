//! The keys that access tokens are signed with: parsed once, and never again.

use core::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING as P256, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use unlapse_verify::{Algorithm, Jwk};

/// A signing key could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSigningKey {
    /// The system could not draw one.
    #[error("no signing key could be drawn")]
    Generation,
    /// The document holds no key of that algorithm, or a weak one.
    #[error("it is no PKCS#8 document of a key for this algorithm (RSA: 2048 to 8192 bits)")]
    Document,
}

/// A private key and all that is derived from it.
pub struct SigningKey {
    pair: Pair,
    jwk: Jwk,
    /// The JWT header of every access token, encoded, with its dot.
    header: String,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// Draws a new key. RSA takes some hundred milliseconds: off the executor.
    pub fn generate(algorithm: Algorithm) -> Result<Self, BadSigningKey> {
        let pair = match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::generate().map(Pair::Ed25519),
            Algorithm::Es256 => EcdsaKeyPair::generate(&P256).map(Pair::P256),
            Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
            _ => return Err(BadSigningKey::Generation),
        };
        Self::new(pair.map_err(|_| BadSigningKey::Generation)?)
    }

    /// From a PKCS#8 document (RFC 5958, DER).
    pub fn from_pkcs8(algorithm: Algorithm, document: &[u8]) -> Result<Self, BadSigningKey> {
        let pair = match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(document).map(Pair::Ed25519),
            Algorithm::Es256 => EcdsaKeyPair::from_pkcs8(&P256, document).map(Pair::P256),
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(document).map(Pair::Rsa),
            _ => return Err(BadSigningKey::Document),
        };
        Self::new(pair.map_err(|_| BadSigningKey::Document)?)
    }

    /// The private key as a PKCS#8 document, to be kept sealed.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, BadSigningKey> {
        let document = match &self.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::P256(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::Rsa(pair) => pair.as_der().map(|document| document.as_ref().to_vec()),
        };
        document.map(Zeroizing::new).map_err(|_| BadSigningKey::Document)
    }

    fn new(pair: Pair) -> Result<Self, BadSigningKey> {
        let jwk = match &pair {
            Pair::Ed25519(pair) => {
                let public = pair.public_key().as_ref().try_into();
                Jwk::ed25519(public.map_err(|_| BadSigningKey::Document)?)
            }
            Pair::P256(pair) => {
                // SEC 1 §2.3.3: 4, x, y.
                let point = pair.public_key().as_ref();
                let halves = point.get(1..).and_then(|xy| xy.split_first_chunk());
                let (x, y) = halves.ok_or(BadSigningKey::Document)?;
                Jwk::p256(x, y.try_into().map_err(|_| BadSigningKey::Document)?)
            }
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                Jwk::rsa(n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero())
            }
        };
        let jwk = jwk.map_err(|_| BadSigningKey::Document)?;
        let algorithm = jwk.algorithm();
        let header =
            format!(r#"{{"alg":"{}","typ":"at+jwt","kid":"{}"}}"#, algorithm.as_str(), jwk.kid());
        let header = format!("{}.", URL_SAFE_NO_PAD.encode(header));
        Ok(Self { pair, jwk, header })
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.jwk.algorithm()
    }

    /// The public key as it is published.
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// Signs: some tens of microseconds (EdDSA, ES256), under a millisecond (RS256).
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        const INVARIANT: &str = "a whole key signs any message";
        match &self.pair {
            Pair::Ed25519(pair) => pair.try_sign(message).expect(INVARIANT).as_ref().to_vec(),
            Pair::P256(pair) => {
                pair.sign(&SystemRandom::new(), message).expect(INVARIANT).as_ref().to_vec()
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .expect(INVARIANT);
                signature
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("jwk", &self.jwk).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_each_kind_signs_and_survives_its_document() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm).expect("drawn");
            let document = key.to_pkcs8().expect("a document");
            let again = SigningKey::from_pkcs8(algorithm, &document).expect("reads back");
            assert_eq!(again.jwk(), key.jwk());
            let signature = again.sign(b"message");
            assert!(key.jwk().key().verifies(b"message", &signature));
            assert!(!key.jwk().key().verifies(b"massage", &signature));
            assert!(
                !SigningKey::generate(Algorithm::EdDsa)
                    .expect("drawn")
                    .jwk()
                    .key()
                    .verifies(b"message", &signature)
            );
        }
    }

    #[test]
    fn a_document_of_another_kind_is_no_key() {
        let document = SigningKey::generate(Algorithm::EdDsa).and_then(|key| key.to_pkcs8());
        let document = document.expect("a document");
        for (algorithm, bytes) in [
            (Algorithm::Rs256, &document[..]),
            (Algorithm::EdDsa, &document[1..]),
            (Algorithm::EdDsa, &[]),
        ] {
            let refused = SigningKey::from_pkcs8(algorithm, bytes).err();
            assert_eq!(refused, Some(BadSigningKey::Document));
        }
    }
}
