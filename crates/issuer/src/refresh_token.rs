//! The refresh token: `v1.kid.base64url(session ‖ generation ‖ MAC ‖ outer MAC)`.
//!
//! No token is stored anywhere: it can be computed again from the session and the pepper, so a
//! replay is answered with the same successor byte for byte, and no chain can fork.
//!
//! - The MAC is HMAC-SHA256 over session and generation under HKDF(pepper, salt of the session):
//!   neither a leaked database nor a leaked pepper makes one.
//! - The outer MAC, half an HMAC-SHA256 (RFC 2104 §5) over everything before it under the pepper
//!   alone, rejects garbage before any database is asked.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use unlapse_core::Secret;
use zeroize::Zeroizing;

use crate::pepper::{Kid, Pepper, Peppers};
use crate::session::{Session, SessionId};

const VERSION: &str = "v1";
const SESSION: usize = 16;
const GENERATION: usize = 8;
const MAC: usize = 32;
const OUTER: usize = 16;
/// 72 bytes, a multiple of three: base64url has no spare bits that could spell one token twice.
const BODY: usize = SESSION + GENERATION + MAC + OUTER;
const ENCODED: usize = BODY / 3 * 4;

/// A refresh token that was made under one of our peppers. Whether it is its session's own is
/// said by [`RefreshToken::is_of`] once the session is at hand.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    kid: Kid,
    session: SessionId,
    generation: u64,
    mac: [u8; MAC],
}

/// Why a text is no refresh token of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRefreshToken {
    /// Not the form of one, or its outer MAC does not hold.
    #[error("it is no refresh token of this issuer")]
    Malformed,
    /// It has the form, and names a pepper that is no longer, or not yet, in use here.
    #[error("it was made under a pepper that is not in use here")]
    UnknownPepper,
}

impl RefreshToken {
    /// Longest text that can be one, in bytes.
    pub const MAX: usize = VERSION.len() + 1 + Kid::MAX + 1 + ENCODED;

    /// Reads a text as anybody may send it.
    pub fn parse(text: &str, peppers: &Peppers) -> Result<Self, BadRefreshToken> {
        use BadRefreshToken::{Malformed, UnknownPepper};
        if text.len() > Self::MAX {
            return Err(Malformed);
        }
        let mut parts = text.split('.');
        let (Some(VERSION), Some(kid), Some(encoded), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Malformed);
        };
        if encoded.len() != ENCODED {
            return Err(Malformed);
        }
        let kid = Kid::new(kid).map_err(|_| Malformed)?;
        let mut body = Zeroizing::new([0; BODY]);
        match URL_SAFE_NO_PAD.decode_slice(encoded, &mut *body) {
            Ok(BODY) => {}
            _ => return Err(Malformed),
        }
        let pepper = peppers.find(kid.as_str()).ok_or(UnknownPepper)?;
        let (claimed, outer) = body.split_at(BODY - OUTER);
        constant_time::verify_slices_are_equal(&outer_mac(pepper, claimed), outer)
            .map_err(|_| Malformed)?;
        let (session, rest) = claimed.split_first_chunk().ok_or(Malformed)?;
        let (generation, mac) = rest.split_first_chunk().ok_or(Malformed)?;
        Ok(Self {
            kid,
            session: SessionId::from_bytes(*session),
            generation: u64::from_be_bytes(*generation),
            mac: mac.try_into().map_err(|_| Malformed)?,
        })
    }

    /// The current refresh token of `session`: always the same text for the same generation.
    /// `None` when the pepper it was made under is no longer in use.
    pub fn mint(session: &Session, peppers: &Peppers) -> Option<Secret> {
        Self::mint_with(session, peppers, None)
    }

    /// The same, with a key that may be at hand already.
    pub(crate) fn mint_with(
        session: &Session,
        peppers: &Peppers,
        key: Option<SessionKey<'_>>,
    ) -> Option<Secret> {
        let key = key.filter(|key| *key.pepper.kid() == session.kid);
        let key = match key {
            Some(key) => key,
            None => SessionKey::derive(session, peppers.find(session.kid.as_str())?),
        };
        let pepper = key.pepper;
        let mut body = Zeroizing::new([0; BODY]);
        let head = head(session.id, session.generation);
        let mac = hmac::sign(&key.key, &head);
        body[..SESSION + GENERATION].copy_from_slice(&head);
        body[SESSION + GENERATION..BODY - OUTER].copy_from_slice(mac.as_ref());
        let outer = outer_mac(pepper, &body[..BODY - OUTER]);
        body[BODY - OUTER..].copy_from_slice(&outer);
        let mut text = String::with_capacity(Self::MAX);
        text.push_str(VERSION);
        text.push('.');
        text.push_str(session.kid.as_str());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(*body, &mut text);
        Some(Secret::from(text))
    }

    /// The session it names.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Its generation.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether it was made with the salt of `session`, which only the store knows. A token that
    /// passes the outer MAC and fails here was made by somebody who holds the pepper.
    pub fn is_of(&self, session: &Session, peppers: &Peppers) -> bool {
        self.session_key(session, peppers).is_some()
    }

    /// The key that it was made with, if it was made with the salt of `session`: its successor is
    /// made with the same one, unless the pepper has been rotated.
    pub(crate) fn session_key<'a>(
        &self,
        session: &Session,
        peppers: &'a Peppers,
    ) -> Option<SessionKey<'a>> {
        let key = SessionKey::derive(session, peppers.find(self.kid.as_str())?);
        let head = head(self.session, self.generation);
        let is_of = self.session == session.id && hmac::verify(&key.key, &head, &self.mac).is_ok();
        is_of.then_some(key)
    }
}

/// What the MAC of a session's refresh tokens is made with, under one pepper.
pub(crate) struct SessionKey<'a> {
    pepper: &'a Pepper,
    key: hmac::Key,
}

impl<'a> SessionKey<'a> {
    fn derive(session: &Session, pepper: &'a Pepper) -> Self {
        Self { pepper, key: pepper.inner(&session.salt) }
    }
}

impl core::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RefreshToken")
            .field("session", &self.session)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

fn head(session: SessionId, generation: u64) -> [u8; SESSION + GENERATION] {
    let mut head = [0; SESSION + GENERATION];
    head[..SESSION].copy_from_slice(session.as_bytes());
    head[SESSION..].copy_from_slice(&generation.to_be_bytes());
    head
}

fn outer_mac(pepper: &Pepper, claimed: &[u8]) -> [u8; OUTER] {
    let tag = hmac::sign(pepper.outer(), claimed);
    *tag.as_ref().first_chunk().expect("a SHA-256 tag is 32 bytes")
}

#[cfg(test)]
#[path = "refresh_token_tests.rs"]
mod tests;
