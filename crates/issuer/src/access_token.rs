//! The access token: a JWT as RFC 9068 has it.

use core::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use unlapse_core::{Secret, UnixTime};
use unlapse_verify::JwkSet;

use crate::signing_key::SigningKey;

/// What an access token says (RFC 9068 §2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who issued it: the issuer's URL.
    pub iss: String,
    /// Who it speaks for: the user, or the client itself.
    pub sub: String,
    /// Who it is meant for.
    pub aud: String,
    /// The client it was given to.
    pub client_id: String,
    /// What it may be used for; absent when nothing was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Not to be used from here on: seconds since 1970.
    pub exp: u64,
    /// When it was issued: seconds since 1970.
    pub iat: u64,
    /// Its own name: two tokens are never the same.
    pub jti: String,
    /// Its session; absent when it belongs to none (`client_credentials`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The key that it is bound to (RFC 9449 §6.1); absent when whoever has it may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// What a token is bound to (RFC 7800).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The thumbprint of the key (RFC 9449 §6.1).
    pub jkt: String,
}

/// Why an access token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadAccessToken {
    /// No JWT with the claims of RFC 9068.
    #[error("it is no access token (RFC 9068)")]
    Malformed,
    /// Signed with a key that is not published here.
    #[error("it is signed with a key that this issuer does not have")]
    Key,
    /// Its `alg` is not the key's.
    #[error("its `alg` is not that of its key")]
    Algorithm,
    /// Its `typ` is not `at+jwt`: another kind of JWT.
    #[error("its `typ` is not `at+jwt`")]
    Type,
    /// The signature does not hold.
    #[error("its signature does not hold")]
    Signature,
    /// Another issuer's.
    #[error("its `iss` is another issuer")]
    Issuer,
    /// Meant for somebody else.
    #[error("its `aud` is somebody else")]
    Audience,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// Its session, or it alone, was revoked.
    #[error("it was revoked")]
    Revoked,
}

/// Longest text that is looked at: 8 KiB, which is what servers take as one header.
const MAX: usize = 8 * 1024;

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: String,
    #[serde(default)]
    kid: String,
    /// Extensions that must be understood (RFC 7515 §4.1.11): we know none.
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

impl AccessClaims {
    /// Signs them.
    pub(crate) fn sign(&self, key: &SigningKey) -> Secret {
        let claims = serde_json::to_vec(self).expect("strings and numbers always make JSON");
        let mut token = String::with_capacity(key.header().len() + claims.len() * 4 / 3 + 352);
        token.push_str(key.header());
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = key.sign(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Secret::from(token)
    }

    /// Reads a token that a key of `keys` signed for `iss` and `aud`, whether expired or not: what
    /// it may still be used for is the caller's question.
    pub(crate) fn open(
        token: &str,
        keys: &JwkSet,
        iss: &str,
        aud: &str,
    ) -> Result<Self, BadAccessToken> {
        use BadAccessToken::Malformed;
        if token.len() > MAX {
            return Err(Malformed);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(Malformed)?;
        let header: Header = decode(header)?;
        let named = keys.keys().iter().find(|jwk| jwk.kid() == header.kid);
        let jwk = named.ok_or(BadAccessToken::Key)?;
        if header.alg != jwk.algorithm().as_str() {
            return Err(BadAccessToken::Algorithm);
        }
        // RFC 9068 §4: with or without the prefix (RFC 7515 §4.1.9).
        let typ = header.typ.to_ascii_lowercase();
        if !matches!(typ.as_str(), "at+jwt" | "application/at+jwt") {
            return Err(BadAccessToken::Type);
        }
        if header.crit.is_some() {
            return Err(Malformed);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Malformed)?;
        if !jwk.key().verifies(message.as_bytes(), &signature) {
            return Err(BadAccessToken::Signature);
        }
        let claims: Self = decode(claims)?;
        if claims.iss != iss {
            return Err(BadAccessToken::Issuer);
        }
        if claims.aud != aud {
            return Err(BadAccessToken::Audience);
        }
        Ok(claims)
    }

    /// When it ends.
    pub fn expires_at(&self) -> UnixTime {
        UnixTime::from_secs(self.exp)
    }

    /// `iat` and `exp` of a token that is issued at `now` for `lifetime`. Both are whole seconds:
    /// the end is rounded up, so that a client that counts `expires_in` from its request never
    /// uses it too late.
    pub(crate) fn span(now: UnixTime, lifetime: Duration) -> (u64, u64) {
        (now.as_secs(), now.plus(lifetime).as_millis().div_ceil(1000))
    }
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, BadAccessToken> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| BadAccessToken::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| BadAccessToken::Malformed)
}

#[cfg(test)]
#[path = "access_token_tests.rs"]
mod tests;
