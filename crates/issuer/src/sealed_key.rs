//! A signing key at rest: sealed whole under a pepper, so that a node needs its peppers and its
//! store and nothing else.
//!
//! ```text
//! unlapse signing key v1, sealed under PEPPER⏎      in clear, authenticated with the key's name
//! nonce, ciphertext, tag                            AES-256-GCM under HKDF of the pepper
//! ```
//!
//! Sealed is a line of JSON that says where the key is in its life, and behind it the private key
//! (PKCS#8) or, once it signs no more, the public one (JWK). All of it is authenticated: whoever
//! can write to the database can bring neither a key of their own nor a revoked one into use.

use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce};
use serde::{Deserialize, Serialize};
use unlapse_core::UnixTime;
use unlapse_verify::{Algorithm, Jwk};
use zeroize::Zeroizing;

use crate::key_cycle::Stage;
use crate::pepper::{Kid, Pepper, Peppers};
use crate::random;
use crate::signing_key::SigningKey;

/// A key and where it is in its life. The private key is there as long as it may be needed.
#[derive(Clone, Debug)]
pub(crate) enum SealedKey {
    /// Is published, and will sign.
    Pending { key: Arc<SigningKey>, since: UnixTime },
    /// Signs.
    Active { key: Arc<SigningKey>, since: UnixTime, due: bool },
    /// Signs no more, and is published until then.
    Retiring { jwk: Box<Jwk>, until: UnixTime },
    /// Was revoked then.
    Revoked { since: UnixTime },
}

/// Why a document did not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unopened {
    /// The pepper of that name is not here.
    Pepper(String),
    /// No document of ours under that name, or one that somebody changed.
    Damaged,
}

/// Largest document: RSA of 8192 bits takes 5 KiB.
const MAX: usize = 16 * 1024;

const PREFIX: &str = "unlapse signing key v1, sealed under ";

/// The line before the key.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    stage: Name,
    /// Since when, or for `retiring` until when.
    at: UnixTime,
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    due: bool,
    /// Of a private key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Name {
    Pending,
    Active,
    Retiring,
    Revoked,
}

impl SealedKey {
    /// Where it is in its life.
    pub(crate) fn stage(&self) -> Stage {
        match *self {
            Self::Pending { since, .. } => Stage::Pending { since },
            Self::Active { since, due, .. } => Stage::Active { since, due },
            Self::Retiring { until, .. } => Stage::Retiring { until },
            Self::Revoked { since } => Stage::Revoked { since },
        }
    }

    /// The public key; `None` when it was revoked.
    pub(crate) fn jwk(&self) -> Option<&Jwk> {
        match self {
            Self::Pending { key, .. } | Self::Active { key, .. } => Some(key.jwk()),
            Self::Retiring { jwk, .. } => Some(jwk),
            Self::Revoked { .. } => None,
        }
    }

