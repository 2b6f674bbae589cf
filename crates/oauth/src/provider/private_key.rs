//! The key that a client proves itself with (RFC 7523 §2.2), parsed once.

use core::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Serialize;
use unlapse_core::{Secret, UnixTime};
use zeroize::Zeroizing;

use super::signer::{Claims, NotSigned};

/// The longest PEM text that is looked at, in bytes: a key of RSA with 8192 bits takes some 6400.
const MAX_PEM: usize = 16 * 1024;

/// A private key of RSA (2048 to 8192 bits), P-256 or Ed25519.
pub struct PrivateKey {
    pair: Pair,
    /// The protected header of every JWT, encoded, with its dot.
    header: String,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    P256(Box<EcdsaKeyPair>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// A text that is no private key. Repeats nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no PEM of a private key of RSA (2048 bits or more), P-256 or Ed25519, unencrypted")]
pub struct BadPrivateKey;

impl PrivateKey {
    /// Reads a PEM text: `PRIVATE KEY` (RFC 5958), or `RSA PRIVATE KEY` (RFC 8017 A.1.2).
    /// `key_id` is the `kid` of its JWTs, where the provider has given the key one.
    pub fn parse(pem: &Secret, key_id: Option<&str>) -> Result<Self, BadPrivateKey> {
        let pair = Pair::parse(pem.expose()).ok_or(BadPrivateKey)?;
        let header = Header { alg: pair.algorithm(), typ: "JWT", kid: key_id };
        Ok(Self { header: format!("{}.", URL_SAFE_NO_PAD.encode(json(&header))), pair })
    }

    /// A JWT of `claims` (RFC 7523 §3), issued now. `jti` is 16 random bytes.
    pub fn sign(
        &self,
        claims: Claims<'_>,
        now: UnixTime,
        jti: [u8; 16],
    ) -> Result<Secret, NotSigned> {
        let claims = json(&Payload {
            iss: claims.issuer,
            sub: claims.subject,
            aud: claims.audience,
            iat: now.as_secs(),
            exp: now.plus(claims.lifetime).as_secs(),
            jti: &URL_SAFE_NO_PAD.encode(jti),
        });
        let mut jwt = self.header.clone();
        URL_SAFE_NO_PAD.encode_string(claims, &mut jwt);
        let signature = self.pair.sign(jwt.as_bytes()).ok_or(NotSigned)?;
        jwt.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
        Ok(Secret::from(jwt))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.pair.algorithm())
    }
}

impl Pair {
    fn parse(pem: &str) -> Option<Self> {
        if pem.len() > MAX_PEM {
            return None;
        }
        if let Some(der) = der(pem, "RSA PRIVATE KEY") {
            return RsaKeyPair::from_der(&der).ok().map(|pair| Self::Rsa(Box::new(pair)));
        }
        let der = der(pem, "PRIVATE KEY")?;
        if let Ok(pair) = RsaKeyPair::from_pkcs8(&der) {
            return Some(Self::Rsa(Box::new(pair)));
        }
        if let Ok(pair) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der) {
            return Some(Self::P256(Box::new(pair)));
        }
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok()?;
        Some(Self::Ed25519(Box::new(pair)))
    }

    /// The `alg` of its signatures (RFC 7518 §3.1, RFC 8037 §3.1).
    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        // Signatures have their own source of randomness, and ask no other.
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::P256(pair) => Some(pair.sign(&random, message).ok()?.as_ref().to_vec()),
            Self::Ed25519(pair) => Some(pair.try_sign(message).ok()?.as_ref().to_vec()),
        }
    }
}

/// What stands between the two lines of a PEM text (RFC 7468).
fn der(pem: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, after) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (inner, _) = after.split_once(&format!("-----END {label}-----"))?;
    let mut text = Zeroizing::new(String::with_capacity(inner.len()));
    text.extend(inner.chars().filter(|c| !c.is_ascii_whitespace()));
    STANDARD.decode(text.as_bytes()).ok().map(Zeroizing::new)
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'static str,
    typ: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: &'a str,
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers are always JSON")
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, KeyPair as _, RSA_PKCS1_2048_8192_SHA256,
        UnparsedPublicKey, VerificationAlgorithm,
    };

    use super::*;

    fn pem(der: &[u8]) -> Secret {
        Secret::from(format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            STANDARD.encode(der)
        ))
    }

    fn part(jwt: &str, index: usize) -> Vec<u8> {
        let part = jwt.split('.').nth(index).expect("three parts");
        URL_SAFE_NO_PAD.decode(part).expect("base64url")
    }

    fn check(
        pem: &Secret,
        algorithm: &str,
        verification: &'static dyn VerificationAlgorithm,
        public: &[u8],
    ) {
        let key = PrivateKey::parse(pem, Some("k1")).expect("a key");
        let claims = Claims {
            issuer: "acme.example",
            subject: "cid",
            audience: "https://as.example",
            lifetime: Duration::from_secs(60),
        };
        let jwt = key.sign(claims, UnixTime::from_secs(1000), [7; 16]).expect("a signature");
        let jwt = jwt.expose();
        let header = String::from_utf8(part(jwt, 0)).expect("text");
        assert_eq!(header, format!(r#"{{"alg":"{algorithm}","typ":"JWT","kid":"k1"}}"#));
        let payload: serde_json::Value = serde_json::from_slice(&part(jwt, 1)).expect("JSON");
        let expected = serde_json::json!({
            "iss": "acme.example", "sub": "cid", "aud": "https://as.example",
            "iat": 1000, "exp": 1060, "jti": "BwcHBwcHBwcHBwcHBwcHBw",
        });
        assert_eq!(payload, expected);
        let (message, _) = jwt.rsplit_once('.').expect("a signature");
        let public = UnparsedPublicKey::new(verification, public);
        assert!(public.verify(message.as_bytes(), &part(jwt, 2)).is_ok(), "{algorithm}");
        assert_eq!(format!("{key:?}"), format!("PrivateKey({algorithm})"));
    }

    #[test]
    fn rfc7523_3_a_jwt_of_each_kind_of_key() {
        let rsa = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let der: Pkcs8V1Der<'_> = rsa.as_der().expect("a document");
        let verification = &RSA_PKCS1_2048_8192_SHA256;
        check(&pem(der.as_ref()), "RS256", verification, rsa.public_key().as_ref());

        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let der = ec.to_pkcs8v1().expect("a document");
        check(&pem(der.as_ref()), "ES256", &ECDSA_P256_SHA256_FIXED, ec.public_key().as_ref());

        let ed = Ed25519KeyPair::generate().expect("a key");
        let der = ed.to_pkcs8v1().expect("a document");
        check(&pem(der.as_ref()), "EdDSA", &ED25519, ed.public_key().as_ref());
    }

    #[test]
    fn r18_what_is_no_key_is_told_without_it() {
        let long = format!("-----BEGIN PRIVATE KEY-----{}", "A".repeat(20_000));
        for bad in [
            "",
            "canary4711",
            "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nY2FuYXJ5\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nY2FuYXJ5\n-----END ENCRYPTED PRIVATE KEY-----",
            &long,
        ] {
            let error = PrivateKey::parse(&Secret::new(bad), None).expect_err("no key");
            assert_eq!(error, BadPrivateKey);
        }
    }
}
