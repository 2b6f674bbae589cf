//! A client's own JWT (RFC 7523 §2.2).

use core::time::Duration;

use unlapse_core::Secret;

/// What the JWT says, but for `iat`, `exp` and `jti`, which its signer adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `sub`.
    pub subject: &'a str,
    /// `aud`.
    pub audience: &'a str,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
}

/// The client's private key: the cryptography, and what it takes of time and randomness.
pub trait Signer: Send + Sync {
    /// A signed JWT (RFC 7515 §3.1) of those claims.
    fn sign(&self, claims: Claims<'_>) -> Result<Secret, NotSigned>;
}

/// No JWT could be made with the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no JWT could be signed with the client's key")]
pub struct NotSigned;
