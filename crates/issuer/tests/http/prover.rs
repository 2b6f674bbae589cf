//! Whoever has a key: signs proofs, and whatever else a test wants signed.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use unlapse_issuer::{Jwk, Thumbprint};

/// The time at which every server here starts: seconds since 1970.
pub(crate) const START: u64 = 1_700_000_000;

pub(crate) enum Prover {
    Ed25519(Ed25519KeyPair),
    P256(EcdsaKeyPair),
}

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Prover {
    pub(crate) fn ed25519() -> Self {
        Self::Ed25519(Ed25519KeyPair::generate().expect("drawn"))
    }

    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("drawn"))
    }

    pub(crate) fn alg(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
        }
    }

    pub(crate) fn jwk(&self) -> Jwk {
        match self {
            Self::Ed25519(pair) => {
                Jwk::ed25519(pair.public_key().as_ref().try_into().expect("32 bytes"))
            }
            Self::P256(pair) => {
                let point = pair.public_key().as_ref();
                let half = |from: usize| point[from..from + 32].try_into().expect("32 bytes");
                Jwk::p256(&half(1), &half(33))
            }
        }
        .expect("a good key")
    }

    pub(crate) fn jkt(&self) -> Thumbprint {
        self.jwk().thumbprint()
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let message =
            format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature = match self {
            Self::Ed25519(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
            Self::P256(pair) => {
                let signed = pair.sign(&SystemRandom::new(), message.as_bytes());
                signed.expect("signed").as_ref().to_vec()
            }
        };
        format!("{message}.{}", base64url(signature))
    }

    /// A JWT of that kind, under the name of its key.
    pub(crate) fn jwt(&self, typ: &str, claims: &Value) -> String {
        let header = json!({"alg": self.alg(), "typ": typ, "kid": self.jwk().kid()});
        self.sign(&header, claims)
    }

    /// A proof with these claims and a `jti` of its own.
    pub(crate) fn proof(&self, claims: &Value) -> String {
        let jwk = serde_json::to_value(self.jwk()).expect("JSON");
        self.sign(&json!({"alg": self.alg(), "typ": "dpop+jwt", "jwk": jwk}), claims)
    }
}

/// The claims of a proof of `POST` to `url` at the start, with another `jti` each time.
pub(crate) fn proves(url: &str) -> Value {
    use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let jti = format!("jti-{}", NUMBER.fetch_add(1, SeqCst));
    json!({"htm": "POST", "htu": url, "iat": START, "jti": jti})
}

/// `claims` with one of them replaced, or left out.
pub(crate) fn with(mut claims: Value, name: &str, value: Option<Value>) -> Value {
    let members = claims.as_object_mut().expect("an object");
    match value {
        Some(value) => members.insert(name.to_owned(), value),
        None => members.remove(name),
    };
    claims
}
