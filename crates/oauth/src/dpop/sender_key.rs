//! The private key that a token is bound to.

use core::fmt;

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderValue;
use serde::Serialize;
use unlapse_core::Secret;
use zeroize::Zeroizing;

use super::is_nonce;
use super::proof::Proof;

/// Longest document that is looked at, in characters: a key takes some 190.
const MAX_DOCUMENT: usize = 4096;

/// How proofs are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256 (RFC 7518 §3.4): what every server that speaks `DPoP` knows.
    #[default]
    Es256,
    /// Ed25519 (RFC 8037).
    EdDsa,
}

impl Algorithm {
    /// The `alg` of a proof's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A key, or a proof with it, could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSenderKey {
    /// The document holds no key of a known algorithm.
    #[error("it is no PKCS#8 document of an ES256 or EdDSA key in base64")]
    Document,
    /// The seed is none of this algorithm's keys: draw another.
    #[error("the seed is out of the algorithm's range")]
    Seed,
    /// The nonce is none (RFC 9449 §8.1).
    #[error("the nonce has characters that RFC 9449 does not allow")]
    Nonce,
    /// The signature could not be made.
    #[error("the key does not sign")]
    Signature,
}

/// The private key that a token is bound to, parsed once.
///
/// ```
/// use http::Method;
/// use unlapse_core::{Secret, UnixTime};
/// use unlapse_oauth::dpop::{Algorithm, DPOP, Proof, SenderKey, Target};
///
/// # let (random_seed, random) = ([7; 32], [9; 16]);
/// let key = SenderKey::from_seed(Algorithm::Es256, &random_seed)?;
/// let kept: Secret = key.to_document()?;          // beside the token, sealed
/// let key = SenderKey::parse(&kept)?;
///
/// let access_token = Secret::new("at-1");
/// let target = Target::parse("https://api.example/orders?page=2")?;
/// let proof = key.prove(&Proof {
///     method: &Method::GET,
///     target: &target,
///     access_token: Some(&access_token),
///     nonce: None,
///     jti: random,
///     issued_at: UnixTime::from_secs(1_900_000_000),
/// })?;
/// let request = http::Request::get("https://api.example/orders?page=2")
///     .header("authorization", "DPoP at-1")
///     .header(DPOP, proof);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SenderKey {
    pair: Pair,
    jwk: Jwk,
    /// The header of every proof, encoded, with its dot.
    header: String,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A public key (RFC 7517), its members in lexicographic order as a thumbprint has them (RFC 7638
/// §3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Jwk {
    crv: &'static str,
    kty: &'static str,
    x: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
}

impl SenderKey {
    /// The key of 32 random bytes. Of P-256, one seed in four thousand million is out of range.
    pub fn from_seed(algorithm: Algorithm, seed: &[u8; 32]) -> Result<Self, BadSenderKey> {
        let pair = match algorithm {
            Algorithm::Es256 => {
                let public = PrivateKey::from_private_key(&ECDH_P256, seed)
                    .map_err(|_| BadSenderKey::Seed)?
                    .compute_public_key()
                    .map_err(|_| BadSenderKey::Seed)?;
                EcdsaKeyPair::from_private_key_and_public_key(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    seed,
                    public.as_ref(),
                )
                .map(Pair::P256)
            }
            Algorithm::EdDsa => Ed25519KeyPair::from_seed_unchecked(seed).map(Pair::Ed25519),
        };
        Ok(Self::new(pair.map_err(|_| BadSenderKey::Seed)?))
    }

