//! A public key, ready to verify with.

use core::fmt;

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
};

use crate::algorithm::Algorithm;
use crate::jwk::BadJwk;
use crate::small_order;

/// A public key that is parsed once, with the one algorithm that it verifies.
///
/// The algorithm is the key's own, whatever the header of a token says (RFC 8725 §3.1). A library
/// that parses an RSA key again for each signature spends a quarter of its time on that.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    parsed: ParsedPublicKey,
}

/// Sizes of an RSA modulus, in bits. RFC 7518 §3.3 demands the least; above the most, a signature
/// would cost the verifier more than it may.
const RSA_BITS: core::ops::RangeInclusive<usize> = 2048..=8192;

impl VerifyingKey {
    /// An Ed25519 key (RFC 8032 §5.1.2). A point of small order is refused.
    pub fn ed25519(x: &[u8; 32]) -> Result<Self, BadJwk> {
        if small_order::is_degenerate(x) {
            return Err(BadJwk::Point);
        }
        let parsed = ParsedPublicKey::new(&ED25519, x).map_err(|_| BadJwk::Point)?;
        Ok(Self { algorithm: Algorithm::EdDsa, parsed })
    }

    /// A P-256 key from the coordinates of its point, big-endian (RFC 7518 §6.2.1).
    pub fn p256(x: &[u8; 32], y: &[u8; 32]) -> Result<Self, BadJwk> {
        // SEC 1 §2.3.3: a point that is not compressed.
        let point = [&[4], &x[..], &y[..]].concat();
        let parsed =
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| BadJwk::Point)?;
        Ok(Self { algorithm: Algorithm::Es256, parsed })
    }

    /// An RSA key of 2048 to 8192 bits from its modulus and exponent, big-endian without leading
    /// zeros (RFC 7518 §6.3.1).
    pub fn rsa(n: &[u8], e: &[u8]) -> Result<Self, BadJwk> {
        let minimal = |number: &[u8]| number.first().is_some_and(|first| *first != 0);
        let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        if !minimal(n) || !minimal(e) || !odd(n) {
            return Err(BadJwk::Number);
        }
        let bits = n.len() * 8 - n[0].leading_zeros() as usize;
        if !RSA_BITS.contains(&bits) {
            return Err(BadJwk::Weak);
        }
        // An exponent of 1 signs nothing, and a large one makes verifying slow.
        if !odd(e) || e == [1] || e.len() > 4 {
            return Err(BadJwk::Weak);
        }
        let parsed = PublicKeyComponents { n, e }
            .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| BadJwk::Number)?;
        Ok(Self { algorithm: Algorithm::Rs256, parsed })
    }

    /// The one algorithm that it verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether it signed `message`. ECDSA signatures are 64 bytes, r and s (RFC 7518 §3.4).
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc7518_6_what_is_no_key() {
        let (zero, nine) = ([0; 32], [9; 32]);
        assert_eq!(VerifyingKey::ed25519(&zero).err(), Some(BadJwk::Point));
        assert_eq!(VerifyingKey::p256(&zero, &zero).err(), Some(BadJwk::Point));
        assert_eq!(VerifyingKey::p256(&nine, &nine).err(), Some(BadJwk::Point));
        let modulus = |bytes: usize, first: u8, last: u8| {
            let mut modulus = vec![0x55; bytes];
            modulus[0] = first;
            modulus[bytes - 1] = last;
            modulus
        };
        for (n, e, bad) in [
            (modulus(256, 0x80, 1), &[1, 0, 1][..], None),
            (modulus(1024, 0x80, 1), &[3], None),
            (modulus(256, 0x7f, 1), &[1, 0, 1], Some(BadJwk::Weak)),
            (modulus(128, 0x80, 1), &[1, 0, 1], Some(BadJwk::Weak)),
            (modulus(1025, 1, 1), &[1, 0, 1], Some(BadJwk::Weak)),
            (modulus(256, 0x80, 2), &[1, 0, 1], Some(BadJwk::Number)),
            (modulus(257, 0, 1), &[1, 0, 1], Some(BadJwk::Number)),
            (Vec::new(), &[1, 0, 1], Some(BadJwk::Number)),
            (modulus(256, 0x80, 1), &[], Some(BadJwk::Number)),
            (modulus(256, 0x80, 1), &[0, 3], Some(BadJwk::Number)),
            (modulus(256, 0x80, 1), &[1], Some(BadJwk::Weak)),
            (modulus(256, 0x80, 1), &[2], Some(BadJwk::Weak)),
            (modulus(256, 0x80, 1), &[1, 0, 0, 0, 1], Some(BadJwk::Weak)),
        ] {
            assert_eq!(VerifyingKey::rsa(&n, e).err(), bad, "{} {e:?}", n.len());
        }
    }
}
