//! Public keys as JSON (RFC 7517), and their thumbprints (RFC 7638).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::sha256::sha256;
use crate::signing_key::Algorithm;

/// A public key as it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Jwk {
    #[serde(flatten)]
    key: PublicKey,
    kid: String,
    alg: &'static str,
    r#use: &'static str,
}

/// What makes the key, each in its members' lexicographic order (RFC 7638 §3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum PublicKey {
    /// RFC 8037 §2.
    Okp { crv: &'static str, kty: &'static str, x: String },
    /// RFC 7518 §6.3.
    Rsa { e: String, kty: &'static str, n: String },
}

impl PublicKey {
    pub(crate) fn ed25519(x: &[u8]) -> Self {
        Self::Okp { crv: "Ed25519", kty: "OKP", x: URL_SAFE_NO_PAD.encode(x) }
    }

    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Self {
        Self::Rsa {
            e: URL_SAFE_NO_PAD.encode(exponent),
            kty: "RSA",
            n: URL_SAFE_NO_PAD.encode(modulus),
        }
    }

    /// SHA-256 over the required members alone, in base64url (RFC 7638).
    pub(crate) fn thumbprint(&self) -> String {
        let json = serde_json::to_vec(self).expect("strings alone always make JSON");
        URL_SAFE_NO_PAD.encode(sha256(&json))
    }
}

/// The SHA-256 of a key's required members (RFC 7638): the name of the key, and the `jkt` that a
/// token is bound to (RFC 9449 §6).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// From its bytes, as a store keeps them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl core::fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl core::fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

impl Jwk {
    pub(crate) fn new(key: PublicKey, algorithm: Algorithm) -> Self {
        Self { kid: key.thumbprint(), key, alg: algorithm.as_str(), r#use: "sig" }
    }

    /// The key's name: its thumbprint (RFC 7638).
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8037_a_3_thumbprint() {
        let key = PublicKey::Okp {
            crv: "Ed25519",
            kty: "OKP",
            x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned(),
        };
        assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn rfc7638_3_1_thumbprint() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tS\
                 oc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65\
                 YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyr\
                 dkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK\
                 nqDKgw";
        let key = PublicKey::Rsa { e: "AQAB".to_owned(), kty: "RSA", n: n.to_owned() };
        assert_eq!(key.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