    /// Seals it for the place of that name, under `pepper`.
    pub(crate) fn seal(&self, kid: &str, pepper: &Pepper) -> Vec<u8> {
        let head = format!("{PREFIX}{}\n", pepper.kid().as_str());
        let nonce = random::bytes::<NONCE_LEN>();
        let mut body = self.to_plain();
        let tag = pepper
            .sealing_key()
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                associated(&head, kid),
                &mut body,
            )
            .expect("a document is far below what one nonce can seal");
        [head.as_bytes(), &nonce, &body, tag.as_ref()].concat()
    }

    /// Opens what was sealed for the place of that name.
    pub(crate) fn open(kid: &str, document: &[u8], peppers: &Peppers) -> Result<Self, Unopened> {
        let (head, pepper) = head(document).ok_or(Unopened::Damaged)?;
        let sealed = &document[head.len()..];
        let (nonce, sealed) = sealed.split_first_chunk().ok_or(Unopened::Damaged)?;
        let Some(pepper) = peppers.find(pepper.as_str()) else {
            return Err(Unopened::Pepper(pepper.as_str().to_owned()));
        };
        let mut body = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = pepper
            .sealing_key()
            .open_in_place(nonce, associated(head, kid), &mut body)
            .map_err(|_| Unopened::Damaged)?;
        let called = |key: &Self| key.jwk().is_none_or(|jwk| jwk.kid() == kid);
        Self::from_plain(plain).filter(called).ok_or(Unopened::Damaged)
    }

    fn to_plain(&self) -> Zeroizing<Vec<u8>> {
        let (stage, at, due, key) = match self {
            Self::Pending { key, since } => (Name::Pending, *since, false, Some(key)),
            Self::Active { key, since, due } => (Name::Active, *since, *due, Some(key)),
            Self::Retiring { until, .. } => (Name::Retiring, *until, false, None),
            Self::Revoked { since } => (Name::Revoked, *since, false, None),
        };
        let alg = key.map(|key| key.algorithm().as_str().to_owned());
        let line = serde_json::to_vec(&Line { stage, at, due, alg });
        let line = line.expect("strings and numbers always make JSON");
        let key = match self {
            Self::Pending { key, .. } | Self::Active { key, .. } => {
                key.to_pkcs8().expect("a key that was parsed can be written")
            }
            Self::Retiring { jwk, .. } => {
                Zeroizing::new(serde_json::to_vec(jwk).expect("strings alone always make JSON"))
            }
            Self::Revoked { .. } => Zeroizing::default(),
        };
        // All of it at once: growing would leave copies of the key behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(line.len() + 1 + key.len()));
        plain.extend_from_slice(&line);
        plain.push(b'\n');
        plain.extend_from_slice(&key);
        plain
    }

    fn from_plain(plain: &[u8]) -> Option<Self> {
        let end = plain.iter().position(|byte| *byte == b'\n')?;
        let (line, key) = (&plain[..end], &plain[end + 1..]);
        let Line { stage, at, due, alg } = serde_json::from_slice(line).ok()?;
        let private = || {
            let algorithm = Algorithm::parse(alg.as_deref()?)?;
            SigningKey::from_pkcs8(algorithm, key).ok().map(Arc::new)
        };
        Some(match stage {
            Name::Pending => Self::Pending { key: private()?, since: at },
            Name::Active => Self::Active { key: private()?, since: at, due },
            Name::Retiring => Self::Retiring { jwk: Box::new(Jwk::parse(key).ok()?), until: at },
            Name::Revoked => Self::Revoked { since: at },
        })
    }
}

/// The name of the pepper that a document is sealed under.
pub(crate) fn sealed_under(document: &[u8]) -> Option<Kid> {
    head(document).map(|(_, pepper)| pepper)
}

/// The line in clear, with its end, and the pepper that it names.
fn head(document: &[u8]) -> Option<(&str, Kid)> {
    // The longest name of a pepper and the end of the line.
    let within = &document[..document.len().min(PREFIX.len() + Kid::MAX + 1)];
    if document.len() > MAX {
        return None;
    }
    let end = within.iter().position(|byte| *byte == b'\n')?;
    let head = core::str::from_utf8(&document[..=end]).ok()?;
    let pepper = head.strip_prefix(PREFIX)?.strip_suffix('\n')?;
    Some((head, Kid::new(pepper).ok()?))
}

/// What is authenticated with a key: the line in clear, and the place it is for.
fn associated(head: &str, kid: &str) -> Aad<Vec<u8>> {
    Aad::from([head.as_bytes(), kid.as_bytes()].concat())
}

impl Pepper {
    /// What signing keys are sealed under.
    fn sealing_key(&self) -> LessSafeKey {
        LessSafeKey::new(self.derive(b"unlapse signing key v1: seal", &AES_256_GCM))
    }
}

#[cfg(test)]
#[path = "sealed_key_tests.rs"]
mod tests;