    /// Reads what [`SenderKey::to_document`] wrote: a PKCS#8 document (RFC 5958) in base64. The
    /// algorithm is the key's own.
    pub fn parse(document: &Secret) -> Result<Self, BadSenderKey> {
        let text = document.expose();
        if text.len() > MAX_DOCUMENT {
            return Err(BadSenderKey::Document);
        }
        let der = Zeroizing::new(STANDARD.decode(text).map_err(|_| BadSenderKey::Document)?);
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der)
            .map(Pair::P256)
            .or_else(|_| Ed25519KeyPair::from_pkcs8(&der).map(Pair::Ed25519));
        Ok(Self::new(pair.map_err(|_| BadSenderKey::Document)?))
    }

    /// The private key, to be kept with the token.
    pub fn to_document(&self) -> Result<Secret, BadSenderKey> {
        let der = match &self.pair {
            Pair::P256(pair) => pair.to_pkcs8v1(),
            Pair::Ed25519(pair) => pair.to_pkcs8v1(),
        };
        let der = der.map_err(|_| BadSenderKey::Document)?;
        Ok(Secret::from(STANDARD.encode(der.as_ref())))
    }

    fn new(pair: Pair) -> Self {
        let (algorithm, jwk) = match &pair {
            Pair::P256(pair) => (Algorithm::Es256, Jwk::p256(pair.public_key().as_ref())),
            Pair::Ed25519(pair) => (Algorithm::EdDsa, Jwk::ed25519(pair.public_key().as_ref())),
        };
        let header = json(&Header { typ: "dpop+jwt", alg: algorithm.as_str(), jwk: &jwk });
        let header = format!("{}.", URL_SAFE_NO_PAD.encode(header));
        Self { pair, jwk, header }
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        match self.pair {
            Pair::P256(_) => Algorithm::Es256,
            Pair::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// `jkt`, `dpop_jkt`: the name of the public key in tokens and requests (RFC 9449 §6.1, §10).
    pub fn thumbprint(&self) -> String {
        self.jwk.thumbprint()
    }

    /// The value of the `DPoP` header for one request, marked sensitive.
    ///
    /// # Panics
    ///
    /// Never: a proof is base64url and dots, which a header can carry.
    pub fn prove(&self, proof: &Proof<'_>) -> Result<HeaderValue, BadSenderKey> {
        if !proof.nonce.is_none_or(is_nonce) {
            return Err(BadSenderKey::Nonce);
        }
        let claims = json(&Claims {
            jti: &URL_SAFE_NO_PAD.encode(proof.jti),
            htm: proof.method.as_str(),
            htu: proof.target.as_str(),
            iat: proof.issued_at.as_secs(),
            ath: proof.access_token.map(|token| base64_sha256(token.expose().as_bytes())),
            nonce: proof.nonce,
        });
        let mut jwt = self.header.clone();
        URL_SAFE_NO_PAD.encode_string(claims, &mut jwt);
        let signature = match &self.pair {
            // It has its own source of randomness, and asks no other.
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), jwt.as_bytes()),
            Pair::Ed25519(pair) => pair.try_sign(jwt.as_bytes()),
        };
        let signature = signature.map_err(|_| BadSenderKey::Signature)?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut jwt);
        let mut value = HeaderValue::from_str(&jwt).expect("base64url and dots are visible ASCII");
        // No secret for long, and no business of a log.
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for SenderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SenderKey({})", self.thumbprint())
    }
}

/// The protected header of a proof (RFC 9449 §4.2).
#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    jwk: &'a Jwk,
}

/// Its claims.
#[derive(Serialize)]
struct Claims<'a> {
    jti: &'a str,
    htm: &'a str,
    htu: &'a str,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ath: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl Jwk {
    /// Of an uncompressed point: 4, then both coordinates (SEC 1 §2.3.3).
    fn p256(point: &[u8]) -> Self {
        let (x, y) = point[1..].split_at(32);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        Self { crv: "P-256", kty: "EC", x, y: Some(y) }
    }

    fn ed25519(x: &[u8]) -> Self {
        Self { crv: "Ed25519", kty: "OKP", x: URL_SAFE_NO_PAD.encode(x), y: None }
    }

    fn thumbprint(&self) -> String {
        base64_sha256(&json(self))
    }
}

fn base64_sha256(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, bytes))
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers always make JSON")
}

#[cfg(test)]
#[path = "sender_key_tests.rs"]
mod tests;
