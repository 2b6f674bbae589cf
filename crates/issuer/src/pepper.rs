//! The peppers: the secrets that refresh tokens are made under, apart from the database.

use core::fmt;

use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::random;
use crate::session::Salt;

/// Names a pepper: 1 to 16 of `A–Z a–z 0–9 _ -`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kid(Box<str>);

/// A pepper or the set of them is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPepper {
    /// The name.
    #[error("a pepper's name is 1 to 16 of letters, digits, `_` and `-`")]
    Kid,
    /// The secret.
    #[error("a pepper is 32 to 1024 random bytes")]
    Length,
    /// Two peppers of one name.
    #[error("two peppers have the same name")]
    Twice,
}

impl Kid {
    /// Longest name, in bytes.
    pub const MAX: usize = 16;

    /// Reads a name.
    pub fn new(name: &str) -> Result<Self, BadPepper> {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || name.len() > Self::MAX || !name.bytes().all(valid) {
            return Err(BadPepper::Kid);
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One pepper. As precious as a signing key: whoever holds it *and* the database forges sessions.
pub struct Pepper {
    kid: Kid,
    secret: Zeroizing<Vec<u8>>,
    outer: hmac::Key,
}

const OUTER: &[u8] = b"unlapse refresh token v1: outer";
const INNER: &[u8] = b"unlapse refresh token v1: session";

impl Pepper {
    /// From a secret that was drawn at random: 32 bytes or more.
    pub fn new(kid: &str, secret: &[u8]) -> Result<Self, BadPepper> {
        let kid = Kid::new(kid)?;
        if !(32..=1024).contains(&secret.len()) {
            return Err(BadPepper::Length);
        }
        let outer = derive(&[], secret, OUTER, &kid, hmac::HMAC_SHA256);
        Ok(Self { kid, secret: Zeroizing::new(secret.to_vec()), outer })
    }

    /// A fresh one, for an issuer whose sessions need not outlive the process.
    pub fn generate(kid: &str) -> Result<Self, BadPepper> {
        let secret = Zeroizing::new(random::bytes::<32>());
        Self::new(kid, &*secret)
    }

    /// Its name.
    pub fn kid(&self) -> &Kid {
        &self.kid
    }

    /// Under the pepper alone: recognises our own tokens before any database is asked.
    pub(crate) fn outer(&self) -> &hmac::Key {
        &self.outer
    }

    /// Under the pepper and the session's salt: neither alone makes a token.
    pub(crate) fn inner(&self, salt: &Salt) -> hmac::Key {
        derive(salt.as_bytes(), &self.secret, INNER, &self.kid, hmac::HMAC_SHA256)
    }

    /// Under the pepper alone, for another purpose that `info` names.
    pub(crate) fn derive<L: hkdf::KeyType, K>(&self, info: &[u8], length: L) -> K
    where
        K: for<'a> From<hkdf::Okm<'a, L>>,
    {
        derive(&[], &self.secret, info, &self.kid, length)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pepper").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// HKDF-SHA256 (RFC 5869). The name is part of it, so that a token cannot be passed off under
/// another name of the same secret.
fn derive<L: hkdf::KeyType, K>(salt: &[u8], secret: &[u8], info: &[u8], kid: &Kid, length: L) -> K
where
    K: for<'a> From<hkdf::Okm<'a, L>>,
{
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info, kid.as_str().as_bytes()], length)
        .expect("HKDF gives up to 255 hashes, and one is asked for")
        .into()
}

/// The peppers in use: one that new tokens are made under, and older ones that still verify.
///
/// To rotate without a logout: add the new pepper with [`Peppers::verifying`] on every node, then
/// make it the first on every node, then drop the old one once every session has been refreshed
/// or has ended. Dropping a pepper ends the sessions that were last refreshed under it.
#[derive(Debug)]
pub struct Peppers {
    /// The first makes new tokens.
    peppers: Vec<Pepper>,
}

impl Peppers {
    /// New tokens are made under `newest`.
    pub fn new(newest: Pepper) -> Self {
        Self { peppers: vec![newest] }
    }

    /// Tokens made under `pepper` verify too.
    pub fn verifying(mut self, pepper: Pepper) -> Result<Self, BadPepper> {
        if self.find(pepper.kid.as_str()).is_some() {
            return Err(BadPepper::Twice);
        }
        self.peppers.push(pepper);
        Ok(self)
    }

    /// The one that new tokens are made under.
    pub fn newest(&self) -> &Pepper {
        &self.peppers[0]
    }

    /// All of them, the newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Pepper> {
        self.peppers.iter()
    }

    /// The one of that name. Names are no secret: no need for constant time.
    pub(crate) fn find(&self, kid: &str) -> Option<&Pepper> {
        self.peppers.iter().find(|pepper| pepper.kid.as_str() == kid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_secrets_have_their_ranges() {
        for bad in ["", "a.b", "ä", "a b", "seventeen-letters"] {
            assert_eq!(Pepper::generate(bad).err(), Some(BadPepper::Kid), "{bad}");
        }
        assert_eq!(Pepper::new("a", &[7; 31]).err(), Some(BadPepper::Length));
        let twice = Peppers::new(Pepper::generate("a").expect("valid"))
            .verifying(Pepper::generate("a").expect("valid"));
        assert_eq!(twice.err(), Some(BadPepper::Twice));
    }

    #[test]
    fn c13_debug_shows_no_secret() {
        let shown = format!("{:?}", Peppers::new(Pepper::new("a", &[0x41; 32]).expect("valid")));
        assert!(!shown.contains("65") && !shown.contains("AAAA"), "{shown}");
    }
}
