//! The keys that access tokens are signed with: parsed once, and never again.

use core::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::jwk::{Jwk, PublicKey};

/// How access tokens are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 (RFC 8037): the default.
    #[default]
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3), 2048 bits, for clients that know no other.
    Rs256,
}

impl Algorithm {
    /// The `alg` of a JWT's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

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
    verifier: ParsedPublicKey,
    /// The JWT header of every access token, encoded, with its dot.
    header: String,
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl SigningKey {
    /// Draws a new key. RSA takes some hundred milliseconds: off the executor.
    pub fn generate(algorithm: Algorithm) -> Result<Self, BadSigningKey> {
        let pair = match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::generate().map(Pair::Ed25519),
            Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Pair::Rsa),
        };
        Self::new(pair.map_err(|_| BadSigningKey::Generation)?)
    }

    /// From a PKCS#8 document (RFC 5958, DER).
    pub fn from_pkcs8(algorithm: Algorithm, document: &[u8]) -> Result<Self, BadSigningKey> {
        let pair = match algorithm {
            Algorithm::EdDsa => Ed25519KeyPair::from_pkcs8(document).map(Pair::Ed25519),
            Algorithm::Rs256 => RsaKeyPair::from_pkcs8(document).map(Pair::Rsa),
        };
        Self::new(pair.map_err(|_| BadSigningKey::Document)?)
    }

    /// The private key as a PKCS#8 document, to be kept sealed.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, BadSigningKey> {
        let document = match &self.pair {
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::Rsa(pair) => pair.as_der().map(|document| document.as_ref().to_vec()),
        };
        document.map(Zeroizing::new).map_err(|_| BadSigningKey::Document)
    }

    fn new(pair: Pair) -> Result<Self, BadSigningKey> {
        let (algorithm, public, verifier) = match &pair {
            Pair::Ed25519(pair) => {
                let public = pair.public_key().as_ref();
                let verifier = ParsedPublicKey::new(&ED25519, public);
                (Algorithm::EdDsa, PublicKey::ed25519(public), verifier)
            }
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let verifier = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public.as_ref());
                let modulus = public.modulus();
                let exponent = public.exponent();
                let key = PublicKey::rsa(
                    modulus.big_endian_without_leading_zero(),
                    exponent.big_endian_without_leading_zero(),
                );
                (Algorithm::Rs256, key, verifier)
            }
        };
        let verifier = verifier.map_err(|_| BadSigningKey::Document)?;
        let jwk = Jwk::new(public, algorithm);
        let header =
            format!(r#"{{"alg":"{}","typ":"at+jwt","kid":"{}"}}"#, algorithm.as_str(), jwk.kid());
        let header = format!("{}.", URL_SAFE_NO_PAD.encode(header));
        Ok(Self { pair, jwk, verifier, header })
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::Ed25519(_) => Algorithm::EdDsa,
            Pair::Rsa(_) => Algorithm::Rs256,
        }
    }

    /// The public key as it is published.
    pub fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    pub(crate) fn header(&self) -> &str {
        &self.header
    }

    /// Signs: some tens of microseconds (EdDSA), under a millisecond (RS256).
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        const INVARIANT: &str = "a whole key signs any message";
        match &self.pair {
            Pair::Ed25519(pair) => pair.try_sign(message).expect(INVARIANT).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .expect(INVARIANT);
                signature
            }
        }
    }

    /// Whether it signed `message`. The algorithm is the key's own, whatever a header says.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify_sig(message, signature).is_ok()
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
        for algorithm in [Algorithm::EdDsa, Algorithm::Rs256] {
            let key = SigningKey::generate(algorithm).expect("drawn");
            let document = key.to_pkcs8().expect("a document");
            let again = SigningKey::from_pkcs8(algorithm, &document).expect("reads back");
            assert_eq!(again.jwk(), key.jwk());
            let signature = again.sign(b"message");
            assert!(key.verifies(b"message", &signature));
            assert!(!key.verifies(b"massage", &signature));
            assert!(
                !SigningKey::generate(Algorithm::EdDsa)
                    .expect("drawn")
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
